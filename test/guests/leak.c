/*
 * Hides a secret wherever a program can put something, and looks for it.
 *   /hide /hide-forge   writes the secret, which is X-Key without its disguise
 *   /seek /seek-forge   appends or answers X-Found: where, for each place that has it
 * The key is 16 hexadecimal digits; the secret is the key xor a constant, so that
 * neither the request nor the program has it.
 */
#include "fishplate.h"

#define DISGUISE 0x5bd1e995a5c31f27ul
#define STACK (1 << 18)

static char text[24], line[256], found[512], room[4096];
static size_t used;
static unsigned long data = 1, bss, secret;

static void note(const char *what)
{
	while (*what && used < sizeof(found) - 2)
		found[used++] = *what++;
	found[used++] = ' ';
}

static unsigned long key(int where)
{
	unsigned long n = 0;

	fp_get_value(where, "X-Key", line, sizeof(line));
	for (int i = 0; i < 16; i++)
		n = n << 4 | (unsigned long)(line[i] <= '9' ? line[i] - '0' : line[i] - 'a' + 10);
	return n ^ DISGUISE;
}

static void spell(unsigned long s)
{
	for (int i = 0; i < 16; i++)
		text[i] = "0123456789abcdef"[s >> (60 - 4 * i) & 15];
	text[16] = 0;
}

static long store(long s, long b, long c, long d)
{
	static unsigned long kept;

	(void)b, (void)c, (void)d;
	kept = (unsigned long)s;
	return (long)&kept;
}

static __attribute__((noinline)) void stack(unsigned long s)
{
	volatile unsigned long deep[STACK / 8];

	for (int i = 0; i < STACK / 8; i++)
		deep[i] = s;
	__asm__ volatile("" : : "r"(deep) : "memory");
}

static void hide(int where, int stop)
{
	unsigned long s = secret = key(where);
	long at;

	spell(s);
	data = bss = s;
	stack(s);
	for (int i = 0; i < 64; i++) {
		unsigned long *p = fp_malloc(8192);
		for (int k = 0; k < 1024; k++)
			p[k] = s;
		if (i & 1)
			fp_free(p);
	}
	at = FP_CALL6(FP_LINUX_MMAP, 0, 1 << 20, 3, 0x22, -1, 0);
	for (long i = 0; i < 1 << 20; i += 8)
		*(unsigned long *)(at + i) = s;
	FP_CALL2(FP_LINUX_MUNMAP, at, 1 << 19);
	at = FP_CALL1(FP_LINUX_BRK, 0);
	FP_CALL1(FP_LINUX_BRK, at + (1 << 20));
	for (long i = 0; i < 1 << 20; i += 8)
		*(unsigned long *)(at + i) = s;
	fp_kv_set("secret", text, 16, 0);
	fp_cache_put("secret", text, 16, 60000, 0, "secret");
	fp_remote(store, (long)s, 0, 0, 0);
	FP_CALL4(FP_SYS_LOG_FIELD, "secret", 6, text, 16);
	FP_CALL2(FP_SYS_SPAN_BEGIN, "secret", 6);
	fp_regex(text);
	fp_json_quote(text, 16, room, sizeof(room));
	fp_base64_encode(0, text, 16, room, sizeof(room));
	FP_CALL4(FP_SYS_SHA256, text, 16, room, 32);
	fp_hash(text);
	fp_cache_tag(text);
	fp_cache_ttl(60000);
	fp_kv_get("no such key", room, sizeof(room)); /* an error, whose text is kept */
	fp_field_replace(where, "X-Secret", text);
	FP_CALL3(FP_LINUX_SET_ROBUST_LIST, s, 24, 0);
	FP_CALL1(FP_LINUX_SET_TID_ADDRESS, s);
	struct { unsigned long handler, flags, mask; } a = {s, 0, s};
	FP_CALL4(FP_LINUX_RT_SIGACTION, 12, &a, 0, 8);
	FP_CALL4(FP_LINUX_RT_SIGPROCMASK, 0, &a.mask, 0, 8);
	struct { unsigned long base, flags, size; } alt = {s, 0, s};
	FP_CALL2(FP_LINUX_SIGALTSTACK, &alt, 0);
	if (!stop)
		return;
	__asm__ volatile("mv t0, %0\nmv t1, %0\nmv t2, %0\nmv t3, %0\nmv t4, %0\nmv t5, %0\nmv t6, %0\nmv gp, %0\nmv tp, %0\n"
			 "mv s2, %0\nmv s3, %0\nmv s4, %0\nmv s5, %0\nmv s6, %0\nmv s7, %0\nmv s8, %0\nmv s9, %0\nmv s10, %0\nmv s11, %0\n"
			 "mv a5, %0\nmv a6, %0\n"
			 ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\nfmv.d.x f\\n, %0\n.endr\n"
			 ".option push\n.option arch,+v\nvsetvli x0, x0, e64, m1, ta, ma\n"
			 ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\nvmv.v.x v\\n, %0\n.endr\n.option pop\n"
			 "fscsr %0\n.insn i SYSTEM, 0, x0, x0, 0x7ff" : : "r"(s) : "memory");
}

/* Registers as they are at the beginning, before anything uses them. */
static unsigned long regs[32], floats[32], vectors[32][64];
static __attribute__((noinline)) void registers(void)
{
	unsigned long *r = regs, *f = floats;
	void *v = vectors;

	__asm__ volatile(".irp n,3,4,18,19,20,21,22,23,24,25,26,27,28,29,30,31\nsd x\\n, 8*\\n(%0)\n.endr\n"
			 ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\nfsd f\\n, 8*\\n(%1)\n.endr\n"
			 ".option push\n.option arch,+v\n"
			 ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\nvs1r.v v\\n, (%2)\naddi %2, %2, 512\n.endr\n.option pop"
			 : "+r"(r), "+r"(f), "+r"(v) : : "memory");
}

static int has(const unsigned long *p, long n, unsigned long s)
{
	for (long i = 0; i < n; i++)
		if (p[i] == s)
			return 1;
	return 0;
}

static int says(const char *p, long n)
{
	for (long i = 0; i + 16 <= n; i++) {
		int k = 0;
		while (k < 16 && p[i + k] == text[k])
			k++;
		if (k == 16)
			return 1;
	}
	return 0;
}

static void seek(int where)
{
	unsigned long s, *p;
	long at, n;

	registers();
	s = secret;
	if (data != 1 || bss || s)
		note("data");
	s = key(where);
	if (has(regs, 32, s))
		note("registers");
	if (has(floats, 32, s))
		note("floats");
	if (has(vectors[0], 32 * 64, s))
		note("vectors");
	/* From here on s may be anywhere in what this function uses itself: where it
	   looks it has not been. */
	p = (unsigned long *)(((long)__builtin_frame_address(0) & ~15l) - STACK);
	if (has(p, (STACK - 8192) / 8, s))
		note("stack");
	for (int i = 0; i < 64; i++)
		if (!(p = fp_malloc(8192)) || has(p, 1024, s)) {
			note("heap");
			break;
		}
	at = FP_CALL6(FP_LINUX_MMAP, 0, 1 << 20, 3, 0x22, -1, 0);
	if (has((unsigned long *)at, 1 << 17, s))
		note("mappings");
	at = FP_CALL1(FP_LINUX_BRK, 0);
	FP_CALL1(FP_LINUX_BRK, at + (1 << 20));
	if (has((unsigned long *)at, 1 << 17, s))
		note("break");
	spell(s);
	struct { unsigned long base, flags, size; } alt = {0, 0, 0};
	FP_CALL2(FP_LINUX_SIGALTSTACK, 0, &alt);
	struct { unsigned long handler, flags, mask; } a = {0, 0, 0};
	FP_CALL4(FP_LINUX_RT_SIGACTION, 12, 0, &a, 8);
	if (alt.base == s || alt.size == s || a.handler == s || a.mask == s)
		note("signals");
	if ((n = fp_error_text(room, sizeof(room))) != 0)
		note("error");
	for (int i = 0; i < 64; i++)
		if (fp_regex_backtracks(i) >= 0)
			note("regex");
	if ((n = fp_headers(where, room, sizeof(room))) > 0 && says(room, n))
		note("fields");
	if (FP_CALL1(FP_SYS_SPAN_END, 0) != FP_E_NONE)
		note("span");
	if (fp_tenant_name(line, sizeof(line)) > 0 && line[0] == 'o') { /* of another tenant: what the first one shares among its own */
		if (fp_kv_get("secret", room, sizeof(room)) >= 0)
			note("key-value");
		if (fp_cache_get("secret", room, sizeof(room)) >= 0)
			note("object");
	}
}

static void forge(long arg, const void *body, size_t n)
{
	(void)body, (void)n;
	if (arg)
		hide(4, 1);
	seek(4);
	fp_response(200, "text/plain", found, used);
}

static void on_recv(int req, int none, const char *arg)
{
	(void)none, (void)arg;
	if (fp_get(req, FP_LINE_URL, line, sizeof(line)) < 0)
		return;
	if (fp_equal(line, "/hide-forge"))
		fp_forge(FP_NOT_CACHED, forge, 1);
	if (fp_equal(line, "/seek-forge"))
		fp_forge(FP_NOT_CACHED, forge, 0);
	if (fp_equal(line, "/hide"))
		hide(req, 1);
	if (fp_equal(line, "/hide-and-seek")) /* proves that the search finds */
		hide(req, 0);
	seek(req);
	fp_synth(200, "text/plain", found, used);
}

int main(void)
{
	fp_wait_for_requests(on_recv);
}
