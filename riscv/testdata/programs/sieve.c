/* Loads, stores and short loops over a table: the primes up to the argument. */
#include "work.h"

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 50000), count = 0;
	unsigned char *composite = calloc(n + 1, 1);
	uint64_t sum = 0;
	for (unsigned long i = 2; i <= n; i++) {
		if (composite[i])
			continue;
		count++;
		sum += i;
		if (i <= n / i)
			for (unsigned long j = i * i; j <= n; j += i)
				composite[j] = 1;
	}
	return report("sieve", n, fold(sum, count));
}
