/*
 * Wanders about among the calls of the host: /SEED/N makes N calls in every
 * callback, drawn by the seed with arguments that mostly make sense. All that it
 * learns decides how it goes on and how it answers, so that two walks that differ
 * anywhere end differently.
 */
#include "fishplate.h"

static char url[512], text[64], block[2048], out[1024], stacks[8][1024] __attribute__((aligned(16)));
static unsigned char seed[8];
static uint64_t record[64], state = 1, sum;
static int words, steps, where_;

static uint64_t next(void)
{
	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return state * 0x2545F4914F6CDD1Dul >> 20;
}
static int below(int n) { return (int)(next() % (uint64_t)n); }

static void learn(const void *p, long n)
{
	const unsigned char *b = p;
	long i;

	sum = sum * 31 + (uint64_t)n;
	for (i = 0; i < n; i++)
		sum = sum * 31 + b[i];
}

/* What arguments are drawn from, by the letter of a signature. */
static const char *const keys[] = {"a", "b", "count", "", "a/b", "thing"};
static const char *const names[] = {"X-One", "Cookie", "host", "X-Two", "Accept", "X A", "a", "session"};
static const char *const lines[] = {"X-One: 1", "X-Two: b, c", "Cookie: a=1; session=2", "Host: evil", "X-Bad: \r\nX: 1", "no colon", "Cache-Control: max-age=9"};
static const char *const documents[] = {"{\"a\":[1,2,{\"b\":null}],\"c\":\"x\\u00e9\"}", "[1,2", "7", "<a><b id=\"1\">x &amp; y</b><b/></a>", "<a", ""};
static const char *const paths[] = {"a.2.b", "a", "", "c", "a.9", "a/b[1]/@id", "a/b", "//"};
static const char *const patterns[] = {"a+b?", "(x+)\\1", "[0-9]{2,}(?=a)", "^X-.*$", "(", "*a*", "req.url ~ /x", "(a|b)*c"};
static const char *const texts[] = {"aab 012 xx", "YWJj", "616263", "a%20b+c&d", "\xff\xfe", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA", "0123456789abcdef", ""};
static const char *const ways[] = {"app", "other", "s1", "", "GET", "POST", "/x?a=1", "http://a.test/y", "HS256"};
#define POOL(p) {p, sizeof(p) / sizeof(p[0])}
static const struct { const char *const *list; int n; } pools[] = {POOL(keys), POOL(names), POOL(lines), POOL(documents), POOL(paths), POOL(patterns), POOL(texts), POOL(ways)};

/*
 * A call by its number and arguments: K N L D P E T W are a text and its length
 * of the pools above, z is a text that ends with NUL, d a destination and its
 * size, w a message, x an index, h a handle of a fetch, g of an expression, i a small number, m milliseconds, n
 * any number, a an address, l a length, 0 nothing, ( ) a record of such.
 */
static const struct call { short number; const char *args; } calls[] = {
	{FP_SYS_PRINT, "T"}, {FP_SYS_LOG, "T"}, {FP_SYS_IS_STORAGE, ""}, {FP_SYS_SET_BACKEND, "i"}, {FP_SYS_HASH_DATA, "T"}, {FP_SYS_CACHEABLE, "ii"},
	{FP_SYS_TTL, "i"}, {FP_SYS_KV_GET, "Kd"}, {FP_SYS_KV_VERSION, "K"}, {FP_SYS_KV_SET, "KTm"}, {FP_SYS_KV_SET, "KTm"}, {FP_SYS_KV_CAS, "(KTim)"}, {FP_SYS_KV_ADD, "Kima"},
	{FP_SYS_KV_DELETE, "K"}, {FP_SYS_KV_LIST, "Kd"}, {FP_SYS_KV_STAT, "a"}, {FP_SYS_ERROR_TEXT, "d"}, {FP_SYS_CLIENT_ADDRESS, "d"}, {FP_SYS_CLIENT_PORT, ""},
	{FP_SYS_LOCAL_ADDRESS, "d"}, {FP_SYS_SCHEME, "d"}, {FP_SYS_TLS_FACT, "id"}, {FP_SYS_REQUEST_ID, "d"}, {FP_SYS_TENANT_NAME, "d"}, {FP_SYS_QUERY_GET, "Kd"},
	{FP_SYS_QUERY_SET, "KT"}, {FP_SYS_QUERY_UNSET, "K"}, {FP_SYS_COOKIE_GET, "Nd"}, {FP_SYS_PATH, "d"}, {FP_SYS_PATH_SEGMENT, "id"}, {FP_SYS_HOST, "d"},
	{FP_SYS_FIELD_VALUE, "wNd"}, {FP_SYS_FIELD_REPLACE, "wNT"}, {FP_SYS_FIELD_REMOVE, "wN"}, {FP_SYS_HEADERS, "wd"}, {FP_SYS_BAN, "z"}, {FP_SYS_PURGE, ""},
	{FP_SYS_BACKEND_COUNT, ""}, {FP_SYS_BACKEND_STATE, "Wd"}, {FP_SYS_BACKEND_INDEX, "W"}, {FP_SYS_CHOOSE_BACKEND, "W"}, {FP_SYS_CHOOSE_SERVER, "WW"},
	{FP_SYS_CACHE_PURGE_TAG, "Ki"}, {FP_SYS_REVISION, ""}, {FP_SYS_CACHE_LOOK, "a"}, {FP_SYS_CACHE_TTL, "m"}, {FP_SYS_CACHE_GRACE, "m"}, {FP_SYS_CACHE_KEEP, "m"},
	{FP_SYS_CACHE_TAG, "K"}, {FP_SYS_FIELD_RETRIEVE, "wxd"}, {FP_SYS_FIELD_APPEND, "wL"}, {FP_SYS_FIELD_SET, "wxL"}, {FP_SYS_FIELD_COPY, "wxwx"}, {FP_SYS_FIELD_UNSET, "wx"},
	{FP_SYS_HTTP_ROLLBACK, "w"}, {FP_SYS_HTTP_COPY, "wxw"}, {FP_SYS_HTTP_SET_STATUS, "wn"}, {FP_SYS_HTTP_UNSET_RE, "wg"}, {FP_SYS_HTTP_FIND, "wN"},
	{FP_SYS_FETCH, "(WWWLTmi)"}, {FP_SYS_FETCH, "(WWWLTmi)"}, {FP_SYS_FETCH_WAIT, "hm"}, {FP_SYS_FETCH_STATUS, "h"}, {FP_SYS_FETCH_FIELD, "hNd"}, {FP_SYS_FETCH_READ, "hdm"},
	{FP_SYS_FETCH_READ, "hdm"}, {FP_SYS_FETCH_CLOSE, "h"}, {FP_SYS_FETCH_HEADERS, "hd"}, {FP_SYS_BODY_READ, "dm"}, {FP_SYS_BODY_LENGTH, ""}, {FP_SYS_BODY_WRITE, "T"},
	{FP_SYS_REGEX_COMPILE, "E"}, {FP_SYS_REGEX_MATCH, "gT"}, {FP_SYS_REGEX_SUBST, "gTTd"}, {FP_SYS_REGSUB_HDR, "gwxTi"}, {FP_SYS_REGEX_FREE, "x"}, {FP_SYS_SHA256, "Td"},
	{FP_SYS_BASE64_DECODE, "Td"}, {FP_SYS_REGEX_GROUPS, "gTai"}, {FP_SYS_REGEX_INFO, "g"}, {FP_SYS_BASE64_ENCODE, "iTd"}, {FP_SYS_BASE64_TEXT_DECODE, "iTd"},
	{FP_SYS_PERCENT_ENCODE, "iTd"}, {FP_SYS_PERCENT_DECODE, "iTd"}, {FP_SYS_HEX_ENCODE, "iTd"}, {FP_SYS_HEX_DECODE, "iTd"}, {FP_SYS_GLOB, "ET"}, {FP_SYS_JSON_VALID, "D"},
	{FP_SYS_JSON_GET, "DPd"}, {FP_SYS_JSON_TYPE, "DP"}, {FP_SYS_JSON_COUNT, "DP"}, {FP_SYS_JSON_QUOTE, "Td"}, {FP_SYS_JSON_SET, "(DPDd)"}, {FP_SYS_XML_VALID, "D"},
	{FP_SYS_XML_GET, "DPd"}, {FP_SYS_XML_COUNT, "DP"}, {FP_SYS_XML_ESCAPE, "Td"}, {FP_SYS_NOW, "a"}, {FP_SYS_MONOTONIC, "a"}, {FP_SYS_RANDOM, "d"}, {FP_SYS_LOG_FIELD, "KT"},
	{FP_SYS_COUNTER_ADD, "Ki"}, {FP_SYS_SPAN_BEGIN, "K"}, {FP_SYS_SPAN_END, "i"}, {FP_SYS_LOG_LEVEL, "iT"}, {FP_SYS_CACHE_GET, "Kd"}, {FP_SYS_CACHE_PUT, "(KTmmK)"},
	{FP_SYS_CACHE_DELETE, "K"}, {FP_SYS_HMAC, "iTTd"}, {FP_SYS_VERIFY, "(iTTT)"}, {FP_SYS_AEAD_SEAL, "(TTTTd)"}, {FP_SYS_AEAD_OPEN, "(TTTTd)"}, {FP_SYS_HASH, "iTd"},
	{FP_SYS_JWT_VERIFY, "(TTWd)"}, {FP_NATIVE_MALLOC, "l"}, {FP_NATIVE_CALLOC, "il"}, {FP_NATIVE_FREE, "n"}, {FP_NATIVE_MEMINFO, "a"}, {FP_NATIVE_MEMCPY, "aal"},
	{FP_NATIVE_MEMSET, "anl"}, {FP_NATIVE_MEMMOVE, "aal"}, {FP_NATIVE_MEMCMP, "aal"}, {FP_NATIVE_STRLEN, "z"}, {FP_NATIVE_STRNCMP, "zzl"}, {FP_NATIVE_BACKTRACE, ""},
	{FP_LINUX_EVENTFD2, "ii"}, {FP_LINUX_EPOLL_CREATE1, "i"}, {FP_LINUX_EPOLL_PWAIT, "iaii"}, {FP_LINUX_FCNTL, "ii"}, {FP_LINUX_OPENAT, "izi"}, {FP_LINUX_READ, "id"},
	{FP_LINUX_WRITE, "iT"}, {FP_LINUX_PPOLL, "ai(ii)"}, {FP_LINUX_NANOSLEEP, "(0m)a"}, {FP_LINUX_CLOCK_GETTIME, "ia"}, {FP_LINUX_CLOCK_NANOSLEEP, "i0(0m)a"},
	{FP_LINUX_SCHED_YIELD, ""}, {FP_LINUX_KILL, "00"}, {FP_LINUX_SIGALTSTACK, "0a"}, {FP_LINUX_RT_SIGPROCMASK, "iaa"}, {FP_LINUX_UNAME, "a"}, {FP_LINUX_GETTIMEOFDAY, "a"},
	{FP_LINUX_GETPID, ""}, {FP_LINUX_GETTID, ""}, {FP_LINUX_BRK, "n"}, {FP_LINUX_MMAP, "0li00"}, {FP_LINUX_PRLIMIT64, "0i0a"}, {FP_LINUX_GETRANDOM, "d"},
	{FP_LINUX_FUTEX, "aii(0m)ai"}, {FP_LINUX_HWPROBE, "aii"}, {FP_LINUX_FLUSH_ICACHE, "aa"}, {777, "n"}, {599, ""},
};
#define CALLS (int)(sizeof(calls) / sizeof(calls[0]))


static void put(uint64_t *to, int *n, uint64_t value)
{
	static const uint64_t strange[] = {0, ~0ul, 16, 1ul << 62, 1ul << 31, 4097};

	if (*n < 16)
		to[(*n)++] = below(900) ? value : strange[below(6)];
}

/* One argument; returns what follows it. */
static const char *draw(const char *args, uint64_t *to, int *n)
{
	static const char letters[] = "KNLDPETW";
	const char *s = "";
	uint64_t *mine;
	int i, k;

	for (i = 0; i < 8; i++)
		if (*args == letters[i])
			s = pools[i].list[below(pools[i].n)];
	switch (*args) {
	case 'z': put(to, n, fp_word(pools[below(8)].list[0])); break;
	case 'd': i = below(3) ? 512 : below(40), put(to, n, fp_word(out)), put(to, n, (uint64_t)i); break;
	case 'w': put(to, n, (uint64_t)(below(90) ? where_ : below(6))); break;
	case 'x': put(to, n, (uint64_t)below(12)); break;
	case 'h': put(to, n, (uint64_t)(below(6) - 1)); break;
	case 'g': put(to, n, (uint64_t)(below(80) ? below(2) : below(6) - 1)); break;
	case 'i': put(to, n, (uint64_t)below(5)); break;
	case 'm': put(to, n, (uint64_t)below(3)); break;
	case 'n': put(to, n, next() >> below(40)); break;
	case 'a': put(to, n, fp_word(block + 8 * below(64))); break;
	case 'l': put(to, n, (uint64_t)below(600)); break;
	case '0': put(to, n, 0); break;
	case '(':
		mine = record + 16 * (words++ & 3);
		for (args++, k = 0; *args && *args != ')';)
			args = draw(args, mine, &k);
		put(to, n, fp_word(mine));
		break;
	default: put(to, n, fp_word(s)), put(to, n, fp_strlen(s));
	}
	return args + 1;
}

static void once(void)
{
	const struct call *c = &calls[below(CALLS)];
	uint64_t a[16] = {0};
	const char *args;
	long got;
	int n = 0;

	for (args = c->args; *args; args++)
		if (*args == 'w' && fp_call(FP_SYS_IS_STORAGE, 0, 0, 0, 0, 0, 0, 0))
			return; /* which has no messages */
	for (args = c->args; *args;)
		args = draw(args, a, &n);
	got = fp_call(c->number, (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4], (long)a[5], (long)a[6]);
	learn(&got, sizeof(got));
	learn(out, 64), learn(block, 576);
}

static void few(int n)
{
	while (n-- > 0)
		once();
}

/* ---- what takes a function of the program ---- */
static void each(void *user, struct fp_field *f, int n)
{
	(void)user;
	learn(f, n * (long)sizeof(*f));
	if (n > 0)
		f[below(n)].deleted = (uint8_t)!below(3);
	few(1);
}
static long kept(long a, long b, long c, long d)
{
	static long count;

	learn(&a, sizeof(a));
	few((int)b);
	return ++count + (long)sum + c + d;
}
static void remember(const char *data, long n) { learn(data, n), few(2), fp_storage_return(data, (size_t)(sum % (uint64_t)(n + 1))); }
static void handler(int sig) { learn(&sig, sizeof(sig)); }
static void run(void) { few(2 + below(3)); }
static void thread(int i)
{
	register long a0 __asm__("a0") = 0x50f00;
	register char *a1 __asm__("a1") = stacks[i & 7] + 1024;
	register long a2 __asm__("a2") = 0, a3 __asm__("a3") = 0, a4 __asm__("a4") = 0, a7 __asm__("a7") = FP_LINUX_CLONE;
	register void (*s1)(void) __asm__("s1") = run;
	__asm__ volatile("ecall\nbnez a0, 1f\njalr s1\nli a7, 93\necall\n1:"
			 : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7), "r"(s1) : "memory", "ra", "t0", "t1", "t2", "t3", "t4", "t5", "t6", "a5", "a6");
	sum = sum * 31 + (uint64_t)a0;
}

static void wander(void)
{
	struct { void *handler; long flags, mask; } action = {(void *)handler, 0x40000000, 0};
	struct fp_bytes b;
	uint64_t t;
	long got;
	int i;

	for (i = 0; i < steps; i++)
		switch (below(24)) {
		case 0: got = fp_foreach(where_, each, 0), learn(&got, sizeof(got)); break;
		case 1: got = fp_remote(kept, (long)sum, 2, 3, 4), learn(&got, sizeof(got)); break;
		case 2: b = fp_remote_text(remember, (const char *)url, 8), learn(b.data, b.size); break;
		case 3: FP_CALL4(FP_LINUX_RT_SIGACTION, 10, &action, 0, 8), FP_CALL2(FP_LINUX_KILL, 0, 10); break;
		case 4: thread(i), FP_CALL0(FP_LINUX_SCHED_YIELD); break;
		case 5: __asm__ volatile("rdtime %0" : "=r"(t)); learn(&t, sizeof(t)); break;
		case 6: /* longer than a slice */
			for (t = 0; t < 60000; t++)
				sum ^= t << 7 ^ sum >> 3;
			break;
		default: once();
		}
}

static void put_sum(void)
{
	int i;

	for (i = 0; i < 16; i++)
		text[i] = "0123456789abcdef"[sum >> (60 - 4 * i) & 15];
	text[16] = 0;
}

/* Takes up the walk in a callback. */
static void stage(int where, uint64_t salt)
{
	where_ = where, state = (state ^ salt * 0x9E3779B97F4A7C15ul) | 1;
	wander();
}

static void forged(long arg, const void *body, size_t n)
{
	learn(&arg, sizeof(arg)), learn(body, (long)n);
	stage(FP_BERESP, 2);
	put_sum();
	fp_response(200 + below(5), "text/plain", text, 16);
}

static void streamed(long arg, const void *body, size_t n)
{
	int i;

	(void)body, (void)n;
	learn(&arg, sizeof(arg));
	stage(FP_BERESP, 3);
	for (i = 0; i < 4; i++)
		learn(out, fp_body_read(out, sizeof(out), 1) > 0 ? 16 : 0);
	put_sum();
	fp_response_begin(200, "text/plain");
	for (i = below(4); i >= 0; i--)
		fp_body_write(text, 16), few(1);
}

static void on_recv(int req, int none, const char *arg)
{
	static const char *const decisions[] = {"lookup", "pass", "hash", "miss", "deliver", "purge", "what"};
	const char *p;

	(void)none;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	learn(arg, (long)fp_strlen(arg)), learn(seed, sizeof(seed));
	for (p = url + 1; *p && *p != '/'; p++)
		state = state * 33 + (uint64_t)*p;
	for (p += *p == '/', steps = 0; *p >= '0' && *p <= '9'; p++)
		steps = steps * 10 + *p - '0';
	learn(url, (long)fp_strlen(url));
	stage(req, 1);
	put_sum();
	fp_field_replace(req, "X-Sum", text);
	switch (below(10)) {
	case 0: fp_forge(below(2), forged, (long)sum);
	case 1: fp_forge_stream(below(2), streamed, (long)sum);
	case 2: fp_synth(200 + below(5), "text/plain", text, 16);
	case 3: fp_pause_for(decisions[below(4)], 0), few(4); break;
	case 4: fp_pause_for("lookup", 0), stage(req, 9), fp_forge(1, forged, (long)sum);
	case 5: fp_decision("synth", 200 + below(300));
	case 6: for (volatile int n = 1; n;) { if (!below(3)) break; few(1); } break;
	default: fp_decision(decisions[below(7)], below(3));
	}
}

static void on_hash(int a, int b, const char *c) { (void)a, (void)b, (void)c; stage(FP_REQ, 11), fp_hash(text); }
static void on_hit(int req, int obj, const char *c) { (void)obj, (void)c; stage(req, 12); }
static void on_miss(int req, int bereq, const char *c) { (void)bereq, (void)c; stage(req, 13); }
static void on_fetch(int bereq, int beresp, const char *c) { (void)beresp, (void)c; stage(bereq, 14); }
static void on_response(int bereq, int beresp, const char *c) { (void)bereq, (void)c; stage(beresp, 15); }
static void on_error(int bereq, int beresp, const char *c)
{
	(void)bereq, (void)c;
	stage(beresp, 16), put_sum();
	if (below(2))
		fp_synth(500 + below(5), "text/plain", text, 16);
}
static void on_synth(int req, int resp, const char *c)
{
	(void)req, (void)c;
	stage(resp, 17), put_sum();
	if (below(2))
		fp_synth(200 + below(5), "text/plain", text, 16);
}
static void on_deliver(int req, int resp, const char *c)
{
	(void)req, (void)c;
	stage(resp, 18), put_sum();
	fp_field_replace(resp, "X-Sum", text);
}
static const char *name(const char *value, size_t n) { learn(value, (long)n), stage(FP_REQ, 19), put_sum(); return text; }

int main(void)
{
	fp_random(seed, sizeof(seed));
	fp_regex("[a-f]+[0-9]"), fp_regex("(x+)\\1(?=y)");
	fp_register_callback(FP_CALLBACK_ON_HASH, (void (*)(void))on_hash);
	fp_register_callback(FP_CALLBACK_ON_HIT, (void (*)(void))on_hit);
	fp_register_callback(FP_CALLBACK_ON_MISS, (void (*)(void))on_miss);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_FETCH, (void (*)(void))on_fetch);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_RESPONSE, (void (*)(void))on_response);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_ERROR, (void (*)(void))on_error);
	fp_set_on_synth(on_synth);
	fp_set_on_deliver(on_deliver);
	fp_register_function("name", name);
	fp_wait_for_requests(on_recv);
}
