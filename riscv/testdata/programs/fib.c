/* Calls and returns; the argument comes from the macro N. */
#include <stdio.h>
#ifndef N
#define N 22
#endif
static __attribute__((noinline)) unsigned long fib(unsigned n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}
int main(void)
{
	printf("fib(%d) = %lu\n", N, fib(N));
	return 7;
}
