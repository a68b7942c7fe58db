/* Copying, moving, filling, comparing and scanning memory: own loops and the
 * library's, at all alignments and with overlaps. The argument is the number of
 * rounds. */
#include "work.h"

enum { size = 8192 };
static unsigned char from[size + 64], to[size + 64];

static void copy_bytes(volatile unsigned char *d, const unsigned char *s, size_t n)
{
	while (n--)
		*d++ = *s++;
}

/* copy_words copies eight bytes at a time, misaligned if it must. */
static void copy_words(unsigned char *d, const unsigned char *s, size_t n)
{
	for (; n >= 8; n -= 8, d += 8, s += 8) {
		uint64_t v;
		memcpy(&v, s, 8);
		memcpy(d, &v, 8);
	}
	while (n--)
		*d++ = *s++;
}

static size_t scan(const unsigned char *s, int c)
{
	size_t i = 0;
	while (s[i] && s[i] != c)
		i++;
	return i;
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 20);
	uint64_t seed = 21, sum = 0;
	for (int i = 0; i < size + 63; i++)
		from[i] = (unsigned char)(next(&seed) >> 33 | 1);
	for (unsigned long k = 0; k < n; k++) {
		uint64_t r = next(&seed);
		size_t a = r & 31, b = r >> 5 & 31, len = r >> 10 & (size - 1);
		memcpy(to + a, from + b, len);
		copy_bytes(to + b, from + a, len / 8);
		copy_words(to + a, from + a, len);
		memmove(to + a, to + b, len);
		memmove(to + b + 3, to + a, len / 2);
		memset(to + len / 2, (int)(r >> 40), r >> 50 & 255);
		from[size + 40] = 0;
		char *at = strchr((char *)from + a, (int)(r >> 25 & 255) | 1);
		sum = fold(sum, at ? (uint64_t)(at - (char *)from) : 0);
		sum = fold(sum, strlen((char *)from + b) + scan(from + a, (int)(r >> 33 & 255)));
		sum = fold(sum, (uint64_t)(memcmp(to + a, from + b, len + 1) < 0));
		void *found = memchr(to, (int)(r >> 41 & 255), size);
		sum = fold(sum, found ? (uint64_t)((unsigned char *)found - to) : size);
	}
	for (int i = 0; i < size; i++)
		sum = fold(sum, to[i]);
	return report("memcpy", n, sum);
}
