// Uses everything that comes from outside: time, sleep, randomness, input.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
	struct timespec t, u;
	clock_gettime(CLOCK_REALTIME, &t);
	printf("time %lld.%09ld\n", (long long)t.tv_sec, t.tv_nsec);
	struct timespec d = {argc > 1 ? 0 : 3600, 1000};
	nanosleep(&d, NULL);
	clock_gettime(CLOCK_REALTIME, &u);
	printf("slept %lld\n", (long long)(u.tv_sec - t.tv_sec));
	uint64_t r[2], ticks;
	getrandom(r, sizeof r, 0);
	printf("random %llx %llx\n", (unsigned long long)r[0], (unsigned long long)r[1]);
	asm volatile("rdtime %0" : "=r"(ticks));
	printf("ticks %llu\n", (unsigned long long)ticks);
	for (unsigned i = 0; i < r[0] % 1000; i++)
		asm volatile("nop");
	char line[100];
	while (fgets(line, sizeof line, stdin))
		printf("line %s", line);
	printf("times %ld\n", (long)times(NULL) >= 0);
	return 0;
}
