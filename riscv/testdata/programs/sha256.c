/* SHA-256 (FIPS 180-4) of 0 to 300 bytes: rotations and 32-bit arithmetic. The
 * constants are computed from the primes, exactly, by integer roots. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t k[64], start[8];

/* The first 32 fractional bits of the square (n = 2) or cube root of p. */
static uint32_t fraction(uint64_t p, int n)
{
	uint64_t r = 0;
	for (int bit = 37; bit >= 0; bit--) {
		uint64_t t = r | 1ull << bit;
		unsigned __int128 v = (unsigned __int128)t * t;
		unsigned __int128 limit = (unsigned __int128)p << 64;
		if (n == 3) {
			v *= t;
			limit = (unsigned __int128)p << 96;
		}
		if (v <= limit)
			r = t;
	}
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
	uint32_t w[64], s[8];
	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 | p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];
		w[i] = w[i - 16] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3) + w[i - 7] + (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
	}
	memcpy(s, h, sizeof s);
	for (int i = 0; i < 64; i++) {
		uint32_t e = s[4], a = s[0];
		uint32_t t1 = s[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + k[i] + w[i];
		uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof *s);
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		h[i] += s[i];
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
		tail[len - 1 - i] = (uint64_t)n * 8 >> 8 * i;
	for (size_t i = 0; i < len; i += 64)
		block(h, tail + i);
	for (int i = 0; i < 8; i++)
		printf("%08x", h[i]);
	printf("  %zu\n", n);
}

int main(void)
{
	static uint8_t data[300];
	constants();
	sha256((const uint8_t *)"abc", 3);
	for (int i = 0; i < 300; i++)
		data[i] = i * 7 + i / 13;
	for (int n = 0; n <= 300; n += 25)
		sha256(data, n);
	return 0;
}
