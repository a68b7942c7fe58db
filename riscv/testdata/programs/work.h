/* What the programs share: the amount of work comes from the command line, and
 * what was computed goes out as one checksum. Results are the same on every
 * machine when it is built with -ffp-contract=off. */
#ifndef WORK_H
#define WORK_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline unsigned long work(int argc, char **argv, unsigned long normal)
{
	return argc > 1 ? strtoul(argv[1], 0, 10) : normal;
}

/* fold mixes v into the checksum h, so that the order counts. */
static inline uint64_t fold(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

/* bits are those of a double: checksums see every one of them. */
static inline uint64_t bits(double d)
{
	uint64_t u;
	memcpy(&u, &d, sizeof u);
	return u;
}

/* next is a generator of pseudo-random numbers; *s must not be 0. */
static inline uint64_t next(uint64_t *s)
{
	uint64_t x = *s;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *s = x;
}

static inline int report(const char *what, unsigned long n, uint64_t sum)
{
	printf("%s %lu: %08lx%08lx\n", what, n, (unsigned long)(sum >> 32), (unsigned long)(sum & 0xffffffff));
	return 0;
}
#endif
