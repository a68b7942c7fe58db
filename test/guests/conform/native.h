/* Calls that any stage may make: log, heap, memory, Linux, time. */

struct iovec { const void *base; size_t len; };
struct timespec { int64_t seconds, nanoseconds; };

static void native(void)
{
	static char a[64] = "twelve bytes", b[64];
	uint64_t info[3];
	char *p, *q;

	p = fp_malloc(17);
	q = fp_malloc(1);
	CHECK(p && q && ((unsigned long)p & 15) == 0 && (q - p) % 16 == 0);
	FP_CALL3(FP_NATIVE_MEMSET, p, 'x', 17);
	CHECK(p[0] == 'x' && p[16] == 'x');
	p = fp_realloc(p, 4000);
	CHECK(p && p[16] == 'x');
	EQ(FP_CALL1(FP_NATIVE_FREE, p), p); /* a0 stays as it was */
	p = fp_calloc(10, 10);
	CHECK(p && p[0] == 0 && p[99] == 0);
	EQ(fp_calloc(1ul << 40, 1ul << 40), 0);
	EQ(fp_malloc(1ul << 40), 0);
	fp_free(p);
	fp_free(q);
	fp_free(0);
	EQ(FP_CALL1(FP_NATIVE_MEMINFO, info), 0);
	CHECK(info[0] > 0);
	EQ(FP_CALL3(FP_NATIVE_MEMCPY, b, a, 13), b);
	CHECK(fp_equal(b, "twelve bytes"));
	EQ(FP_CALL3(FP_NATIVE_MEMMOVE, b + 2, b, 13), b + 2);
	CHECK(fp_equal(b, "twtwelve bytes"));
	EQ(FP_CALL3(FP_NATIVE_MEMCMP, "abc", "abc", 3), 0);
	CHECK((int)FP_CALL3(FP_NATIVE_MEMCMP, "abc", "abd", 3) < 0 && FP_CALL3(FP_NATIVE_MEMCMP, 1, 1, 0) == 0);
	EQ(FP_CALL1(FP_NATIVE_STRLEN, "four"), 4);
	EQ(FP_CALL3(FP_NATIVE_STRNCMP, "abcx", "abcy", 3), 0);
	CHECK((int)FP_CALL3(FP_NATIVE_STRNCMP, "b", "a", 4096) > 0);
	EQ(FP_CALL0(FP_NATIVE_RESERVED), -1);
	EQ(FP_CALL0(FP_NATIVE_BACKTRACE), 0);
	EQ(FP_CALL1(799, 4711), 4711); /* no such call: a0 stays as it was */
}

static void linux_calls(void)
{
	struct iovec v[2] = {{"two ", 4}, {"pieces\n", 7}};
	struct timespec t = {0, 0};
	uint64_t pair[2];
	char name[6 * 65], random[16];
	uint32_t word = 1, cap[8] = {0x20080522, 0};
	long p;

	EQ(FP_CALL3(FP_LINUX_WRITE, 1, "one line\n", 9), 9);
	EQ(FP_CALL3(FP_LINUX_WRITE, 7, "x", 1), -9);
	EQ(FP_CALL3(FP_LINUX_WRITEV, 2, v, 2), 11);
	EQ(FP_CALL1(FP_LINUX_CLOSE, 1), 0);
	EQ(FP_CALL1(FP_LINUX_CLOSE, 9), -9);
	EQ(FP_CALL3(FP_LINUX_READ, 0, name, 10), 0);
	EQ(FP_CALL3(FP_LINUX_READ, 5, name, 10), -9);
	CHECK(FP_CALL4(FP_LINUX_OPENAT, -100, "/etc/passwd", 0, 0) < 0);
	CHECK(FP_CALL4(FP_LINUX_READLINKAT, -100, "/proc/self/exe", name, 4096) < 0);
	CHECK(FP_CALL3(FP_LINUX_READV, 5, v, 2) < 0 && FP_CALL4(FP_LINUX_PREAD64, 5, name, 1, 0) < 0);
	CHECK(FP_CALL3(FP_LINUX_LSEEK, 5, 0, 0) < 0 && FP_CALL3(FP_LINUX_GETDENTS64, 5, name, 10) < 0);
	CHECK(FP_CALL1(FP_LINUX_EVENTFD2, 0) < 0 && FP_CALL1(FP_LINUX_EPOLL_CREATE1, 0) < 0);
	CHECK(FP_CALL4(FP_LINUX_EPOLL_CTL, 5, 1, 6, 0) < 0 && FP_CALL5(FP_LINUX_EPOLL_PWAIT, 5, name, 1, 0, 0) < 0);
	CHECK(FP_CALL1(FP_LINUX_DUP, 7) < 0 && FP_CALL3(FP_LINUX_DUP3, 7, 8, 0) < 0 && FP_CALL3(FP_LINUX_FCNTL, 7, 1, 0) < 0);
	CHECK(FP_CALL2(FP_LINUX_PIPE2, name, 0) < 0 && FP_CALL3(FP_LINUX_IOCTL, 1, 0x5401, name) < 0);
	CHECK(FP_CALL3(FP_LINUX_FACCESSAT, -100, "/x", 0) < 0 && FP_CALL4(FP_LINUX_NEWFSTATAT, -100, "/x", name, 0) < 0);
	CHECK(FP_CALL5(FP_LINUX_STATX, -100, "/x", 0, 0, name) < 0);
	EQ(FP_CALL4(FP_LINUX_PPOLL, 0, 0, &t, 0), 0);
	EQ(FP_CALL2(FP_LINUX_CAPGET, cap, cap + 2), 0);
	EQ(FP_CALL3(FP_LINUX_FUTEX, &word, 1 | 128, 1), 0);  /* nobody to wake */
	EQ(FP_CALL4(FP_LINUX_FUTEX, &word, 0 | 128, 2, 0), -11); /* another value */
	EQ(FP_CALL2(FP_LINUX_CLOCK_GETTIME, 0, &t), 0);
	CHECK(t.seconds > 1700000000);
	EQ(FP_CALL2(FP_LINUX_CLOCK_GETTIME64, 0, &t), 0);
	CHECK(t.seconds > 1700000000);
	EQ(FP_CALL3(FP_LINUX_FUTEX_TIME64, &word, 1 | 128, 1), 0);
	CHECK(FP_CALL2(FP_LINUX_FSTAT, 9, name) < 0);
	EQ(FP_CALL2(FP_LINUX_GETTIMEOFDAY, pair, 0), 0);
	CHECK((int64_t)pair[0] >= t.seconds && (int64_t)pair[0] < t.seconds + 60);
	FP_CALL2(FP_LINUX_CLOCK_GETRES, 0, 0);
	t.seconds = 0, t.nanoseconds = 1000;
	EQ(FP_CALL2(FP_LINUX_NANOSLEEP, &t, 0), 0);
	EQ(FP_CALL4(FP_LINUX_CLOCK_NANOSLEEP, 1, 0, &t, 0), 0);
	EQ(FP_CALL4(FP_LINUX_CLOCK_NANOSLEEP_TIME64, 1, 0, &t, 0), 0);
	EQ(FP_CALL1(FP_LINUX_UNAME, name), 0);
	CHECK(name[0] != 0);
	p = FP_CALL1(FP_LINUX_BRK, 0);
	CHECK(p > 0);
	EQ(FP_CALL1(FP_LINUX_BRK, p + 4096), p + 4096);
	p = FP_CALL6(FP_LINUX_MMAP, 0, 8192, 3, 0x22, -1, 0);
	CHECK(p > 0 && (p & 4095) == 0 && *(volatile long *)p == 0);
	*(volatile long *)p = 5;
	EQ(FP_CALL3(FP_LINUX_MPROTECT, p, 4096, 1), 0);
	EQ(FP_CALL3(FP_LINUX_MSYNC, p, 4096, 4), 0);
	EQ(FP_CALL3(FP_LINUX_MADVISE, p + 4096, 4096, 4), 0);
	CHECK(FP_CALL5(FP_LINUX_MREMAP, p, 8192, 4096, 1, 0) > 0);
	EQ(FP_CALL2(FP_LINUX_MUNMAP, p, 8192), 0);
	EQ(FP_CALL4(FP_LINUX_PRLIMIT64, 0, 3, 0, pair), 0);
	CHECK(pair[0] >= 1 << 20);
	EQ(FP_CALL3(FP_LINUX_GETRANDOM, random, 16, 0), 16);
	EQ(FP_CALL0(FP_LINUX_SCHED_YIELD), 0);
	FP_CALL3(FP_LINUX_SCHED_GETAFFINITY, 0, 8, pair);
	EQ(FP_CALL2(FP_LINUX_SIGALTSTACK, 0, 0), 0);
	EQ(FP_CALL4(FP_LINUX_RT_SIGACTION, 10, 0, 0, 8), 0);
	EQ(FP_CALL4(FP_LINUX_RT_SIGPROCMASK, 0, 0, 0, 8), 0);
	FP_CALL5(FP_LINUX_PRCTL, 15, "name", 0, 0, 0);
	CHECK(FP_CALL0(FP_LINUX_GETPID) >= 0 && FP_CALL0(FP_LINUX_GETUID) >= 0 && FP_CALL0(FP_LINUX_GETEUID) >= 0);
	CHECK(FP_CALL0(FP_LINUX_GETGID) >= 0 && FP_CALL0(FP_LINUX_GETEGID) >= 0 && FP_CALL0(FP_LINUX_GETTID) >= 0);
	FP_CALL3(FP_LINUX_FLUSH_ICACHE, 0, 0, 0);
	FP_CALL5(FP_LINUX_HWPROBE, pair, 0, 0, 0, 0);
	CHECK(FP_CALL4(FP_LINUX_RSEQ, name, 32, 0, 0) < 0);
}

static void telling(void)
{
	long span;

	EQ(FP_CALL2(FP_SYS_PRINT, "printed", 7), 7);
	EQ(FP_CALL2(FP_SYS_LOG, "logged", 6), 6);
	EQ(fp_log_level(FP_WARNING, "warned"), 6);
	EQ(fp_log_level(9, "no such level"), FP_E_INVALID);
	SOME(fp_error_text(dst, size));
	EQ(fp_log_field("flavour", "sour"), 0);
	EQ(fp_log_field("no token", "x"), FP_E_INVALID);
	EQ(fp_counter_add("conform_checks", 3), 0);
	EQ(fp_counter_add("", 3), FP_E_INVALID);
	span = fp_span_begin("conforming");
	CHECK(span >= 0);
	EQ(fp_span_end(span), 0);
	EQ(fp_span_end(99), FP_E_NONE);
	fp_breakpoint();
	fp_on_fault(0);
}

static void clocks(void)
{
	struct fp_time t = {0, 0};
	uint64_t before = fp_monotonic();
	unsigned char a[16] = {0}, b[16] = {0};

	EQ(fp_now(&t), 0);
	CHECK(t.seconds > 1700000000 && t.nanoseconds >= 0 && t.nanoseconds < 1000000000);
	CHECK(fp_monotonic() >= before && before > 0);
	EQ(fp_random(a, 16), 16);
	EQ(fp_random(b, 16), 16);
	CHECK(!same((char *)a, (char *)b, 16));
	EQ(fp_random(room, 4097), FP_E_LIMIT);
	EQ(FP_CALL1(FP_SYS_REVISION, -1), FP_ABI_REVISION);
	EQ(fp_is_storage(), 0);
}
