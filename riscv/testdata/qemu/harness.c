/* Runs generated programs under qemu-user, many in one process. It is linked far
 * above the address space that they use and knows no C library.
 *
 * Each scenario comes from the standard input: a header, text, constants, data.
 * It starts by the return from a signal handler, which sets all registers at
 * once; every trap comes back to the handler, which notes it and steps over the
 * instruction, until the final ebreak, a jump to nowhere, or too many traps. Then
 * the registers, the traps and the whole memory go to the standard output. */
#include <stddef.h>
#include <stdint.h>

enum { read_ = 63, write_ = 64, exit_ = 93, sigaltstack_ = 132, sigaction_ = 134, munmap_ = 215, mmap_ = 222, mprotect_ = 226 };
enum { space = 0x40000, page = 4096, most = 200 };

typedef uintptr_t word;

struct header {
	uint64_t x[32], f[32];
	uint32_t fcsr, text_size, const_size, data_size;
	uint32_t text, constants, data, end;
	uint32_t want_memory, padding;
};

struct trap {
	uint32_t signal, padding;
	uint64_t pc, address;
};

static struct result {
	uint64_t x[32], f[32], pc, digest;
	uint32_t fcsr, traps;
	struct trap trap[most];
} result;

static struct header in;
static unsigned char stack[64 * 1024] __attribute__((aligned(16)));
static word context; /* offset of the registers in what the handler gets */

static long call(long n, word a, word b, word c, word d, word e, word f)
{
	register word a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c, a3 __asm__("a3") = d, a4 __asm__("a4") = e,
		     a5 __asm__("a5") = f, a7 __asm__("a7") = (word)n;
	__asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
	return (long)a0;
}

static void stop(int code) { call(exit_, (word)code, 0, 0, 0, 0, 0); }

static void take(void *to, size_t n)
{
	for (char *p = to; n;) {
		long k = call(read_, 0, (word)p, n, 0, 0, 0);
		if (k <= 0)
			stop(k < 0 || p != (char *)&in ? 3 : 0);
		p += k, n -= (size_t)k;
	}
}

static void give(const void *from, size_t n)
{
	for (const char *p = from; n;) {
		long k = call(write_, 1, (word)p, n, 0, 0, 0);
		if (k <= 0)
			stop(4);
		p += k, n -= (size_t)k;
	}
}

static void map(word at, word n, int protection)
{
	/* MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS */
	if (call(mmap_, at, n, (word)protection, 0x32, (word)-1, 0) != (long)at)
		stop(5);
}

static void fill(uint32_t at, uint32_t n, int protection)
{
	take((void *)(word)at, n);
	if (call(mprotect_, at, (n + page - 1) & -page, (word)protection, 0, 0, 0) != 0)
		stop(6);
}

static void copy(void *to, const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile unsigned char *)to)[i] = ((const unsigned char *)from)[i];
}

/* begin reads the next scenario and puts its registers at r. */
static void begin(unsigned char *r)
{
	take(&in, sizeof in);
	map(page, space - page, 3);
	fill(in.text, in.text_size, 5);
	fill(in.constants, in.const_size, 1);
	fill(in.data, in.data_size, 3);
	result.traps = 0;
	word pc = in.text;
	copy(r, &pc, sizeof pc);
	for (int i = 1; i < 32; i++) {
		word v = (word)in.x[i];
		copy(r + i * sizeof v, &v, sizeof v);
	}
	copy(r + 32 * sizeof(word), in.f, sizeof in.f);
	copy(r + 32 * sizeof(word) + sizeof in.f, &in.fcsr, sizeof in.fcsr);
}

static void finish(const unsigned char *r)
{
	word v;
	uint64_t h = 1;
	for (int i = 0; i < 32; i++) {
		copy(&v, r + i * sizeof v, sizeof v);
		result.x[i] = (uint64_t)(intptr_t)v;
	}
	result.pc = (word)result.x[0];
	result.x[0] = 0;
	copy(result.f, r + 32 * sizeof v, sizeof result.f);
	copy(&result.fcsr, r + 32 * sizeof v + sizeof result.f, sizeof result.fcsr);
	/* The digest is cheap to compute and sees every word and its place. */
	for (const uint64_t *p = (const uint64_t *)page; p < (const uint64_t *)space; p++)
		if (*p)
			h = (h ^ *p ^ (word)p) * 0x9e3779b97f4a7c15u, h ^= h >> 32;
	result.digest = h;
	give(&result, sizeof result);
	if (in.want_memory)
		give((void *)page, space - page);
}

static void handler(int signal, const unsigned char *info, unsigned char *frame)
{
	unsigned char *r = frame + context;
	word pc, address;
	copy(&pc, r, sizeof pc);
	if (!in.text) { /* the first trap, from start */
		begin(r);
		return;
	}
	copy(&address, info + (sizeof(word) == 8 ? 16 : 12), sizeof address);
	struct trap *t = &result.trap[result.traps++];
	t->signal = (uint32_t)signal, t->pc = pc, t->address = address;
	int inside = pc >= in.text && pc < in.text + in.text_size;
	if (pc != in.end && inside && result.traps < most) {
		pc += (*(uint16_t *)pc & 3) == 3 ? 4 : 2;
		copy(r, &pc, sizeof pc);
		return;
	}
	finish(r);
	begin(r);
}

/* calibrate finds the registers within the frame: there is the address of the
 * trap, followed by what start put into ra, sp and gp. */
static void calibrate(int signal, const unsigned char *info, unsigned char *frame)
{
	(void)signal, (void)info;
	for (context = 0; context < 4096; context += sizeof(word)) {
		word v[5];
		copy(v, frame + context, sizeof v);
		if (v[1] == 0x1234567 && v[3] == 0x2345678 && v[4] == 0x3456789) {
			v[0] += 4;
			copy(frame + context, v, sizeof v[0]);
			return;
		}
	}
	stop(7);
}

static void catch(void (*f)(int, const unsigned char *, unsigned char *))
{
	static const int signals[] = {4, 5, 7, 8, 11};
	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
		struct {
			void (*f)(int, const unsigned char *, unsigned char *);
			word flags;
			uint64_t mask;
		} action = {f, 0x4 | 0x08000000, 0}; /* SA_SIGINFO, SA_ONSTACK */
		if (call(sigaction_, (word)signals[i], (word)&action, 0, 8, 0, 0) != 0)
			stop(8);
	}
}

__attribute__((noreturn)) void main_(void)
{
	struct {
		void *at;
		int flags;
		size_t size;
	} alternate = {stack, 0, sizeof stack};
	if (call(sigaltstack_, (word)&alternate, 0, 0, 0, 0, 0) != 0)
		stop(9);
	catch(calibrate);
	__asm__ volatile(".option push\n.option norvc\n"
			 "li ra, 0x1234567\nli gp, 0x2345678\nli tp, 0x3456789\nebreak\n.option pop" ::: "ra", "memory");
	catch(handler);
	__asm__ volatile("ebreak");
	__builtin_unreachable();
}

/* Nothing here is relative to gp, which belongs to the scenario while the handler
 * runs: the linker is told not to relax. */
__asm__(".globl _start\n_start:\nj main_\n");
