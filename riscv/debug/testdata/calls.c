// What the profiler is tried on: known numbers of calls, recursion of one and of
// two functions, an inlined function, a longjmp.
#include <setjmp.h>

volatile int sink;
static jmp_buf back;

static inline __attribute__((always_inline)) int twice(int x)
{
	return sink + x * 2;
}

__attribute__((noinline)) void leaf(int x)
{
	sink = twice(x);
}

__attribute__((noinline)) int fib(int n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

__attribute__((noinline)) int odd(int n);

__attribute__((noinline)) int even(int n)
{
	if (n == 0)
		return 1;
	return odd(n - 1) + sink * 0;
}

int odd(int n)
{
	if (n == 0)
		return 0;
	return even(n - 1) + sink * 0;
}

__attribute__((noinline)) void jump(int n)
{
	if (n == 0)
		longjmp(back, 1);
	jump(n - 1);
	leaf(0);
}

__attribute__((noinline)) void after(void)
{
	for (int i = 0; i < 10; i++)
		leaf(i);
}

int main(void)
{
	for (int i = 0; i < 100; i++)
		leaf(i);
	fib(15);
	even(101);
	if (setjmp(back) == 0)
		jump(5);
	after();
	return 0;
}
