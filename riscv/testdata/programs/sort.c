/* Quicksort with a comparison through a function pointer, and the library's
 * qsort, which must agree. The argument is the number of elements. */
#include "work.h"

struct item {
	int32_t key;
	uint32_t value;
};

static int by_key(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

static int by_value(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	return x->value < y->value ? -1 : x->value > y->value;
}

static void swap(struct item *a, struct item *b)
{
	struct item t = *a;
	*a = *b;
	*b = t;
}

static void quicksort(struct item *v, long n, int (*compare)(const void *, const void *))
{
	while (n > 1) {
		long i = 0, j = n - 1;
		struct item pivot = v[n / 2];
		while (i <= j) {
			while (compare(&v[i], &pivot) < 0)
				i++;
			while (compare(&v[j], &pivot) > 0)
				j--;
			if (i <= j)
				swap(&v[i++], &v[j--]);
		}
		if (j + 1 < n - i) {
			quicksort(v, j + 1, compare);
			v += i;
			n -= i;
		} else {
			quicksort(v + i, n - i, compare);
			n = j + 1;
		}
	}
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 2000);
	struct item *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b);
	uint64_t seed = 42, sum = 0;
	for (unsigned long i = 0; i < n; i++) {
		a[i].key = (int32_t)(next(&seed) >> 40) % 5000;
		a[i].value = (uint32_t)i;
		b[i] = a[i];
	}
	quicksort(a, (long)n, by_key);
	qsort(b, n, sizeof *b, by_key);
	if (memcmp(a, b, n * sizeof *a) != 0)
		return 1;
	for (unsigned long i = 0; i < n; i++)
		sum = fold(sum, (uint32_t)a[i].key);
	quicksort(a, (long)n, by_value);
	for (unsigned long i = 0; i < n; i++)
		sum = fold(sum, (uint32_t)a[i].key ^ a[i].value);
	report("sort", n, sum);
	return 3;
}
