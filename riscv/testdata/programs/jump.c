/* setjmp and longjmp: out of recursion, as a loop, and between registers that
 * must survive. The argument is the number of jumps. */
#include "work.h"

#include <setjmp.h>

static jmp_buf out;

static volatile int limit = 100;

static int search(int depth, int goal)
{
	if (depth > limit)
		return 0;
	if (depth == goal)
		longjmp(out, depth + 1);
	int r = search(depth + 1, goal);
	return r * 3 + depth;
}

int main(int argc, char **argv)
{
	const unsigned long n = work(argc, argv, 100);
	volatile uint64_t sum = 0;
	volatile unsigned long i = 0;
	const double kept = 1.5;
	jmp_buf again;
	int why = setjmp(again);
	sum = fold(sum, (uint64_t)why + (uint64_t)kept);
	if (i < n) {
		i++;
		int got = setjmp(out);
		if (!got)
			search(0, (int)(i * 7 % 40));
		sum = fold(sum, (uint64_t)got);
		longjmp(again, (int)(i % 5));
	}
	return report("jump", n, sum);
}
