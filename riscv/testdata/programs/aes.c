/* AES-128 (FIPS 197) in counter mode, with tables that are computed, and its
 * inverse block by block. The argument is the number of KiB. */
#include "work.h"

static uint8_t box[256], unbox[256], keys[176];

static uint8_t twice(uint8_t v) { return (uint8_t)(v << 1 ^ (v >> 7) * 0x1b); }

static uint8_t times(uint8_t a, uint8_t b)
{
	uint8_t r = 0;
	for (; b; b >>= 1, a = twice(a))
		if (b & 1)
			r ^= a;
	return r;
}

static void tables(void)
{
	uint8_t p = 1, q = 1;
	do {
		p ^= twice(p); /* p runs through the powers of 3, q through their inverses */
		q ^= (uint8_t)(q << 1);
		q ^= (uint8_t)(q << 2);
		q ^= (uint8_t)(q << 4);
		if (q & 0x80)
			q ^= 0x09;
		uint8_t s = q;
		for (int i = 1; i < 5; i++)
			s ^= (uint8_t)(q << i | q >> (8 - i));
		box[p] = s ^ 0x63;
	} while (p != 1);
	box[0] = 0x63;
	for (int i = 0; i < 256; i++)
		unbox[box[i]] = (uint8_t)i;
}

static void expand(const uint8_t *key)
{
	uint8_t round = 1;
	memcpy(keys, key, 16);
	for (int i = 16; i < 176; i += 4) {
		uint8_t t[4];
		memcpy(t, keys + i - 4, 4);
		if (i % 16 == 0) {
			uint8_t first = t[0];
			t[0] = box[t[1]] ^ round;
			t[1] = box[t[2]];
			t[2] = box[t[3]];
			t[3] = box[first];
			round = twice(round);
		}
		for (int k = 0; k < 4; k++)
			keys[i + k] = keys[i + k - 16] ^ t[k];
	}
}

static void add(uint8_t *s, int round)
{
	for (int i = 0; i < 16; i++)
		s[i] ^= keys[16 * round + i];
}

static void encrypt(uint8_t *s)
{
	add(s, 0);
	for (int round = 1; round <= 10; round++) {
		uint8_t t[16];
		for (int i = 0; i < 16; i++)
			t[i] = box[s[(i + i % 4 * 4) % 16]];
		for (int c = 0; c < 16; c += 4) {
			uint8_t all = t[c] ^ t[c + 1] ^ t[c + 2] ^ t[c + 3];
			for (int i = 0; i < 4; i++)
				s[c + i] = round == 10 ? t[c + i] : t[c + i] ^ all ^ twice(t[c + i] ^ t[c + (i + 1) % 4]);
		}
		add(s, round);
	}
}

static void decrypt(uint8_t *s)
{
	static const uint8_t factor[4] = {14, 11, 13, 9};
	for (int round = 10; round > 0; round--) {
		uint8_t t[16];
		add(s, round);
		for (int c = 0; c < 16; c += 4)
			for (int i = 0; i < 4; i++) {
				uint8_t v = 0;
				for (int k = 0; k < 4; k++)
					v ^= times(s[c + (i + k) % 4], factor[k]);
				t[c + i] = round == 10 ? s[c + i] : v;
			}
		for (int i = 0; i < 16; i++)
			s[(i + i % 4 * 4) % 16] = unbox[t[i]];
	}
	add(s, 0);
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 4);
	uint8_t key[16], block[16], plain[16];
	uint64_t sum = 0;
	tables();
	for (int i = 0; i < 16; i++) {
		key[i] = (uint8_t)i;
		block[i] = (uint8_t)(i * 0x11);
	}
	expand(key);
	encrypt(block); /* FIPS 197, appendix C.1 */
	for (int i = 0; i < 16; i++)
		printf("%02x", block[i]);
	puts("");
	for (unsigned long i = 0; i < n * 64; i++) {
		for (int k = 0; k < 16; k++)
			plain[k] = block[k] = (uint8_t)((uint64_t)i >> 8 * (k & 7) ^ (unsigned)k);
		encrypt(block);
		for (int k = 0; k < 16; k++)
			sum = sum * 257 + block[k];
		if (i % 16 == 0) {
			decrypt(block);
			if (memcmp(block, plain, 16) != 0)
				return 1;
		}
	}
	return report("aes", n, sum);
}
