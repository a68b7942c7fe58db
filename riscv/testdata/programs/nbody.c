/* Five bodies that attract each other: double arithmetic with divisions and
 * square roots. The argument is the number of steps. */
#include "work.h"

#include <math.h>

enum { bodies = 5 };
static struct body {
	double at[3], speed[3], mass;
} all[bodies];

static void step(double dt)
{
	for (int i = 0; i < bodies; i++)
		for (int j = i + 1; j < bodies; j++) {
			double d[3], square = 0.01;
			for (int k = 0; k < 3; k++) {
				d[k] = all[i].at[k] - all[j].at[k];
				square += d[k] * d[k];
			}
			double pull = dt / (square * sqrt(square));
			for (int k = 0; k < 3; k++) {
				all[i].speed[k] -= d[k] * all[j].mass * pull;
				all[j].speed[k] += d[k] * all[i].mass * pull;
			}
		}
	for (int i = 0; i < bodies; i++)
		for (int k = 0; k < 3; k++)
			all[i].at[k] += dt * all[i].speed[k];
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 500);
	uint64_t seed = 3, sum = 0;
	for (int i = 0; i < bodies; i++) {
		for (int k = 0; k < 3; k++) {
			all[i].at[k] = (double)(int32_t)next(&seed) / 0x1p29;
			all[i].speed[k] = (double)(int32_t)next(&seed) / 0x1p33;
		}
		all[i].mass = i ? 0.01 * i : 30;
	}
	for (unsigned long i = 0; i < n; i++)
		step(0.002);
	for (int i = 0; i < bodies; i++)
		for (int k = 0; k < 3; k++)
			sum = fold(sum, bits(all[i].at[k]) ^ bits(all[i].speed[k]) << 1);
	return report("nbody", n, sum);
}
