/* The Mandelbrot set in doubles; the argument is the side of the picture. */
#include "work.h"

static unsigned escape(double x, double y)
{
	double a = 0, b = 0;
	unsigned i = 0;
	for (; i < 200; i++) {
		double aa = a * a, bb = b * b;
		if (aa + bb > 4)
			break;
		b = 2 * a * b + y;
		a = aa - bb + x;
	}
	return i;
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 40);
	uint64_t sum = 0;
	for (unsigned long row = 0; row < n; row++)
		for (unsigned long column = 0; column < n; column++)
			sum = fold(sum, escape(3.0 * (double)column / (double)n - 2.25, 3.0 * (double)row / (double)n - 1.5));
	return report("mandelbrot", n, sum);
}
