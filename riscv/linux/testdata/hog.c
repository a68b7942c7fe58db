// Takes memory without end, in one of three ways.
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int recurse(volatile char *p) {
	volatile char room[1000];
	room[0] = *p;
	return recurse(room) + room[1];
}

int main(int argc, char **argv) {
	(void)argc;
	if (!strcmp(argv[1], "malloc")) {
		for (;;) {
			char *p = malloc(10000);
			if (!p)
				return 3;
			memset(p, 1, 10000);
		}
	}
	if (!strcmp(argv[1], "touch")) {
		char *p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		memset(p, 1, 64 << 20);
	}
	return recurse(argv[0]);
}
