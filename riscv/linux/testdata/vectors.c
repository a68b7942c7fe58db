// A handler that uses the vector registers interrupts code that does; both must
// find their own.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <ucontext.h>

static volatile uint32_t in[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[8];

static void handler(int sig, siginfo_t *info, void *context) {
	(void)info;
	((ucontext_t *)context)->uc_mcontext.__gregs[REG_PC] += 2; // behind the breakpoint
	uint32_t seen[4];
	asm volatile("vsetivli zero, 2, e64, m1, ta, ma\nvmv.v.i v1, 9\nvmv.v.i v31, -1\nvse64.v v1, (%0)" ::"r"(seen) : "memory");
	printf("handler %d %u\n", sig, seen[0]);
}

int main(void) {
	printf("vectors %d\n", (int)(getauxval(AT_HWCAP) >> 21 & 1));
	struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigaction(SIGTRAP, &a, NULL);
	asm volatile("vsetivli zero, 4, e32, m1, ta, ma\nvle32.v v1, (%0)\nvadd.vi v31, v1, 5" ::"r"(in) : "memory");
	asm volatile("c.ebreak" ::: "memory");
	uint64_t vl;
	asm volatile("csrr %0, vl\nvadd.vv v1, v1, v31\nvse32.v v1, (%1)" : "=r"(vl) : "r"(out) : "memory");
	printf("kept %d: %u %u %u %u\n", (int)vl, out[0], out[1], out[2], out[3]);
	return 0;
}
