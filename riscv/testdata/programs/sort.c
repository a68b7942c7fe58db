/* qsort with indirect calls, heap memory, and strings. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int by_value(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;
	return x < y ? -1 : x > y;
}
static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}
int main(void)
{
	enum { n = 5000, m = 500 };
	int *v = malloc(n * sizeof *v);
	char **s = malloc(m * sizeof *s);
	unsigned long seed = 42, check = 0;
	for (int i = 0; i < n; i++)
		v[i] = (int)((seed = seed * 6364136223846793005ul + 1442695040888963407ul) >> 33);
	qsort(v, n, sizeof *v, by_value);
	for (int i = 0; i < n; i++)
		check = check * 31 + v[i];
	for (int i = 0; i < m; i++) {
		s[i] = malloc(24);
		snprintf(s[i], 24, "word-%d", v[(i * 7919) % n] % 10000);
	}
	qsort(s, m, sizeof *s, by_text);
	printf("%d %d %d %lu\n%s %s\n", v[0], v[n / 2], v[n - 1], check, s[0], s[m - 1]);
	return 3;
}
