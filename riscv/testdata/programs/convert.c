/* Conversions at their edges, rounding modes and accrued flags. */
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#pragma STDC FENV_ACCESS ON
static volatile double values[] = {
	0, -0.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0x1p31, -0x1p31, 0x1p31 - 0.5, 0x1p32, 0x1p63, -0x1p63, 0x1p64, 1e300, -1e300,
	DBL_MIN, DBL_TRUE_MIN, DBL_MAX, INFINITY, -INFINITY, NAN, FLT_MAX, FLT_MIN, FLT_TRUE_MIN, 0x1.ffffffp127, 0x1p-150, 123456789.125,
};
int main(void)
{
	int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
	for (int m = 0; m < 4; m++)
		for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
			double v = values[i];
			fesetround(modes[m]);
			feclearexcept(FE_ALL_EXCEPT);
			volatile float f = (float)v;
			volatile double r = rint(v), s = sqrt(v), q = v / 3, d = v * v, e = v + 1e-17;
			volatile long l = lrint(v);
			volatile int32_t w = (int32_t)v;
			volatile uint32_t u = (uint32_t)v;
			volatile uint64_t ul = (uint64_t)v;
			int flags = fetestexcept(FE_ALL_EXCEPT);
			fesetround(FE_TONEAREST);
			printf("%d %a: %a %a %a %a %a %a %ld %d %u %lu %x\n", m, v, f, r, s, q, d, e, l, w, u, ul, flags);
		}
	for (int i = -30; i < 30; i++)
		printf("%.20g ", strtod("1.2345678901234567", 0) * pow(10, i * 10));
	printf("\n");
	return 0;
}
