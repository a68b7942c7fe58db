/* libm and printing of doubles; the last bits are the library's own. */
#include <math.h>
#include <stdio.h>
#ifndef N
#define N 40
#endif
static double a[N][N], b[N][N], c[N][N];
static float f[N][N];
int main(void)
{
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			a[i][j] = sin(i * 0.37) + j / 7.0;
			b[i][j] = cos(j * 1.1) - i * 0.01;
			f[i][j] = (float)(a[i][j] / (1 + i)) * 3.3f;
		}
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			for (int k = 0; k < N; k++)
				c[i][j] += a[i][k] * b[k][j] * f[j][k];
	double trace = 0, norm = 0;
	float least = 1e30f;
	for (int i = 0; i < N; i++) {
		trace += c[i][i];
		for (int j = 0; j < N; j++) {
			norm = fma(c[i][j], c[i][j], norm);
			least = fminf(least, (float)c[i][j]);
		}
	}
	printf("%.17g %a %.9g\n", trace, sqrt(norm), least);
	printf("%.17g %.17g %.17g %.17g\n", exp(1.5), log(7), pow(2.5, -3.3), atan2(1, -3));
	return 0;
}
