// Faults in places that are hard to walk out of.
#include <signal.h>
#include <string.h>

static int *volatile nowhere;

static void on_signal(int number)
{
	*nowhere = number;
}

__attribute__((noinline)) void deep(int n)
{
	if (n > 0)
		deep(n - 1);
	else
		raise(SIGUSR1);
	__asm__ volatile("");
}

__attribute__((noinline)) void call_nowhere(void)
{
	void (*volatile f)(void) = (void (*)(void))nowhere;
	f();
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	signal(SIGUSR1, on_signal);
	if (argc > 1 && strcmp(argv[1], "handler") == 0)
		deep(1);
	call_nowhere();
	return 0;
}
