// Floating-point loops that a compiler turns into vector code: saxpy, matrices,
// comparisons, conversions, square roots. Sums are made in order, so that every
// machine prints the same.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define N 517
#define M 24

static float fa[N], fb[N], fc[N];
static double da[N], db[N], dc[N];
static int32_t ia[N], ic[N];
static int64_t la[N], lc[N];
static uint32_t uc[N];
static int16_t hc[N];
static float fm[3][M][M];
static double dm[3][M][M];

static uint32_t state = 12345;

static double next(void) {
	state = state * 1664525 + 1013904223;
	return (double)(int32_t)state / 65536;
}

static void show(const char *name, const void *p, size_t n) {
	const unsigned char *b = p;
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 1099511628211u;
	printf("%-12s %016llx\n", name, (unsigned long long)h);
}
#ifdef __clang__
#define LOOP _Pragma("clang loop vectorize(enable)")
#else
#define LOOP
#endif
#define SHOW(a) show(#a, a, sizeof a)

__attribute__((noinline)) static void saxpy(float k, double l) {
	LOOP
	for (int i = 0; i < N; i++)
		fc[i] = k * fa[i] + fb[i];
	LOOP
	for (int i = 0; i < N; i++)
		dc[i] = l * da[i] - db[i];
}

__attribute__((noinline)) static void mixed(void) {
	LOOP
	for (int i = 0; i < N; i++) {
		dc[i] = (double)fa[i] * fb[i] + dc[i];
		fc[i] = (float)(da[i] / (db[i] + 3));
	}
}

__attribute__((noinline)) static void choose(void) {
	LOOP
	for (int i = 0; i < N; i++) {
		fc[i] = fa[i] < fb[i] ? fa[i] : fb[i];
		if (da[i] >= db[i])
			dc[i] = sqrt(fabs(da[i])) - db[i];
		fb[i] = copysignf(fb[i], fa[i]);
		ic[i] = (fa[i] == fc[i]) + 2 * (fa[i] != fb[i]);
	}
}

__attribute__((noinline)) static void convert(void) {
	LOOP
	for (int i = 0; i < N; i++) {
		ic[i] = (int32_t)fa[i];
		lc[i] = (int64_t)da[i] + (int64_t)fb[i];
		fc[i] = (float)ia[i] + (float)la[i];
		dc[i] = (double)ia[i] - (double)la[i];
		uc[i] = (uint32_t)fabsf(fa[i]);
		hc[i] = (int16_t)(fa[i] / 4);
	}
}

__attribute__((noinline)) static void multiply(void) {
	memset(fm[2], 0, sizeof fm[2]), memset(dm[2], 0, sizeof dm[2]);
	for (int i = 0; i < M; i++)
		for (int k = 0; k < M; k++)
			for (int j = 0; j < M; j++) {
				fm[2][i][j] += fm[0][i][k] * fm[1][k][j];
				dm[2][i][j] += dm[0][i][k] * dm[1][k][j];
			}
}

__attribute__((noinline)) static double total(void) {
	double s = 0;
	float t = 0;
	for (int i = 0; i < N; i++)
		s += da[i], t += fa[i];
	return s + t;
}

int main(void) {
	for (int i = 0; i < N; i++) {
		fa[i] = next(), fb[i] = next(), da[i] = next(), db[i] = next();
		ia[i] = (int32_t)(next() * 1000), la[i] = (int64_t)(next() * 1e9);
	}
	for (int i = 0; i < M; i++)
		for (int j = 0; j < M; j++)
			fm[0][i][j] = next(), fm[1][i][j] = next(), dm[0][i][j] = next(), dm[1][i][j] = next();
	saxpy(1.1f, 2.7), SHOW(fc), SHOW(dc);
	mixed(), SHOW(fc), SHOW(dc);
	choose(), SHOW(fc), SHOW(dc), SHOW(fb), SHOW(ic);
	convert(), SHOW(fc), SHOW(dc), SHOW(ic), SHOW(lc), SHOW(uc), SHOW(hc);
	multiply(), SHOW(fm), SHOW(dm);
	printf("total %.17g\n", total());
	return 0;
}
