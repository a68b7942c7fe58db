// Handlers: of signals that the program sends itself, of faults on a stack of
// their own, nested, blocked, reset; and a jump out of one.
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static volatile sig_atomic_t seen;
static sigjmp_buf back;
static char stack[65536];
static int depth;

static void count(int sig) { seen = seen * 100 + sig; }

static void nested(int sig, siginfo_t *info, void *context) {
	(void)context;
	count(sig);
	if (info->si_code == SI_TKILL && sig == SIGUSR1)
		raise(SIGUSR2);
	count(sig);
}

static void fault(int sig, siginfo_t *info, void *context) {
	char here;
	(void)context;
	int own = &here > stack && &here < stack + sizeof stack;
	if (depth)
		printf("overflow %d on its stack %d\n", sig, own);
	else
		printf("fault %d code %d at %p on its stack %d\n", sig, info->si_code, info->si_addr, own);
	siglongjmp(back, 1);
}

static void skip(int sig, siginfo_t *info, void *context) {
	ucontext_t *u = context;
	(void)info;
	count(sig);
	u->uc_mcontext.__gregs[REG_PC] += sig == SIGTRAP ? 2 : 4;
	u->uc_mcontext.__gregs[10] = 42;
}

static int deep(volatile char *p) {
	volatile char room[4096];
	room[0] = *p;
	return deep(room) + room[1];
}

int main(int argc, char **argv) {
	struct sigaction a = {.sa_handler = count};
	sigaction(SIGUSR1, &a, NULL);
	raise(SIGUSR1);
	printf("simple %d\n", seen);

	sigset_t set, old;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, &old);
	seen = 0;
	raise(SIGUSR1);
	sigpending(&set);
	printf("blocked %d pending %d\n", seen, sigismember(&set, SIGUSR1));
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("unblocked %d\n", seen);

	memset(&a, 0, sizeof a);
	a.sa_sigaction = nested;
	a.sa_flags = SA_SIGINFO;
	sigaction(SIGUSR1, &a, NULL);
	sigaction(SIGUSR2, &a, NULL);
	seen = 0;
	raise(SIGUSR1);
	printf("nested %d\n", seen);

	seen = 0;
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	raise(SIGCHLD);
	printf("ignored %d\n", seen);

	double keep = 1.0 / (argc + 2);
	a.sa_sigaction = skip;
	sigaction(SIGILL, &a, NULL);
	sigaction(SIGTRAP, &a, NULL);
	seen = 0;
	register long r asm("a0") = 1;
	asm volatile(".word 0xffffffff" : "+r"(r)::"memory");
	asm volatile("c.ebreak" : "+r"(r)::"memory");
	long got = r;
	printf("stepped over %d %ld %.17g\n", seen, got, keep);

	stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
	sigaltstack(&alt, NULL);
	a.sa_sigaction = fault;
	a.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigaction(SIGSEGV, &a, NULL);
	if (!sigsetjmp(back, 1))
		*(volatile int *)16 = 1;
	if (!sigsetjmp(back, 1))
		*(volatile int *)main = 1;
	depth = 1;
	if (!sigsetjmp(back, 1))
		printf("%d\n", deep(stack));
	printf("recovered\n");
	printf("kill others %d", kill(999999, SIGTERM));
	printf(" %s\n", strerror(errno));
	fflush(stdout);
	switch (argc > 1 ? *argv[1] : 'a') {
	case 't':
		kill(getpid(), SIGTERM);
		break;
	case 's':
		signal(SIGSEGV, SIG_DFL);
		*(volatile int *)16 = 1;
		break;
	default:
		abort();
	}
	return 0;
}
