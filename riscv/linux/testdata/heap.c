// Allocates, grows, moves and frees blocks of all sizes, by malloc and by the
// calls below it, and prints sums that depend on every byte.
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t seed = 1;
static uint32_t next(void) { return seed = seed * 1664525 + 1013904223; }

static uint64_t sum(const unsigned char *p, size_t n) {
	uint64_t h = 0;
	for (size_t i = 0; i < n; i++)
		h = h * 31 + p[i];
	return h;
}

static void blocks(void) {
	enum { N = 300 };
	static unsigned char *p[N];
	static size_t size[N];
	uint64_t h = 0;
	for (int round = 0; round < 6000; round++) {
		int i = next() % N;
		size_t n = 1 + next() % (round % 50 ? 3000 : 400000);
		if (p[i])
			h ^= sum(p[i], size[i] < 64 ? size[i] : 64);
		switch (next() % 4) {
		case 0:
			free(p[i]);
			p[i] = calloc(n, 1);
			break;
		case 1:
			p[i] = realloc(p[i], n);
			break;
		case 2:
			free(p[i]);
			p[i] = malloc(n);
			break;
		default:
			free(p[i]);
			p[i] = NULL;
			n = 0;
		}
		size[i] = n;
		if (n)
			memset(p[i], round, n);
	}
	for (int i = 0; i < N; i++)
		free(p[i]);
	printf("blocks %016llx\n", (unsigned long long)h);
}

static void mappings(void) {
	size_t page = 4096;
	unsigned char *m = mmap(NULL, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < 16 * page; i++)
		m[i] = i >> 4;
	printf("map %016llx\n", (unsigned long long)sum(m, 16 * page));
	m = mremap(m, 16 * page, 64 * page, MREMAP_MAYMOVE);
	printf("grown %016llx\n", (unsigned long long)sum(m, 64 * page));
	m = mremap(m, 64 * page, 4 * page, 0);
	printf("shrunk %016llx\n", (unsigned long long)sum(m, 4 * page));
	printf("protect %d\n", mprotect(m, page, PROT_READ));
	printf("read only %d\n", m[17]);
	printf("protect %d\n", mprotect(m, page, PROT_READ | PROT_WRITE));
	printf("forget %d", madvise(m, page, MADV_DONTNEED));
	printf(" %d %d\n", m[17], m[page + 17]);
	printf("unmap %d\n", munmap(m + page, page));
	printf("hole %d", mprotect(m, 3 * page, PROT_READ));
	printf(" %s\n", strerror(errno));
	printf("read only hole %d", (int)write(9, m, 1));
	printf(" %s\n", strerror(errno));
	unsigned char *big = mmap(NULL, 1ull << 50, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("too large %d %s\n", big == MAP_FAILED, strerror(errno));
	void *fixed = mmap(m + page, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	printf("into the hole %d\n", fixed == m + page);
	printf("odd %d", munmap(m + 1, page));
	printf(" %s\n", strerror(errno));
	char *was = sbrk(0);
	char *now = sbrk(100000);
	memset(now, 7, 100000);
	printf("heap %d %d\n", now == was, now[99999]);
	sbrk(-100000);
	sbrk(100000);
	printf("heap again %d\n", now[99999]);
}

int main(void) {
	blocks();
	mappings();
	return 0;
}
