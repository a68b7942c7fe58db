/*
 * Does everything that a program should not. The path says what and where:
 *   /STAGE/MODE[/A/B]   STAGE is recv, hash, hit, miss, fetch, response, error,
 *                       synth, deliver, forge, stream, storage or name
 * What a mode returns from is answered as the stage usually is; on_recv answers
 * 200 "survived".
 */
#include "fishplate.h"

static char url[512], big[65536], out[65536], zeros[8192];
static long words[16];
static int where_;
static volatile long UNMAPPED = 16, deep = 1;
static char thread_stacks[64][512] __attribute__((aligned(16)));

#define FAR 0x7ffffffffffff000

static int word(const char **p, char *dst, int room)
{
	int n = 0;

	if (**p == '/')
		(*p)++;
	while (**p && **p != '/' && **p != '?') {
		if (n < room - 1)
			dst[n++] = **p;
		(*p)++;
	}
	dst[n] = 0;
	return n;
}

static long number(const char *s)
{
	long n = 0;

	while (*s >= '0' && *s <= '9')
		n = 10 * n + *s++ - '0';
	return n;
}

static void fill(char c, long n)
{
	for (long i = 0; i < n; i++)
		big[i] = c;
}

static char *digits(char *at, long n)
{
	char t[20];
	int k = 0;

	do
		t[k++] = (char)('0' + n % 10);
	while (n /= 10);
	while (k)
		*at++ = t[--k];
	*at = 0;
	return at;
}

/* ---- the processor ---- */
static void spin(void)
{
	for (;;)
		__asm__ volatile("");
}

static __attribute__((noinline)) long recurse(volatile long n)
{
	volatile char pad[256];

	pad[n & 255] = 1;
	return deep ? recurse(n + 1) + pad[0] : 0;
}

static void own_code(void) { *(volatile int *)(void *)spin = 0; }
static void to_nowhere(void) { ((void (*)(void))UNMAPPED)(); }
static void to_data(void) { ((void (*)(void))(void *)big)(); }
static void bad_code(void) { __asm__ volatile(".word 0xffffffff"); }
static void stop(void) { __asm__ volatile(".insn i SYSTEM, 0, x0, x0, 0x7ff"); }
static void wfi(void) { __asm__ volatile("wfi"); }
static void breaks(void) { for (;;) __asm__ volatile("ebreak"); }
static void unknown(void) { for (;;) FP_CALL0(777); }
static void cheap(void) { for (;;) FP_CALL0(172); }

/* ---- memory ---- */
static void heap(void)
{
	for (;;) {
		char *p = fp_malloc(1 << 16);
		if (!p)
			p = (char *)FP_CALL2(FP_NATIVE_REALLOC, 0, 64);
		*p = 1;
	}
}
static void chunks(void) { for (;;) fp_malloc(1); }
static void calloc_(void) { for (;;) fp_free(fp_calloc(1, 500l << 20)); }
static void brk(void)
{
	for (long at = FP_CALL1(FP_LINUX_BRK, 0);; at += 4096) {
		FP_CALL1(FP_LINUX_BRK, at);
		*(volatile char *)at = 1;
	}
}
static void mmap(void)
{
	for (;;) {
		long at = FP_CALL6(FP_LINUX_MMAP, 0, 1 << 20, 3, 0x22, -1, 0);
		for (long i = 0; i < 1 << 20; i += 4096)
			*(volatile char *)(at + i) = 1;
	}
}
static void reserve(void)
{
	for (;;) {
		long at = FP_CALL6(FP_LINUX_MMAP, 0, 200l << 20, 0, 0x22, -1, 0);
		FP_CALL2(FP_LINUX_MUNMAP, at, 200l << 20);
	}
}
static void holes(void)
{
	for (long i = 0;; i++) {
		long at = FP_CALL6(FP_LINUX_MMAP, 0, 4096 * (1 + i % 7), 3, 0x22, -1, 0);
		if (i & 1)
			FP_CALL2(FP_LINUX_MUNMAP, at, 4096);
	}
}
static void protect(void) { for (long a = 0;; a += 4096) FP_CALL3(FP_LINUX_MPROTECT, a, 1 << 20, a >> 12 & 7); }
static void discard(void) { for (;;) FP_CALL3(FP_LINUX_MADVISE, (long)big & ~4095, 1 << 28, 4); }
static void pages(void)
{
	for (long at = (long)big & ~4095;; at += 4096)
		*(volatile char *)at = 1;
}
static void fillall(void) { for (long at = (long)big;; at += 1 << 20) FP_CALL3(FP_NATIVE_MEMSET, at, 7, 1 << 20); }
static void memset_(void) { FP_CALL3(FP_NATIVE_MEMSET, big, 0, 1l << 62); }
static void compare(void) { for (;;) FP_CALL3(FP_NATIVE_MEMCMP, big, big, sizeof(big)); }

/* ---- callbacks into the program, and signals ---- */
static void nothing(void *user, struct fp_field *f, int n) { (void)user, (void)f, (void)n; }
static void nest(void *user, struct fp_field *f, int n)
{
	(void)f, (void)n;
	fp_foreach(where_, nest, user);
}
static void wide(void *user, struct fp_field *f, int n)
{
	(void)user;
	for (int i = 0; i < 4096; i++) /* beyond the records, which is the program's own memory */
		((char *)f)[i] = (char)0xff;
	(void)n;
}
static void stopping(void *user, struct fp_field *f, int n)
{
	(void)user, (void)f, (void)n;
	fp_decision("pass", 0);
}
static void foreach_ever(void) { for (;;) fp_foreach(where_, nothing, 0); }
static void foreach_nest(void) { fp_foreach(where_, nest, 0); }
static void foreach_wide(void) { fp_foreach(where_, wide, 0); }
static void foreach_stop(void) { fp_foreach(where_, stopping, 0); }
static void foreach_bad(void) { FP_CALL3(FP_SYS_FOREACH_FIELD, where_, UNMAPPED, 0); }

static void faulty(int sig) { (void)sig; *(volatile int *)UNMAPPED = 1; }
static void again(int sig) { (void)sig; for (;;) ; }
static void fault_handler(void) { fp_on_fault(faulty); faulty(0); }
static void fault_spin(void) { fp_on_fault(again); faulty(0); }

struct action { void *handler; long flags, mask; };
static void resume(int sig, char *info, char *context)
{
	(void)sig;
	/* The frame is its own: it resumes at where handlers return to, for ever. */
	long *regs = (long *)(context + 176);
	regs[0] = words[0];
	regs[2] = (long)info;
}
static void to_self(void *handler)
{
	struct action a = {handler, 0x40000000, 0};

	FP_CALL4(FP_LINUX_RT_SIGACTION, 10, &a, 0, 8);
	FP_CALL2(FP_LINUX_KILL, 0, 10);
}
static void return_loop(void)
{
	/* The return address that the host gave the handler is found in it. */
	to_self((void *)resume);
}
static void capture(int sig, char *info, char *context)
{
	(void)sig, (void)info, (void)context;
	__asm__ volatile("mv %0, ra" : "=r"(words[0]));
}
static __attribute__((noinline)) void ra_of(void) { }
static void sig_storm(int sig) { FP_CALL2(FP_LINUX_KILL, 0, sig); }
static void signal_storm(void) { to_self((void *)sig_storm); }
static void signal_fault(void) { to_self((void *)UNMAPPED); }
static void signal_all(void)
{
	for (long s = 1;; s = s % 64 + 1) {
		struct action a = {(void *)1, 0, -1};
		FP_CALL4(FP_LINUX_RT_SIGACTION, s, &a, 0, 8);
	}
}
static void sigreturn(void) { FP_CALL0(FP_LINUX_RT_SIGRETURN); }

/* ---- threads ---- */
static void clone_to(int i, void (*fn)(void))
{
	register long a0 __asm__("a0") = 0x50f00;
	register char *a1 __asm__("a1") = thread_stacks[i & 63] + 512;
	register long a2 __asm__("a2") = 0, a3 __asm__("a3") = 0, a4 __asm__("a4") = 0, a7 __asm__("a7") = FP_LINUX_CLONE;
	register void (*s1)(void) __asm__("s1") = fn;
	__asm__ volatile("ecall\nbnez a0, 1f\njalr s1\nli a7, 93\necall\n1:"
			 : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7), "r"(s1) : "memory", "ra", "t0", "t1", "t2");
}
static void idle(void) { for (;;) FP_CALL0(FP_LINUX_SCHED_YIELD); }
static void leave(void) { FP_CALL1(FP_LINUX_EXIT, 0); }
static void leave_all(void) { FP_CALL1(FP_LINUX_EXIT_GROUP, 3); }
static void threads(void) { for (int i = 0;; i++) clone_to(i, idle); }
static void thread_exit(void) { for (int i = 0;; i++) { clone_to(i, leave); FP_CALL0(FP_LINUX_SCHED_YIELD); } }
static void thread_group(void) { clone_to(0, leave_all); idle(); }
static void thread_decides(void) { fp_synth(200, "text/plain", "thread", 6); }
static void thread_synth(void) { clone_to(0, thread_decides); idle(); }
static void thread_fault(void) { clone_to(0, own_code); idle(); }
static void thread_foreach_(void) { fp_foreach(where_, (void *)idle, 0); }
static void thread_foreach(void) { clone_to(0, idle); thread_foreach_(); }
static void futex(void) { static int w; clone_to(0, idle); for (;;) FP_CALL6(FP_LINUX_FUTEX, &w, 0, 0, 0, 0, 0); }
static void deadlock(void) { static int w; clone_to(0, leave); for (;;) { FP_CALL6(FP_LINUX_FUTEX, &w, 0, 0, 0, 0, 0); } }
static void sleep(void) { static long t[2] = {1l << 40, 0}; for (;;) FP_CALL2(FP_LINUX_NANOSLEEP, t, 0); }
static void robust(void)
{
	static long head[3];
	head[0] = (long)head + 8, head[1] = 64, head[2] = UNMAPPED;
	FP_CALL2(FP_LINUX_SET_ROBUST_LIST, head, 24);
	clone_to(0, idle);
	for (int i = 0;; i++) {
		clone_to(i, leave);
		FP_CALL0(FP_LINUX_SCHED_YIELD);
	}
}

/* ---- messages ---- */
static const char *const lies[] = {
	"X-A: b\r\nX-Injected: 1", "X-A: b\nX-Injected: 1", "X-A: b\rX-Injected: 1", "X-A\r\nX-Injected: 1", "Transfer-Encoding: chunked",
	"Content-Length: 5", "Connection: X-Victim", "Keep-Alive: 1", "Upgrade: h2c", "TE: trailers", "Trailer: X-Injected", "X A: 1", ": 1", "X-A", "",
	"Proxy-Connection: close", "Transfer-Encoding : chunked", " X-Injected: 1", "X-A: \x01", "X-Injected\t: 1",
};
#define LIES (int)(sizeof(lies) / sizeof(lies[0]))
static void inject(void)
{
	for (int i = 0; i < LIES; i++) {
		const char *s = lies[i];
		fp_append(where_, s);
		fp_append_n(where_, "X-A: b\0X-Injected: 1", 20);
		for (int line = 0; line < 6; line++)
			if (line != 5)
				fp_set(where_, line, s);
		fp_set(where_, 1, "/ HTTP/1.1\r\nX-Injected: 1\r\n\r\n");
		fp_set(where_, 0, "GET / HTTP/1.1\r\nX-Injected: 1");
		fp_set(where_, 4, "OK\r\nX-Injected: 1");
		FP_CALL5(FP_SYS_FIELD_REPLACE, where_, s, fp_strlen(s), "1\r\nX-Injected: 1", 16);
		fp_field_replace(where_, "X-A", s);
		fp_query_set(s, s);
		fp_query_set("a b\r\n", "c\r\nX-Injected: 1");
		fp_cache_tag(s);
		FP_CALL4(FP_SYS_LOG_FIELD, s, fp_strlen(s), s, fp_strlen(s));
		fp_log(s);
		FP_CALL3(FP_SYS_COUNTER_ADD, s, fp_strlen(s), 1);
		FP_CALL2(FP_SYS_SPAN_BEGIN, s, fp_strlen(s));
		fp_kv_set(s, s, fp_strlen(s), 1000);
		int re = fp_regex("^X-Seed.*$");
		fp_append(where_, "X-Seed: 1");
		fp_regex_field(re, where_, fp_find(where_, "X-Seed"), s, 1);
		struct fp_fetch f = {0, 0, fp_word("/x"), 2, fp_word("app"), 3, fp_word(s), fp_strlen(s), 0, 0, 1000, 0};
		FP_CALL1(FP_SYS_FETCH, &f);
	}
	fp_set_status(where_, 101);
	fp_set_status(where_, 99999);
}
static void synth_lies(void) { fp_synth(200, "text/html\r\nX-Injected: 1", "x", 1); }
static void fields(void)
{
	static char line[32] = "X-Many-000000: 1";
	for (long i = 0;; i++) {
		digits(line + 7, 100000 + i % 900000)[0] = ':';
		fp_append(where_, line);
	}
}
static void long_field(void)
{
	fill('x', 60000);
	big[0] = 'X', big[1] = ':';
	for (;;)
		fp_append_n(where_, big, 60000);
}
static void urls(void) { for (long i = 0;; i++) { char k[24] = "k"; digits(k + 1, i); fp_query_set(k, "vvvvvvvvvvvvvvvvvvvvvvvv"); } }
static void tags(void) { for (long i = 0;; i++) { char k[24] = "t"; digits(k + 1, i); fp_cache_tag(k); } }
static void notes(void)
{
	for (long i = 0;; i++) {
		char k[24] = "n";
		long n = digits(k + 1, i) - k;
		FP_CALL4(FP_SYS_LOG_FIELD, k, n, k, n);
		FP_CALL3(FP_SYS_COUNTER_ADD, k, n, 1);
		FP_CALL2(FP_SYS_SPAN_BEGIN, k, n);
	}
}
static void logs(void) { fill('l', 60000); for (;;) FP_CALL2(FP_SYS_LOG, big, 60000); }
static void bans(void) { for (long i = 0;; i++) { char k[64] = "req.url ~ /x"; digits(k + 12, i); fp_ban(k); } }
static void status(const char *a) { fp_synth((int)number(a), "text/plain", "a lie of a body\n", 16); }
static void decide(const char *a)
{
	static const char *const garbage[] = {"", "\r\nX-Injected: 1", "synth", "pipe", "purge", "restart", "vcl", "abandon", "retry", "hit-for-pass", "\xff\xfe", "backend"};
	fp_decision(garbage[number(a) % 12], -1);
}
static void huge_word(void) { FP_CALL4(FP_SYS_SET_DECISION, big, sizeof(big), 0, 0); }
static void pause(void) { for (;;) fp_pause_for("hash", 0); }

/* ---- texts, documents, expressions ---- */
static void regexes(void) { for (long i = 0;; i++) { char k[24] = "x"; digits(k + 1, i); FP_CALL1(FP_SYS_REGEX_FREE, fp_regex(k)); } }
static void regex_many(void) { for (long i = 0;; i++) { char k[24] = "y"; digits(k + 1, i); fp_regex(k); } }
static void regex_large(void)
{
	fill('a', 3210);
	big[0] = '(';
	for (int i = 0; i < 64; i++) {
		big[1] = (char)('A' + i);
		const char *tail = "){1000}";
		for (int k = 0; k < 7; k++)
			big[3000 + k] = tail[k];
		fp_match(fp_regex((big[3007] = 0, big)), "aaaa", 4);
	}
}
static void regex_slow(void)
{
	int re = fp_regex("(?:a?){400}(?:a?){400}b");
	fill('a', sizeof(big));
	for (;;)
		fp_match(re, big, sizeof(big));
}
static void regex_back(void) { int re = fp_regex("^(a+)+\\1(?=x)$"); fill('a', 4000); fp_match(re, big, 4000); }
static void regex_grow(void)
{
	int re = fp_regex("a");
	fill('a', sizeof(big));
	for (;;)
		FP_CALL7(FP_SYS_REGEX_SUBST, re, big, sizeof(big), "\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0", 32, out, sizeof(out) | 1ul << 31);
}
static void subst(const char *pattern, long n, long pairs, char group, char *to, long room)
{
	int re = fp_regex(pattern);

	fill('a', n);
	for (long i = 0; i < pairs; i++)
		out[2 * i] = '\\', out[2 * i + 1] = group;
	FP_CALL7(FP_SYS_REGEX_SUBST, re, big, n, out, 2 * pairs, to, room | 1ul << 31);
}
static void regex_one(void) { subst("a+", sizeof(big), sizeof(out) / 2, '0', out, sizeof(out)); } /* 2 GiB of one match */
static void regex_fits(void) { subst("a+", sizeof(big), 200, '0', out, sizeof(out)); } /* 13 MB of one */
static void regex_pages(void) { subst("a+", sizeof(big), 45, '0', fp_malloc(4 << 20), 4 << 20); } /* 3 MB, and their pages */
static void regex_none(void) { subst("a", 1000, sizeof(out) / 2, '9', out, sizeof(out)); } /* nothing of a thousand, which is much to read */
static void json(void)
{
	fill('[', sizeof(big));
	for (;;) {
		fp_json_valid(big, sizeof(big));
		fp_json_get(big, sizeof(big), "0.0.0.0.0", out, sizeof(out));
	}
}
static void json_path(void)
{
	char p[1200];
	for (int i = 0; i < 1199; i++)
		p[i] = i & 1 ? '.' : '0';
	p[1199] = 0;
	fill(' ', sizeof(big));
	for (int i = 0; i < 500; i++)
		big[i] = '[', big[sizeof(big) - 1 - i] = ']';
	for (;;)
		fp_json_get(big, sizeof(big), p, out, sizeof(out));
}
static void xml(void)
{
	for (long i = 0; i + 3 < (long)sizeof(big); i += 3)
		big[i] = '<', big[i + 1] = 'a', big[i + 2] = '>';
	for (;;)
		fp_xml_get(big, sizeof(big), "a/a/a", out, sizeof(out));
}
static void entities(void)
{
	static const char bomb[] = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;\">]><a>&c;&c;</a>";
	for (;;)
		fp_xml_get(bomb, sizeof(bomb) - 1, "a", out, sizeof(out));
}
static void glob(void) { fill('a', sizeof(big)); for (;;) fp_glob("*a*a*a*a*a*a*a*a*a*a*a*b", big, sizeof(big)); }
static void jwt(void)
{
	fill('A', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0, big[100] = '.', big[30000] = '.';
	for (;;)
		fp_jwt_verify(big, "{\"keys\":[]}", "RS256 RS256 RS256", out, sizeof(out));
}
static void keys(void) { fill('0', 60000); for (;;) fp_verify(FP_RSA_PSS, big, 60000, big, 1, big, 256); }
static void digests(void) { for (;;) FP_CALL4(FP_SYS_SHA256, 0x120000, 16 << 20, out, 32); }

/* ---- storage, key-value, cache ---- */
static long st_spin(long a, long b, long c, long d) { (void)a, (void)b, (void)c, (void)d; spin(); return 0; }
static long st_self(long a, long b, long c, long d) { return fp_remote(st_self, a, b, c, d); }
static long st_fault(long a, long b, long c, long d) { (void)a, (void)b, (void)c, (void)d; own_code(); return 0; }
static long st_wait(long a, long b, long c, long d) { (void)a, (void)b, (void)c, (void)d; deadlock(); return 0; }
static long st_heap(long a, long b, long c, long d) { (void)a, (void)b, (void)c, (void)d; heap(); return 0; }
static long st_write(long a, long b, long c, long d) { (void)b, (void)c, (void)d; for (;; a += 4096) *(volatile char *)a = 1; return 0; }
static long st_message(long a, long b, long c, long d) { (void)a, (void)b, (void)c, (void)d; inject(); return 0; }
static void storage(const char *a)
{
	static long (*const fns[])(long, long, long, long) = {st_spin, st_self, st_fault, st_wait, st_heap, st_write, st_message};
	fp_remote(number(a) == 7 ? (long (*)(long, long, long, long))UNMAPPED : fns[number(a) % 7], (long)big, 1, 2, 3);
}
static void st_text(const char *data, long n) { (void)n; fp_storage_return(data, 1l << 40); }
static void st_nothing(const char *data, long n) { (void)data, (void)n; fp_storage_return((void *)UNMAPPED, 100); }
static void storage_text(void) { fp_remote_text(st_text, big, sizeof(big)); fp_remote_text(st_nothing, big, 10); }
static void storage_ever(void) { for (;;) storage("7"); }
static void kv(void) { for (long i = 0;; i++) { char k[24] = "k"; digits(k + 1, i); fp_kv_set(k, big, sizeof(big), 0); fp_kv_list("", out, sizeof(out)); } }
static void kv_small(void) { for (long i = 0;; i++) { char k[24] = "s"; digits(k + 1, i); fp_kv_set(k, "", 0, 1 + (i & 1)); } }
static void objects(void) { for (long i = 0;; i++) { char k[24] = "o"; digits(k + 1, i); fp_cache_put(k, big, sizeof(big), 1000000, 0, ""); } }

/* ---- fetches and streams ---- */
static void fetch_self(void) { for (;;) { long h = fp_fetch("GET", 0, url, 0, 0, 0, 3000); if (h < 0) break; fp_fetch_wait(h, -1); fp_fetch_close(h); } }
static void fetch_wide(void) { for (int i = 0; i < 64; i++) fp_fetch("GET", 0, url, 0, 0, 0, 3000); fp_fetch_wait(-1, -1); }
static void fetch_other(void) { char u[600] = "http://hostile2.test"; int n = 20; for (int i = 0; url[i] && n < 599; i++) u[n++] = url[i]; u[n] = 0; long h = fp_fetch("GET", 0, u, 0, 0, 0, 3000); fp_fetch_wait(h, -1); }
static void fetch_back(void) { char u[600] = "http://hostile.test"; int n = 19; for (int i = 0; url[i] && n < 599; i++) u[n++] = url[i]; u[n] = 0; long h = fp_fetch("GET", 0, u, 0, 0, 0, 3000); fp_fetch_wait(h, -1); fetch_other(); }
static void fetch_wire(void) { char u[600] = "http://hostile.test"; int n = 19; for (int i = 0; url[i] && n < 599; i++) u[n++] = url[i]; u[n] = 0; long h = fp_fetch("GET", "self", u, 0, 0, 0, 3000); fp_fetch_wait(h, -1); }
static void fetch_leave(void) { for (int i = 0; i < 8; i++) fp_fetch("GET", "app", "/slow", 0, 0, 0, 3600000); }
static void fetch_hang(void) { long h = fp_fetch("GET", "app", "/hang", 0, 0, 0, 1500); fp_fetch_wait(h, -1); }
static void fetch_huge(void)
{
	struct fp_fetch f = {0x120000, 16 << 20, 0x120000, 16 << 20, 0x120000, 16 << 20, 0x120000, 16 << 20, 0x120000, 16 << 20, 1, 0};
	for (;;)
		FP_CALL1(FP_SYS_FETCH, &f);
}
static void stream_ever(void) { fp_response_begin(200, "text/plain"); fill('e', sizeof(big)); while (fp_body_write(big, sizeof(big)) > 0) ; }
static void stream_none(void) { fp_response_begin(200, "text/plain"); fp_body_write("x", 1); spin(); }
static void stream_read(void) { while (fp_body_read(out, sizeof(out), 0) != 0) ; }
static void stream_short(void) { FP_CALL5(FP_SYS_RESPONSE_BEGIN, 200, "text/plain", 10, 1, 1000); fp_body_write("x", 1); }
static void stream_lies(const char *a) { fp_response_begin((int)number(a), "text/plain"); fp_body_write("a lie of a body\n", 16); }
static void stream_twice(void) { for (int i = 0; i < 1000; i++) fp_response_begin(200, "text/plain"); }

static void call(const char *a, const char *b);

static void loop_return(void)
{
	struct action a = {(void *)capture, 0x40000000, 0};

	FP_CALL4(FP_LINUX_RT_SIGACTION, 10, &a, 0, 8);
	FP_CALL2(FP_LINUX_KILL, 0, 10);
	ra_of();
	return_loop();
}

struct mode { const char *name; void (*fn)(void); };
#define M(n) {#n, (void (*)(void))n}
static const struct mode modes[] = {
	M(spin), M(recurse), M(own_code), M(to_nowhere), M(to_data), M(bad_code), M(stop), M(wfi), M(breaks), M(unknown), M(cheap),
	M(heap), M(chunks), M(calloc_), M(brk), M(mmap), M(reserve), M(holes), M(protect), M(discard), M(pages), M(fillall), M(memset_), M(compare),
	M(foreach_ever), M(foreach_nest), M(foreach_wide), M(foreach_stop), M(foreach_bad), M(fault_handler), M(fault_spin), M(loop_return), M(signal_storm),
	M(signal_fault), M(signal_all), M(sigreturn), M(threads), M(thread_exit), M(thread_group), M(thread_synth), M(thread_fault), M(thread_foreach), M(futex), M(deadlock),
	M(sleep), M(robust), M(inject), M(synth_lies), M(fields), M(long_field), M(urls), M(tags), M(notes), M(logs), M(bans), M(status), M(decide), M(huge_word), M(pause),
	M(regexes), M(regex_many), M(regex_large), M(regex_slow), M(regex_back), M(regex_grow), M(regex_one), M(regex_fits), M(regex_pages), M(regex_none), M(json), M(json_path), M(xml), M(entities), M(glob), M(jwt), M(keys), M(digests),
	M(storage), M(storage_text), M(storage_ever), M(kv), M(kv_small), M(objects), M(fetch_self), M(fetch_wide), M(fetch_other), M(fetch_back), M(fetch_wire), M(fetch_leave),
	M(fetch_hang), M(fetch_huge), M(stream_ever), M(stream_none), M(stream_read), M(stream_short), M(stream_lies), M(stream_twice), M(call),
};

/* Makes one call with registers that mean harm. */
static void call(const char *a, const char *b)
{
	long n = number(a), how = number(b), end = (long)big + sizeof(big);
	long r[7];

	for (int i = 0; i < 7; i++) {
		switch (how) {
		case 0: r[i] = 0; break;
		case 1: r[i] = UNMAPPED; break;
		case 2: r[i] = i & 1 ? 4096 : FAR; break;
		case 3: r[i] = i & 1 ? 1l << 62 : (long)big; break;
		case 4: r[i] = i & 1 ? -1 : (long)big; break;
		case 5: r[i] = i & 1 ? 16 << 20 : (long)big + 1; break;
		case 6: r[i] = i & 1 ? 64 : end - 1; break;
		case 7: r[i] = (long)big + 8; break;
		case 8: r[i] = -1; break;
		case 9: r[i] = i == 0 ? where_ : i & 1 ? (long)big + 3 : 65533; break;
		case 10: r[i] = i == 0 ? 0 : i & 1 ? 1l << 31 : (long)out; break;
		default: r[i] = (how * 0x9E3779B97F4A7C15l + i * 0x2545F4914F6CDD1Dl) ^ (long)big; break;
		}
	}
	for (long *p = (long *)big; (long)p < end; p += 2) /* records of bad pointers */
		p[0] = how & 1 ? UNMAPPED : (long)big, p[1] = how & 2 ? 1l << 40 : 65536;
	fp_call(n, r[0], r[1], r[2], r[3], r[4], r[5], r[6]);
}

/* What the path of the message says, if it is this stage's turn; 0 when it is not. */
static int attack(const char *stage, int where)
{
	char st[16], mode[24], a[16], b[16];
	const char *p = url;

	where_ = where;
	if (where < 0 || fp_get(where <= 3 ? 0 : where == 5 ? 4 : where, FP_LINE_URL, url, sizeof(url)) < 0)
		return 0;
	word(&p, st, sizeof(st));
	word(&p, mode, sizeof(mode));
	word(&p, a, sizeof(a));
	word(&p, b, sizeof(b));
	if (!fp_equal(st, stage))
		return 0;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (fp_equal(mode, modes[i].name)) {
			((void (*)(const char *, const char *))modes[i].fn)(a, b);
			return 1;
		}
	fp_fail("no such mode");
}

static void forge(long arg, const void *body, size_t n)
{
	(void)arg, (void)body, (void)n;
	attack("forge", 4);
	fp_response(200, "text/plain", "survived", 8);
}
static void forge_stream(long arg, const void *body, size_t n)
{
	(void)arg, (void)body, (void)n;
	attack("stream", 4);
}
static void on_recv(int req, int none, const char *arg)
{
	(void)none, (void)arg;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	if (fp_has_prefix(url, "/forge/"))
		fp_forge(FP_NOT_CACHED, forge, 0);
	if (fp_has_prefix(url, "/stream/"))
		fp_forge_stream(FP_NOT_CACHED, forge_stream, 0);
	if (fp_has_prefix(url, "/synth/"))
		fp_decision("synth", 200);
	if (attack("recv", req))
		fp_synth(200, "text/plain", "survived", 8);
}
static void on_hash(int a, int b, const char *c) { (void)a, (void)b, (void)c; attack("hash", 0); }
static void on_hit(int req, int obj, const char *c) { (void)obj, (void)c; attack("hit", req); }
static void on_miss(int req, int bereq, const char *c) { (void)bereq, (void)c; attack("miss", req); }
static void on_fetch(int bereq, int beresp, const char *c) { (void)beresp, (void)c; attack("fetch", bereq); }
static void on_response(int bereq, int beresp, const char *c) { (void)bereq, (void)c; attack("response", beresp); }
static void on_error(int bereq, int beresp, const char *c) { (void)bereq, (void)c; attack("error", beresp); }
static void on_synth(int req, int resp, const char *c) { (void)req, (void)c; attack("synth", resp); fp_synth(200, "text/plain", "survived", 8); }
static void on_deliver(int req, int resp, const char *c) { (void)req, (void)c; attack("deliver", resp); }
static const char *name(const char *value, size_t n) { (void)value, (void)n; attack("name", 0); return (const char *)FAR; }

int main(void)
{
	fp_register_callback(FP_CALLBACK_ON_HASH, (void (*)(void))on_hash);
	fp_register_callback(FP_CALLBACK_ON_HIT, (void (*)(void))on_hit);
	fp_register_callback(FP_CALLBACK_ON_MISS, (void (*)(void))on_miss);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_FETCH, (void (*)(void))on_fetch);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_RESPONSE, (void (*)(void))on_response);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_ERROR, (void (*)(void))on_error);
	fp_set_on_synth(on_synth);
	fp_set_on_deliver(on_deliver);
	fp_register_function("name", name);
	(void)zeros;
	fp_wait_for_requests(on_recv);
}
