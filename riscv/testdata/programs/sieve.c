/* Loads, stores and short loops over a table. */
#include <stdio.h>
#include <string.h>
#ifndef N
#define N 100000
#endif
static unsigned char composite[N + 1];
int main(void)
{
	unsigned long sum = 0;
	unsigned count = 0;
	memset(composite, 0, sizeof composite);
	for (unsigned i = 2; i <= N; i++) {
		if (composite[i])
			continue;
		count++;
		sum += i;
		for (unsigned long j = (unsigned long)i * i; j <= N; j += i)
			composite[j] = 1;
	}
	printf("%u primes up to %d, sum %lu\n", count, N, sum);
	return 0;
}
