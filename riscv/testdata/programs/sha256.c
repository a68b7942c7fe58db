/* SHA-256 (FIPS 180-4): rotations and 32-bit arithmetic. The constants are
 * computed from the primes, exactly, by integer roots. The argument is the number
 * of KiB that are hashed after some short messages. */
#include "work.h"

static uint32_t k[64], start[8];

/* at_most says whether r^n <= p << 32n, for r below 2^37, in 32-bit limbs. */
static int at_most(uint64_t r, int n, uint32_t p)
{
	uint32_t v[6] = {1};
	for (int i = 0; i < n; i++) {
		uint32_t product[6] = {0};
		for (int half = 0; half < 2; half++) {
			uint64_t carry = 0, factor = half ? r >> 32 : (uint32_t)r;
			for (int k = 0; k + half < 6; k++) {
				carry += v[k] * factor + product[k + half];
				product[k + half] = (uint32_t)carry;
				carry >>= 32;
			}
		}
		memcpy(v, product, sizeof v);
	}
	for (int k = 5; k > n; k--)
		if (v[k])
			return 0;
	if (v[n] != p)
		return v[n] < p;
	for (int k = 0; k < n; k++)
		if (v[k])
			return 0;
	return 1;
}

/* fraction gives the first 32 fractional bits of the square (n = 2) or cube
 * (n = 3) root of p. */
static uint32_t fraction(uint32_t p, int n)
{
	uint64_t r = 0;
	for (int bit = 37; bit >= 0; bit--)
		if (at_most(r | 1ull << bit, n, p))
			r |= 1ull << bit;
	return (uint32_t)r;
}

static void constants(void)
{
	int found = 0;
	for (unsigned p = 2; found < 64; p++) {
		int prime = 1;
		for (unsigned d = 2; d * d <= p; d++)
			if (p % d == 0)
				prime = 0;
		if (!prime)
			continue;
		if (found < 8)
			start[found] = fraction(p, 2);
		k[found++] = fraction(p, 3);
	}
}

static uint32_t ror(uint32_t x, int n) { return x >> n | x << (32 - n); }

static void block(uint32_t *h, const uint8_t *p)
{
	uint32_t w[64];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];
		w[i] = w[i - 16] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3) + w[i - 7] + (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
	}
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], last = h[7];
	for (int i = 0; i < 64; i++) {
		uint32_t t1 = last + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i];
		uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
		last = g, g = f, f = e, e = d + t1;
		d = c, c = b, b = a, a = t1 + t2;
	}
	h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += last;
}

static void sha256(const uint8_t *p, size_t n)
{
	uint32_t h[8];
	uint8_t tail[128] = {0};
	size_t rest = n % 64, len = rest < 56 ? 64 : 128;
	memcpy(h, start, sizeof h);
	for (size_t i = 0; i + 64 <= n; i += 64)
		block(h, p + i);
	memcpy(tail, p + n - rest, rest);
	tail[rest] = 0x80;
	for (int i = 0; i < 8; i++)
		tail[len - 1 - i] = (uint8_t)((uint64_t)n * 8 >> 8 * i);
	for (size_t i = 0; i < len; i += 64)
		block(h, tail + i);
	for (int i = 0; i < 8; i++)
		printf("%08lx", (unsigned long)h[i]);
	printf("  %lu\n", (unsigned long)n);
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 4);
	uint8_t *data = malloc(n * 1024 + 300);
	constants();
	sha256((const uint8_t *)"abc", 3);
	for (unsigned long i = 0; i < n * 1024 + 300; i++)
		data[i] = (uint8_t)(i * 7 + i / 13);
	for (size_t k = 0; k <= 300; k += 25)
		sha256(data, k);
	sha256(data, n * 1024);
	return 0;
}
