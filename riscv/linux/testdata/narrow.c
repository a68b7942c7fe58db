// A 32-bit program without a library: calls whose arguments differ from those
// of 64 bits, and a signal handler with floating-point registers.
typedef unsigned int u32;
typedef unsigned long long u64;

static long call(long n, long a, long b, long c, long d, long e, long f) {
	register long a0 asm("a0") = a, a1 asm("a1") = b, a2 asm("a2") = c, a3 asm("a3") = d, a4 asm("a4") = e, a5 asm("a5") = f,
		      a7 asm("a7") = n;
	asm volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
	return a0;
}

static u32 length(const char *s) {
	u32 n = 0;
	while (s[n])
		n++;
	return n;
}

static void say(const char *s) { call(64, 1, (long)s, length(s), 0, 0, 0); }

static void number(const char *what, long v) {
	char b[16];
	int i = 15;
	u32 u = v < 0 ? -v : v;
	b[i] = 0;
	do
		b[--i] = '0' + u % 10;
	while (u /= 10);
	if (v < 0)
		b[--i] = '-';
	say(what);
	say(" ");
	say(b + i);
	say("\n");
}

static volatile int seen;
static volatile double half;

static void handler(int sig, int *info, u32 *context) {
	seen = seen * 100 + sig;
	number("handler", sig);
	number("code", info[2]);
	half = half * 3; // uses floating-point registers
	if (sig == 4)
		context[40] += 4; // behind the instruction
}

struct action {
	void *handler;
	u32 flags;
	u64 mask;
};

void begin(long *sp) {
	number("argc", sp[0]);
	say(((char **)sp)[1]);
	say("\n");
	long *v = sp + 1 + sp[0] + 1;
	while (*v++)
		;
	long page = 0, random = 0, entry = 0;
	for (; v[0]; v += 2) {
		page = v[0] == 6 ? v[1] : page;
		random = v[0] == 25 ? v[1] : random;
		entry = v[0] == 9 ? v[1] : entry;
	}
	number("page", page);
	number("random", random != 0);
	number("entry", entry != 0);
	u64 time[2] = {~0ull, ~0ull};
	number("clock", call(403, 0, (long)time, 0, 0, 0, 0));
	number("year", time[0] > 1700000000 && time[0] < 1ull << 40);
	number("nanoseconds", time[1] < 1000000000);
	u64 sleep[2] = {0, 1000};
	number("sleep", call(407, 1, 0, (long)sleep, 0, 0, 0));
	sleep[1] = 2000000000;
	number("bad sleep", call(407, 1, 0, (long)sleep, 0, 0, 0));
	char *m = (char *)call(222, 0, 8192, 3, 0x22, -1, 0);
	number("map", (u32)m > 4096 && (u32)m % 4096 == 0);
	m[8191] = 5;
	number("unmap", call(215, (long)m, 8192, 0, 0, 0, 0));
	char *brk = (char *)call(214, 0, 0, 0, 0, 0, 0);
	number("grown", (char *)call(214, (long)(brk + 5000), 0, 0, 0, 0, 0) == brk + 5000);
	brk[4999] = 1;
	u64 at = 7;
	number("seek", call(62, 1, 0, 0, (long)&at, 1, 0));
	number("absent", call(56, -100, (long)"/absent", 0, 0, 0, 0));
	number("far", call(64, 1, -8, 4, 0, 0, 0));
	number("closed", call(57, 99, 0, 0, 0, 0, 0));
	u32 futex = 3;
	number("futex", call(422, (long)&futex, 128, 4, 0, 0, 0));
	struct action a = {handler, 4, 0};
	number("action", call(134, 10, (long)&a, 0, 8, 0, 0));
	number("action", call(134, 4, (long)&a, 0, 8, 0, 0));
	half = 0.5;
	register double kept asm("fs3") = half + 0.25;
	asm volatile("" : "+f"(kept));
	number("kill", call(131, call(172, 0, 0, 0, 0, 0, 0), call(178, 0, 0, 0, 0, 0, 0), 10, 0, 0, 0));
	asm volatile(".word 0xffffffff" ::: "memory");
	asm volatile("" : "+f"(kept));
	number("seen", seen);
	number("kept", kept == 0.75);
	number("half", half == 4.5);
	u32 v4[2] = {(u32)"two ", 4};
	u32 iov[4] = {v4[0], v4[1], (u32)"parts\n", 6};
	number("vector", call(66, 1, (long)iov, 2, 0, 0, 0));
	call(94, 44, 0, 0, 0, 0, 0);
}

asm(".globl _start\n_start:\n.option push\n.option norelax\nla gp, __global_pointer$\n.option pop\nmv a0, sp\nandi sp, sp, -16\ncall begin\n");
