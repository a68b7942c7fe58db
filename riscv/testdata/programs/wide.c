/* Arithmetic on 128 bits: products, quotients and shifts by the compiler's own
 * type where it has one, and by halves elsewhere. The argument is the number of
 * rounds. */
#include "work.h"

#ifdef __SIZEOF_INT128__
typedef unsigned __int128 wide;
static wide make(uint64_t high, uint64_t low) { return (wide)high << 64 | low; }
static uint64_t high(wide v) { return (uint64_t)(v >> 64); }
static uint64_t low(wide v) { return (uint64_t)v; }
static wide multiply(wide a, wide b) { return a * b; }
static wide add(wide a, wide b) { return a + b; }
static wide shift(wide a, unsigned n) { return a >> n; }
static wide divide(wide a, wide b, wide *rest)
{
	*rest = a % b;
	return a / b;
}
#else
typedef struct {
	uint64_t h, l;
} wide;
static wide make(uint64_t high, uint64_t low) { return (wide){high, low}; }
static uint64_t high(wide v) { return v.h; }
static uint64_t low(wide v) { return v.l; }
static wide add(wide a, wide b)
{
	wide r = {a.h + b.h, a.l + b.l};
	r.h += r.l < a.l;
	return r;
}
static wide shift(wide a, unsigned n)
{
	if (n >= 64)
		return make(0, a.h >> (n - 64));
	return n ? make(a.h >> n, a.l >> n | a.h << (64 - n)) : a;
}
static wide multiply(wide a, wide b)
{
	uint64_t x = a.l >> 32, y = (uint32_t)a.l, z = b.l >> 32, w = (uint32_t)b.l;
	uint64_t low_part = y * w, m = x * w + (low_part >> 32), k = y * z + (uint32_t)m;
	return make(x * z + (m >> 32) + (k >> 32) + a.h * b.l + a.l * b.h, k << 32 | (uint32_t)low_part);
}
static int less(wide a, wide b) { return a.h != b.h ? a.h < b.h : a.l < b.l; }
static wide divide(wide a, wide b, wide *rest)
{
	wide q = {0, 0}, r = {0, 0};
	for (int i = 127; i >= 0; i--) {
		int out = (int)(r.h >> 63);
		r = make(r.h << 1 | r.l >> 63, r.l << 1 | (low(shift(a, (unsigned)i)) & 1));
		if (out || !less(r, b)) {
			uint64_t l = r.l - b.l;
			r = make(r.h - b.h - (r.l < b.l), l);
			if (i >= 64)
				q.h |= 1ull << (i - 64);
			else
				q.l |= 1ull << i;
		}
	}
	*rest = r;
	return q;
}
#endif

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 200);
	uint64_t seed = 6, sum = 0;
	wide a = make(1, 2);
	for (unsigned long i = 0; i < n; i++) {
		uint64_t h = next(&seed) >> (i & 63);
		wide b = make(h, next(&seed) | 1), rest;
		a = add(multiply(a, b), make(i, ~(uint64_t)i));
		wide q = divide(a, b, &rest);
		sum = fold(fold(sum, high(q) ^ low(q)), high(rest) + low(rest));
		sum = fold(sum, low(shift(a, (unsigned)(seed & 127))));
		int64_t s = (int64_t)high(a) / ((int64_t)low(b) | 1);
		sum = fold(sum, (uint64_t)s + high(multiply(make(0, low(a)), make(0, low(b)))));
	}
	return report("wide", n, sum);
}
