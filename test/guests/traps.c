/*
 * Checks, one by one, what unmodified programs rely on. Each failure appends
 * "X-Failed: name"; X-Checked has the number of checks.
 */
#include "fishplate.h"

static int req_, checks, failures;
static char name_[64];
static char *block_of_main;
static char far_bss[1 << 20];

static void failed(const char *what)
{
	int n = 10, i;

	for (i = 0; i < 10; i++)
		name_[i] = "X-Failed: "[i];
	while (*what && n < 63)
		name_[n++] = *what++;
	fp_append_n(req_, name_, (size_t)n);
	failures++;
}

#define CHECK(what, condition) do { checks++; if (!(condition)) failed(what); } while (0)

/* The custom instruction: call 500+32, regex match, without a7. */
static long dyncall_match(long regex, const char *s, long n)
{
	register long a0 __asm__("a0") = regex;
	register const char *a1 __asm__("a1") = s;
	register long a2 __asm__("a2") = n;
	__asm__ volatile(".word 0x0200005b" : "+r"(a0) : "r"(a1), "r"(a2) : "memory");
	return a0;
}

static int same(const void *a, const void *b, size_t n)
{
	const char *x = a, *y = b;
	while (n--)
		if (*x++ != *y++)
			return 0;
	return 1;
}

static void calls(void)
{
	long n;

	CHECK("-1 is sign-extended", FP_CALL3(FP_SYS_HTTP_FIND, req_, "X-None", 6) == -1);
	CHECK("unknown call keeps a0", FP_CALL1(560, 12345) == 12345 && FP_CALL1(599 + 77, 9) == 9 && FP_CALL1(592, 4) == 4);
	CHECK("storage call without data", FP_CALL1(508, 56) == 0);
	CHECK("is_storage", FP_CALL0(FP_SYS_IS_STORAGE) == 0);
	CHECK("reserved", FP_CALL1(598, 1) == -1 && FP_CALL0(FP_SYS_PURGE) == -1);
	__asm__ volatile("rdinstret %0\n ebreak\n" : "=r"(n));
	long after;
	__asm__ volatile("rdinstret %0" : "=r"(after));
	CHECK("ebreak continues and costs 200000", after - n > 199999 && after - n < 201000);
	CHECK("set_backend", fp_set_backend(0) == -1);
}

static void heap(void)
{
	char text[] = "abcdef", other[] = "abcdeg";
	long info[3];
	char *a = (char *)FP_CALL1(FP_NATIVE_MALLOC, 0), *b = (char *)FP_CALL1(FP_NATIVE_MALLOC, 1);
	char *c = (char *)FP_CALL1(FP_NATIVE_MALLOC, 17), *d = (char *)FP_CALL1(FP_NATIVE_MALLOC, 1);

	CHECK("rounding", b - a == 16 && c - b == 16 && d - c == 32);
	CHECK("alignment", ((long)a & 15) == 0);
	CHECK("above main's", a > block_of_main);
	CHECK("free keeps a0", FP_CALL1(FP_NATIVE_FREE, b) == (long)b);
	CHECK("first fit", FP_CALL1(FP_NATIVE_MALLOC, 16) == (long)b);
	CHECK("free of nothing known", FP_CALL1(FP_NATIVE_FREE, 0x1234) == 0x1234);
	CHECK("free of main's block", FP_CALL1(FP_NATIVE_FREE, block_of_main) == (long)block_of_main);
	a = (char *)FP_CALL2(FP_NATIVE_REALLOC, block_of_main, 64);
	CHECK("realloc of main's block", a != block_of_main && fp_equal(a, "from main") && fp_equal(block_of_main, "from main"));
	CHECK("calloc overflow", FP_CALL2(FP_NATIVE_CALLOC, 1l << 33, 1l << 33) == 0);
	CHECK("no room", FP_CALL1(FP_NATIVE_MALLOC, 1l << 40) == 0);
	CHECK("meminfo", FP_CALL1(FP_NATIVE_MEMINFO, info) == 0 && info[1] > 0);
	CHECK("memcpy keeps a0", FP_CALL3(FP_NATIVE_MEMCPY, c, text, 7) == (long)c && fp_equal(c, text));
	CHECK("memmove", FP_CALL3(FP_NATIVE_MEMMOVE, c + 1, c, 5) == (long)(c + 1) && fp_equal(c, "aabcde"));
	CHECK("memset", FP_CALL3(FP_NATIVE_MEMSET, c, 'z', 3) == (long)c && same(c, "zzzc", 4));
	CHECK("memcmp", FP_CALL3(FP_NATIVE_MEMCMP, text, other, 6) < 0 && FP_CALL3(FP_NATIVE_MEMCMP, text, other, 5) == 0);
	CHECK("length 0 never faults", FP_CALL3(FP_NATIVE_MEMCPY, 1, 1, 0) == 1 && FP_CALL3(FP_NATIVE_MEMCMP, 1, 1, 0) == 0);
	CHECK("strlen", FP_CALL1(FP_NATIVE_STRLEN, text) == 6);
	CHECK("strncmp", FP_CALL3(FP_NATIVE_STRNCMP, text, other, 4096) < 0 && FP_CALL3(FP_NATIVE_STRNCMP, text, "abcdef", 4096) == 0);
}

static void linux_calls(void)
{
	long lim[2] = { 0, 0 }, brk = FP_CALL1(FP_LINUX_BRK, 0);
	char random[8] = { 0 };

	CHECK("brk is stateless", FP_CALL1(FP_LINUX_BRK, brk + 4096) == brk + 4096 && FP_CALL1(FP_LINUX_BRK, 0) == brk);
	CHECK("brk is clamped", FP_CALL1(FP_LINUX_BRK, brk + (8 << 20)) == brk + (1 << 20));
	CHECK("prlimit stack", FP_CALL4(FP_LINUX_PRLIMIT64, 0, 3, 0, lim) == 0 && lim[0] == 0x200000 && lim[1] == 0x200000);
	CHECK("prlimit other", FP_CALL4(FP_LINUX_PRLIMIT64, 0, 5, 0, lim) == -22);
	CHECK("readlinkat", FP_CALL4(FP_LINUX_READLINKAT, -100, "/x", lim, 4096) == -12 && FP_CALL4(FP_LINUX_READLINKAT, -100, "/x", lim, 16) == -38);
	CHECK("openat", FP_CALL2(FP_LINUX_OPENAT, -100, "/etc/passwd") == -9);
	CHECK("read", FP_CALL3(FP_LINUX_READ, 0, lim, 8) == 0 && FP_CALL3(FP_LINUX_READ, 5, lim, 8) == -9);
	CHECK("close", FP_CALL1(FP_LINUX_CLOSE, 1) == 0 && FP_CALL1(FP_LINUX_CLOSE, 7) == -9);
	CHECK("getrandom", FP_CALL2(FP_LINUX_GETRANDOM, random, 8) == 8 && !same(random, "\0\0\0\0\0\0\0", 8));
	CHECK("getrandom bound", FP_CALL2(FP_LINUX_GETRANDOM, random, 257) == -1);
	CHECK("ids", FP_CALL0(FP_LINUX_GETPID) == 0 && FP_CALL0(FP_LINUX_GETTID) == 0);
	CHECK("mprotect refuses code", fp_call(FP_LINUX_MPROTECT, (long)far_bss & ~4095l, 4096, 7, 0, 0, 0, 0) == -22);
	CHECK("mmap refuses files", fp_call(FP_LINUX_MMAP, 0, 4096, 3, 2, 5, 0, 0) == -9);
	CHECK("mmap refuses the program", fp_call(FP_LINUX_MMAP, 0x120000, 4096, 3, 0x32, -1, 0, 0) == -12);
	CHECK("a page read first can be written", far_bss[600000] == 0 && (((volatile char *)far_bss)[600000] = 1) == 1);
}

static void fields(void)
{
	char line[64];
	int a = fp_append(req_, "X-T1: one"), b = fp_append(req_, "X-T2: two"), c = fp_append(req_, "X-T3:");

	CHECK("find after append", fp_find(req_, "x-t1") == a && b == a + 1);
	CHECK("empty value", fp_get(req_, c, line, sizeof(line)) == 6 && same(line, "X-T3: ", 6));
	CHECK("unset shifts", fp_unset(req_, a) == a && fp_find(req_, "X-T2") == a);
	CHECK("no space after the colon", fp_set(req_, a, "X-T2:zwei") == 9 && fp_get_value(req_, "X-T2", line, 64) == 4 && fp_equal(line, "zwei"));
	CHECK("too small", FP_CALL4(FP_SYS_FIELD_RETRIEVE, req_, a, line, 3) == -1);
	CHECK("length only", FP_CALL4(FP_SYS_FIELD_RETRIEVE, req_, a, 0, 0) == 10);
	CHECK("invalid index", fp_set(req_, -1, "X: y") == -1 && fp_unset(req_, -1) == -1);
	CHECK("copy", fp_copy(req_, a, req_) > a && FP_CALL4(FP_SYS_FIELD_COPY, req_, a, req_, 999) == -1 && fp_find(req_, "X-T3") == a);
	CHECK("method", fp_get(req_, FP_LINE_METHOD, line, 64) == 3 && fp_equal(line, "GET"));
	CHECK("protocol", fp_get(req_, FP_LINE_PROTOCOL, line, 64) == 8 && fp_equal(line, "HTTP/1.1"));
	CHECK("status of a request", fp_status(req_) == -1);
}

static void encodings(void)
{
	unsigned char sum[32];
	char out[64];
	int re = fp_regex("b+(c)"), n;

	CHECK("same pattern, same handle", re == fp_regex("b+(c)") && fp_regex("other") == re + 1);
	CHECK("match", fp_match(re, "abbc", 4) == 1 && fp_match(re, "abbd", 4) == 0);
	CHECK("custom instruction", dyncall_match(re, "abbc", 4) == 1 && dyncall_match(re, "x", 1) == 0);
	n = (int)fp_call(FP_SYS_REGEX_SUBST, re, (long)"abbcbc", 6, (long)"<\\1>", 4, (long)out, 64);
	CHECK("subst", n == 6 && same(out, "a<c>bc", 7));
	n = (int)fp_call(FP_SYS_REGEX_SUBST, re, (long)"abbcbc", 6, (long)"<\\1>", 4, (long)out, 64 | 1l << 31);
	CHECK("subst all", n == 7 && same(out, "a<c><c>", 8));
	CHECK("subst is cut", (int)fp_call(FP_SYS_REGEX_SUBST, re, (long)"abbcbc", 6, (long)"", 0, (long)out, 3) == 2);
	CHECK("sha256", FP_CALL4(FP_SYS_SHA256, "abc", 3, sum, 32) == 32 && sum[0] == 0xba && sum[1] == 0x78 && sum[31] == 0xad);
	CHECK("sha256 size", FP_CALL4(FP_SYS_SHA256, "abc", 3, sum, 31) == 0);
	CHECK("base64", FP_CALL4(FP_SYS_BASE64_DECODE, "aGVsbG8=", 8, out, 64) == 5 && same(out, "hello", 5));
	CHECK("base64 malformed", FP_CALL4(FP_SYS_BASE64_DECODE, "aGVs*G8=", 8, out, 64) == -1);
}

static void on_recv(int req, int none, const char *arg)
{
	char count[] = "X-Checked: 000";

	(void)arg;
	req_ = req;
	CHECK("second argument", none == -1);
	calls();
	heap();
	linux_calls();
	fields();
	encodings();
	count[11] += (char)(checks / 100), count[12] += (char)(checks / 10 % 10), count[13] += (char)(checks % 10);
	fp_append(req, count);
	/* STOP with registers in the word; a host must look at the immediate only. */
	__asm__ volatile(".insn i SYSTEM, 0, a0, x0, 0x7ff");
	failed("STOP with rd");
}

int main(void)
{
	block_of_main = (char *)FP_CALL1(FP_NATIVE_MALLOC, 32);
	FP_CALL3(FP_NATIVE_MEMCPY, block_of_main, "from main", 10);
	fp_wait_for_requests(on_recv);
}
