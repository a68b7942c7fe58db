/* A float FFT of 1024 points, forwards and backwards; the argument is how often.
 * Sines come from a series, so that no library decides about the last bit. */
#include "work.h"

enum { size = 1024 };
static float re[size], im[size], cosine[size / 2], sine[size / 2];

static double series(double x, int odd)
{
	double term = odd ? x : 1, sum = term;
	for (int k = odd ? 2 : 1; k < 40; k += 2) {
		term *= -x * x / (k * (k + 1));
		sum += term;
	}
	return sum;
}

static void transform(float *x, float *y, int backwards)
{
	for (unsigned i = 0, j = 0; i < size; i++) {
		if (i < j) {
			float t = x[i];
			x[i] = x[j], x[j] = t;
			t = y[i];
			y[i] = y[j], y[j] = t;
		}
		unsigned bit = size >> 1;
		for (; j & bit; bit >>= 1)
			j ^= bit;
		j |= bit;
	}
	for (unsigned half = 1; half < size; half *= 2)
		for (unsigned k = 0; k < half; k++) {
			float c = cosine[k * (size / 2 / half)], s = sine[k * (size / 2 / half)];
			if (backwards)
				s = -s;
			for (unsigned i = k; i < size; i += 2 * half) {
				float u = x[i + half] * c + y[i + half] * s, v = y[i + half] * c - x[i + half] * s;
				x[i + half] = x[i] - u, y[i + half] = y[i] - v;
				x[i] += u, y[i] += v;
			}
		}
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 3);
	uint64_t seed = 5, sum = 0;
	for (int i = 0; i < size / 2; i++) {
		double angle = 6.283185307179586 * i / size;
		cosine[i] = (float)series(angle, 0);
		sine[i] = (float)series(angle, 1);
	}
	for (int i = 0; i < size; i++)
		re[i] = (float)(int32_t)next(&seed) / 1048576;
	for (unsigned long k = 0; k < n; k++) {
		transform(re, im, 0);
		for (int i = 0; i < size; i++) {
			float drop = i % 9 == 0 ? 0.75f : 1;
			re[i] = re[i] * drop / size, im[i] = im[i] * drop / size;
		}
		transform(re, im, 1);
	}
	for (int i = 0; i < size; i++)
		sum = fold(sum, bits(re[i]) ^ bits(im[i]) >> 1);
	return report("fft", n, sum);
}
