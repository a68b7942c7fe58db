/*
 * Does what its path says until the host refuses, and answers how often that went
 * well, what the refusal was, and its text: "64 -3 the tenant has 64 counters already".
 */
#include "fishplate.h"

static char url[512], name[80], text[512], stacks[256][256] __attribute__((aligned(16)));
static struct { uint64_t words[12]; } record;
static long count;

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

/* A name that is another each time. */
static size_t fresh(const char *before)
{
	char *p = name;

	while (*before)
		*p++ = *before++;
	return (size_t)(digits(p, count) - name);
}

/* A text of one letter, on the native heap. */
static char *run(char c, long n)
{
	char *p = (char *)FP_CALL1(FP_NATIVE_MALLOC, n + 1);

	FP_CALL3(FP_NATIVE_MEMSET, p, c, n);
	p[n] = 0;
	return p;
}

static void idle(void) { for (;;) FP_CALL0(FP_LINUX_SCHED_YIELD); }
static long thread(void)
{
	register long a0 __asm__("a0") = 0x50f00;
	register char *a1 __asm__("a1") = stacks[count & 255] + 256;
	register long a2 __asm__("a2") = 0, a3 __asm__("a3") = 0, a4 __asm__("a4") = 0, a7 __asm__("a7") = FP_LINUX_CLONE;
	register void (*s1)(void) __asm__("s1") = idle;
	__asm__ volatile("ecall\nbnez a0, 1f\njalr s1\n1:"
			 : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7), "r"(s1) : "memory", "ra", "t0", "t1", "t2");
	return a0;
}

/* One more of it. */
static long more(const char *what)
{
	static char *large;
	uint64_t at;

	if (fp_equal(what, "counters"))
		return FP_CALL3(FP_SYS_COUNTER_ADD, name, fresh("c"), 1);
	if (fp_equal(what, "spans"))
		return FP_CALL2(FP_SYS_SPAN_BEGIN, name, fresh("s"));
	if (fp_equal(what, "notes"))
		return FP_CALL4(FP_SYS_LOG_FIELD, name, fresh("f"), "1", 1);
	if (fp_equal(what, "note")) { /* one byte more each time */
		large = run('v', 250 + count);
		return FP_CALL4(FP_SYS_LOG_FIELD, "note", 4, large, 250 + count);
	}
	if (fp_equal(what, "label")) {
		large = run('n', 60 + count);
		return FP_CALL3(FP_SYS_COUNTER_ADD, large, 60 + count, 1);
	}
	if (fp_equal(what, "lines"))
		return fp_log_level(1, "a line");
	if (fp_equal(what, "random"))
		return FP_CALL2(FP_SYS_RANDOM, run(0, 4094 + count), 4094 + count);
	if (fp_equal(what, "values")) {
		if (!large)
			large = run('v', 60000);
		return FP_CALL5(FP_SYS_KV_SET, name, fresh("k"), large, 60000, 0);
	}
	if (fp_equal(what, "key")) {
		large = run('k', 1020 + count);
		return FP_CALL5(FP_SYS_KV_SET, large, 1020 + count, "v", 1, 0);
	}
	if (fp_equal(what, "value")) {
		large = run('v', (1 << 20) - 1 + count);
		return FP_CALL5(FP_SYS_KV_SET, "value", 5, large, (1 << 20) - 1 + count, 0);
	}
	if (fp_equal(what, "object") || fp_equal(what, "object_key")) {
		long n = fp_equal(what, "object") ? (1 << 20) - 1 + count : 1, k = n > 1 ? 1 : 1020 + count;
		record.words[0] = fp_word(run('o', k)), record.words[1] = (uint64_t)k;
		record.words[2] = fp_word(run('o', n)), record.words[3] = (uint64_t)n, record.words[4] = 1000;
		return FP_CALL1(FP_SYS_CACHE_PUT, &record);
	}
	if (fp_equal(what, "fetches"))
		return fp_fetch("GET", "app", "/", 0, 0, 0, 1000);
	if (fp_equal(what, "purges"))
		return fp_purge_tag("t", 0);
	if (fp_equal(what, "ban")) {
		large = run('x', 1015 + count);
		FP_CALL3(FP_NATIVE_MEMCPY, large, "req.url ~ ", 10);
		return fp_ban(large);
	}
	if (fp_equal(what, "tags"))
		return (int)(fresh("t"), fp_cache_tag(name));
	if (fp_equal(what, "tag"))
		return (int)fp_cache_tag(run('t', 254 + count));
	if (fp_equal(what, "fields")) {
		at = fresh("X-");
		name[at] = ':', name[at + 1] = 'v';
		return (int)fp_append_n(FP_REQ, name, at + 2);
	}
	if (fp_equal(what, "bytes")) {
		if (!large) {
			large = run('v', 16000);
			large[0] = 'X', large[1] = ':';
		}
		return (int)FP_CALL4(FP_SYS_FIELD_SET, FP_REQ, 7, large, 16000);
	}
	if (fp_equal(what, "target")) {
		large = run('q', 1000);
		fresh("q");
		return fp_query_set(name, large);
	}
	if (fp_equal(what, "threads"))
		return thread();
	if (fp_equal(what, "regexes"))
		return fresh("r"), fp_regex(name);
	if (fp_equal(what, "json")) {
		large = run('[', 2 * (510 + count));
		FP_CALL3(FP_NATIVE_MEMSET, large + 510 + count, ']', 510 + count);
		return FP_CALL2(FP_SYS_JSON_VALID, large, 2 * (510 + count)) - 1;
	}
	if (fp_equal(what, "heap")) {
		at = (uint64_t)FP_CALL1(FP_NATIVE_MALLOC, 64);
		return at ? 0 : -1;
	}
	return -99;
}

static void on_recv(int req, int none, const char *arg)
{
	char *p;
	long got;

	(void)none, (void)arg;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	if (url[1] == '-') /* another answers */
		return;
	for (p = url + 1; *p && *p != '?'; p++)
		;
	*p = 0;
	for (count = 0; count < 100000; count++)
		if ((got = more(url + 1)) < 0)
			break;
	p = digits(text, count), *p++ = ' ';
	if (got < 0)
		*p++ = '-';
	p = digits(p, got < 0 ? -got : got), *p++ = ' ';
	got = fp_error_text(p, 200);
	fp_synth(200, "text/plain", text, (size_t)(p - text) + (got > 0 ? (size_t)got : 0));
}

int main(void) { fp_wait_for_requests(on_recv); }
