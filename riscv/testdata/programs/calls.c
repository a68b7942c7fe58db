/* Calls through tables of functions and of objects, tail calls and deep returns.
 * The argument is the number of thousands of calls. */
#include "work.h"

#define NOINLINE __attribute__((noinline))

typedef uint64_t operation(uint64_t, uint64_t);

static NOINLINE uint64_t add(uint64_t a, uint64_t b) { return a + b; }
static NOINLINE uint64_t sub(uint64_t a, uint64_t b) { return b - a; }
static NOINLINE uint64_t mul(uint64_t a, uint64_t b) { return a * (b | 1); }
static NOINLINE uint64_t mix(uint64_t a, uint64_t b) { return a ^ (b << 7 | b >> 57); }
static NOINLINE uint64_t pick(uint64_t a, uint64_t b) { return a < b << 54 ? a + b : a - b; }
static NOINLINE uint64_t twice(uint64_t a, uint64_t b) { return mix(add(a, b), b); }
static NOINLINE uint64_t deep(uint64_t a, uint64_t b) { return b & 15 ? deep(a + b, b - 1) + 1 : a; }
static NOINLINE uint64_t last(uint64_t a, uint64_t b) { return pick(b, a); }

static operation *volatile operations[] = {add, sub, mul, mix, pick, twice, deep, last};

struct shape {
	uint64_t (*area)(const struct shape *);
	uint64_t width, height;
};
static uint64_t square(const struct shape *s) { return s->width * s->width; }
static uint64_t box(const struct shape *s) { return s->width * s->height; }
static uint64_t triangle(const struct shape *s) { return s->width * s->height / 2; }

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 5);
	uint64_t a = 1, seed = 9;
	static struct shape shapes[64];
	for (int i = 0; i < 64; i++) {
		uint64_t r = next(&seed);
		shapes[i].area = r % 3 == 0 ? square : r % 3 == 1 ? box : triangle;
		shapes[i].width = r >> 8 & 255;
		shapes[i].height = r >> 16 & 255;
	}
	for (unsigned long i = 0; i < n; i++)
		for (unsigned long j = 0; j < 500; j++) {
			a = operations[(a ^ j) & 7](a, j);
			const struct shape *s = &shapes[j & 63];
			a += s->area(s);
		}
	return report("calls", n, a);
}
