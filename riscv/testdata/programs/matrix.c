/* Products of square matrices of doubles; the argument is their size. */
#include "work.h"

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 40);
	double *a = malloc(n * n * sizeof *a), *b = malloc(n * n * sizeof *b), *c = malloc(n * n * sizeof *c);
	uint64_t seed = 1, sum = 0;
	for (unsigned long i = 0; i < n * n; i++) {
		a[i] = (double)(int32_t)next(&seed) / 65536;
		b[i] = (double)(int32_t)next(&seed) / 4096;
	}
	for (unsigned long i = 0; i < n; i++)
		for (unsigned long j = 0; j < n; j++) {
			double s = 0;
			for (unsigned long k = 0; k < n; k++)
				s += a[i * n + k] * b[k * n + j];
			c[i * n + j] = s;
		}
	for (unsigned long i = 0; i < n * n; i++)
		sum = fold(sum, bits(c[i]));
	return report("matrix", n, sum);
}
