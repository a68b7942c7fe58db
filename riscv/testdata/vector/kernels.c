// Loops that a compiler turns into vector code, over every width of elements.
// Each prints a sum of what it left in memory.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define N 1003 // not a multiple of any vector

static uint64_t seed = 88172645463325252u;

static uint64_t next(void) {
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static uint64_t sum(const void *p, size_t n) {
	const unsigned char *b = p;
	uint64_t h = 14695981039346656037u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 1099511628211u;
	return h;
}

#define SHOW(name, array) printf("%-24s %016llx\n", name, (unsigned long long)sum(array, sizeof array))

// One set of kernels for a signed and an unsigned type of one width.
#define KERNELS(S, U, W)                                                                   \
	static S sa##W[N], sb##W[N], sc##W[N];                                                 \
	static U ua##W[N], ub##W[N], uc##W[N];                                                 \
	static void fill##W(void) {                                                            \
		for (int i = 0; i < N; i++) {                                                      \
			sa##W[i] = next(), sb##W[i] = next(), ua##W[i] = next(), ub##W[i] = next();    \
			if (i % 11 == 0)                                                               \
				ub##W[i] = sb##W[i] = i % 3;                                               \
		}                                                                                  \
	}                                                                                      \
	__attribute__((noinline)) static void add##W(U k) {                                    \
		for (int i = 0; i < N; i++)                                                        \
			uc##W[i] = ua##W[i] + ub##W[i] * k - (ua##W[i] ^ k);                           \
	}                                                                                      \
	__attribute__((noinline)) static void shift##W(void) {                                 \
		for (int i = 0; i < N; i++)                                                        \
			uc##W[i] = (U)(ua##W[i] << (ub##W[i] & 7)) | ua##W[i] >> 3, sc##W[i] = sa##W[i] >> (ub##W[i] & 7); \
	}                                                                                      \
	__attribute__((noinline)) static void choose##W(void) {                                \
		for (int i = 0; i < N; i++) {                                                      \
			sc##W[i] = sa##W[i] < sb##W[i] ? sa##W[i] : sb##W[i];                          \
			uc##W[i] = ua##W[i] > ub##W[i] ? ua##W[i] - ub##W[i] : 0;                      \
			if (sa##W[i] > 0 && ub##W[i] & 1)                                              \
				sc##W[i] += 5;                                                             \
		}                                                                                  \
	}                                                                                      \
	__attribute__((noinline)) static void divide##W(void) {                                \
		for (int i = 0; i < N; i++) {                                                      \
			uc##W[i] = ub##W[i] ? ua##W[i] / ub##W[i] : 1;                                 \
			sc##W[i] = sb##W[i] > 1 ? sa##W[i] % sb##W[i] : -1;                            \
		}                                                                                  \
	}                                                                                      \
	__attribute__((noinline)) static uint64_t reduce##W(void) {                            \
		U least = ~(U)0, bits = 0;                                                         \
		S most = sa##W[0];                                                                 \
		uint64_t total = 0;                                                                \
		for (int i = 0; i < N; i++) {                                                      \
			least = ua##W[i] < least ? ua##W[i] : least;                                   \
			most = sa##W[i] > most ? sa##W[i] : most;                                      \
			bits |= ub##W[i], total += (int64_t)sa##W[i];                                  \
		}                                                                                  \
		return total ^ (uint64_t)least << 1 ^ (uint64_t)most << 2 ^ (uint64_t)bits << 3;   \
	}                                                                                      \
	__attribute__((noinline)) static void gather##W(void) {                                \
		for (int i = 0; i < N; i++)                                                        \
			uc##W[i] = ua##W[(unsigned)order[i]] + ub##W[i];                               \
		for (int i = 0; i < N / 2; i++)                                                    \
			sc##W[i] = sa##W[2 * i] - sa##W[2 * i + 1];                                    \
		for (int i = 0; i < N / 3; i++)                                                    \
			sc##W[3 * i] = sb##W[N - 1 - i];                                               \
	}                                                                                      \
	static void run##W(void) {                                                             \
		fill##W();                                                                         \
		add##W((U)next()), SHOW("add" #W, uc##W);                                          \
		shift##W(), SHOW("shift" #W, uc##W), SHOW("shift signed" #W, sc##W);               \
		choose##W(), SHOW("choose" #W, uc##W), SHOW("choose signed" #W, sc##W);            \
		divide##W(), SHOW("divide" #W, uc##W), SHOW("divide signed" #W, sc##W);            \
		gather##W(), SHOW("gather" #W, uc##W), SHOW("stride" #W, sc##W);                   \
		printf("reduce" #W " %016llx\n", (unsigned long long)reduce##W());                 \
	}

static int order[N];

KERNELS(int8_t, uint8_t, 8)
KERNELS(int16_t, uint16_t, 16)
KERNELS(int32_t, uint32_t, 32)
KERNELS(int64_t, uint64_t, 64)

// Between the widths.
__attribute__((noinline)) static void widen(void) {
	for (int i = 0; i < N; i++) {
		sc16[i] = (int16_t)sa8[i] * sb8[i];
		uc32[i] = (uint32_t)ua16[i] * ub16[i] + uc32[i];
		sc64[i] = (int64_t)sa32[i] * sb32[i] - sa32[i];
		uc64[i] = (uint64_t)ua32[i] + ub8[i];
	}
}

__attribute__((noinline)) static void narrow(void) {
	for (int i = 0; i < N; i++) {
		int32_t v = sa32[i] >> 9;
		sc16[i] = v > 32767 ? 32767 : v < -32768 ? -32768 : v;
		uc8[i] = (ua16[i] + ub16[i] + 1u) >> 1;
		sc8[i] = sa64[i] >> 40;
	}
}

#define M 32

static int32_t left[M][M], right[M][M], product[M][M];

__attribute__((noinline)) static void multiply(void) {
	memset(product, 0, sizeof product);
	for (int i = 0; i < M; i++)
		for (int k = 0; k < M; k++)
			for (int j = 0; j < M; j++)
				product[i][j] += left[i][k] * right[k][j];
}

int main(void) {
	for (int i = 0; i < N; i++)
		order[i] = (int)(next() % N);
	run8(), run16(), run32(), run64();
	widen(), SHOW("widen 8 to 16", sc16), SHOW("widen 16 to 32", uc32), SHOW("widen 32 to 64", sc64), SHOW("widen 8 to 64", uc64);
	narrow(), SHOW("narrow 32 to 16", sc16), SHOW("narrow 32 to 8", uc8), SHOW("narrow 64 to 8", sc8);
	for (int i = 0; i < M; i++)
		for (int j = 0; j < M; j++)
			left[i][j] = (int32_t)(next() % 20001) - 10000, right[i][j] = (int32_t)(next() % 20001) - 10000;
	multiply(), SHOW("matrix", product);
	return 0;
}
