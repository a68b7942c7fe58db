/* Calls and returns: the Fibonacci number of the argument, without a table. */
#include "work.h"

static __attribute__((noinline)) unsigned long fib(unsigned long n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 20);
	report("fib", n, fib(n));
	return 7;
}
