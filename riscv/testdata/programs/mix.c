/* Integer operations of hashes and bit sets, in registers only: rotations,
 * multiplications, counts of bits, minima, shifts. The argument is the number of
 * thousands of rounds. */
#include "work.h"

static uint64_t rotl(uint64_t x, unsigned n) { return x << (n & 63) | x >> (-n & 63); }
static uint32_t rotr(uint32_t x, unsigned n) { return x >> (n & 31) | x << (-n & 31); }

static uint64_t stir(uint64_t a, uint64_t i)
{
	uint64_t b = rotl(a, (unsigned)i) * 0xff51afd7ed558ccdu;
	uint32_t w = rotr((uint32_t)(b >> 17), 13) + (uint32_t)i;
	b ^= b >> 33;
	b += (uint64_t)__builtin_clzll(b | 1) + (uint64_t)__builtin_ctzll(a | 1ull << 63);
	b ^= (uint64_t)__builtin_popcount(w) << 40;
	if (b & 1ull << (i & 63))
		b &= ~(1ull << (w & 63));
	int64_t s = (int64_t)a < (int64_t)b ? (int64_t)a : (int64_t)b;
	uint64_t m = a > w ? a : w;
	return (uint64_t)s ^ rotl(m, 31) ^ (uint64_t)(int8_t)b ^ ((b & ~a) + __builtin_bswap64(b));
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 20);
	uint64_t a = 0x0123456789abcdefu;
	for (unsigned long i = 0; i < n; i++)
		for (unsigned long j = 0; j < 1000; j++)
			a = stir(a, i * 1000 + j);
	return report("mix", n, a);
}
