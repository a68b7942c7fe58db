// Strings and bytes by hand: what a C library for vector machines has inside.
// Elsewhere plain loops do the same.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __riscv_vector

static size_t length(const char *s) {
	const char *p = s;
	long first, n;
	do {
		__asm__ volatile("vsetvli %1,zero,e8,m8,ta,ma\n\t"
		                 "vle8ff.v v8,(%2)\n\t"
		                 "csrr %1,vl\n\t"
		                 "vmseq.vi v0,v8,0\n\t"
		                 "vfirst.m %0,v0"
		                 : "=&r"(first), "=&r"(n) : "r"(p) : "v0", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "memory");
		p += n;
	} while (first < 0);
	return (size_t)(p - n + first - s);
}

static void copy(void *to, const void *from, size_t n) {
	char *d = to;
	const char *s = from;
	while (n > 0) {
		size_t k;
		__asm__ volatile("vsetvli %0,%1,e8,m4,ta,ma\n\tvle8.v v4,(%2)\n\tvse8.v v4,(%3)"
		                 : "=&r"(k) : "r"(n), "r"(s), "r"(d) : "v4", "v5", "v6", "v7", "memory");
		d += k, s += k, n -= k;
	}
}

static int compare(const char *a, const char *b) {
	for (;;) {
		long at, k, l;
		__asm__ volatile("vsetvli zero,zero,e8,m2,ta,ma\n\t"
		                 "vsetvli %1,zero,e8,m2,ta,ma\n\t"
		                 "vle8ff.v v8,(%3)\n\t"
		                 "vle8ff.v v10,(%4)\n\t"
		                 "csrr %2,vl\n\t"
		                 "vmseq.vi v0,v8,0\n\t"
		                 "vmsne.vv v1,v8,v10\n\t"
		                 "vmor.mm v0,v0,v1\n\t"
		                 "vfirst.m %0,v0"
		                 : "=&r"(at), "=&r"(k), "=&r"(l) : "r"(a), "r"(b) : "v0", "v1", "v8", "v9", "v10", "v11", "memory");
		if (at >= 0)
			return (unsigned char)a[at] - (unsigned char)b[at];
		a += l, b += l;
	}
}

// Sums of bytes by their place modulo 3, with a segment load.
static void thirds(const unsigned char *p, size_t n, uint32_t out[3]) {
	uint32_t sums[3] = {0, 0, 0};
	for (n /= 3; n > 0;) {
		size_t k;
		uint32_t part[3];
		__asm__ volatile("vsetvli %0,%1,e8,m1,ta,ma\n\t"
		                 "vlseg3e8.v v4,(%2)\n\t"
		                 "vsetvli zero,zero,e16,m2,ta,ma\n\t"
		                 "vzext.vf2 v8,v4\n\tvzext.vf2 v10,v5\n\tvzext.vf2 v12,v6\n\t"
		                 "vsetivli zero,1,e32,m1,ta,ma\n\tvmv.s.x v1,zero\n\tvmv1r.v v2,v1\n\tvmv1r.v v3,v1\n\t"
		                 "vsetvli zero,%0,e16,m2,ta,ma\n\t"
		                 "vwredsumu.vs v1,v8,v1\n\tvwredsumu.vs v2,v10,v2\n\tvwredsumu.vs v3,v12,v3\n\t"
		                 "vsetivli zero,1,e32,m1,ta,ma\n\t"
		                 "vsseg3e32.v v1,(%3)"
		                 : "=&r"(k) : "r"(n), "r"(p), "r"(part)
		                 : "v1", "v2", "v3", "v4", "v5", "v6", "v8", "v9", "v10", "v11", "v12", "v13", "memory");
		for (int i = 0; i < 3; i++)
			sums[i] += part[i];
		p += 3 * k, n -= k;
	}
	memcpy(out, sums, sizeof sums);
}

// Bytes of p that are letters, packed.
static size_t letters(char *to, const char *p, size_t n) {
	char *begin = to;
	while (n > 0) {
		size_t k, kept;
		__asm__ volatile("vsetvli %0,%2,e8,m4,ta,ma\n\t"
		                 "vle8.v v4,(%3)\n\t"
		                 "vor.vx v8,v4,%5\n\t"
		                 "vsub.vx v8,v8,%6\n\t"
		                 "vmsleu.vi v0,v8,15\n\t"
		                 "vmsgtu.vi v1,v8,15\n\t"
		                 "vmsltu.vx v1,v8,%7,v0.t\n\t"
		                 "vmsltu.vx v1,v8,%7\n\t"
		                 "vcompress.vm v12,v4,v1\n\t"
		                 "vcpop.m %1,v1\n\t"
		                 "vsetvli zero,%1,e8,m4,ta,ma\n\t"
		                 "vse8.v v12,(%4)"
		                 : "=&r"(k), "=&r"(kept) : "r"(n), "r"(p), "r"(to), "r"(32L), "r"(97L), "r"(26L)
		                 : "v0", "v1", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "memory");
		p += k, n -= k, to += kept;
	}
	return (size_t)(to - begin);
}

#else

static size_t length(const char *s) { return strlen(s); }
static void copy(void *to, const void *from, size_t n) { memcpy(to, from, n); }
static int compare(const char *a, const char *b) {
	while (*a && *a == *b)
		a++, b++;
	return (unsigned char)*a - (unsigned char)*b;
}
static void thirds(const unsigned char *p, size_t n, uint32_t out[3]) {
	out[0] = out[1] = out[2] = 0;
	for (size_t i = 0; i < n / 3 * 3; i++)
		out[i % 3] += p[i];
}
static size_t letters(char *to, const char *p, size_t n) {
	char *begin = to;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)((p[i] | 32) - 97) < 26)
			*to++ = p[i];
	return (size_t)(to - begin);
}

#endif

int main(void) {
	static char text[20000], other[20000];
	uint32_t x = 7;
	for (size_t i = 0; i < sizeof text - 1; i++)
		x = x * 1103515245 + 12345, text[i] = (char)(33 + (x >> 16) % 94);
	size_t lengths = 0;
	for (size_t i = 0; i < sizeof text - 1; i += 97)
		lengths += length(text + i);
	printf("lengths %zu\n", lengths);
	for (size_t i = 0; i < 300; i++)
		copy(other + 61 * i, text + 13 * i, i);
	printf("copied %zu\n", length(other));
	uint32_t h = 0;
	for (size_t i = 0; i < sizeof other; i++)
		h = h * 31 + (unsigned char)other[i];
	printf("hash %u\n", h);
	copy(other, text, sizeof text);
	printf("compare %d", compare(text, other));
	for (size_t i = 0; i < 19000; i += 1711) {
		other[i] ^= 1;
		printf(" %d", compare(text + i / 2, other + i / 2));
	}
	uint32_t sums[3];
	thirds((const unsigned char *)text, sizeof text, sums);
	printf("\nthirds %u %u %u\n", sums[0], sums[1], sums[2]);
	size_t n = letters(other, text, sizeof text);
	printf("letters %zu %.40s\n", n, other);
	return 0;
}
