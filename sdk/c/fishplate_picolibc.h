/*
 * What picolibc, the C library for small machines, needs below it. fishplate.h
 * takes it in where FP_START is defined and the headers are picolibc's: the start,
 * a place for thread-local variables (errno), memory for malloc, standard output,
 * which goes to the tenant's log, and the end. For 32-bit programs:
 *   P=/usr/lib/picolibc/riscv64-unknown-elf
 *   riscv64-unknown-elf-gcc -march=rv32imac -mabi=ilp32 -O2 -static -nostdlib -ftls-model=local-exec -isystem $P/include -DFP_START -Isdk/c -Isdk/abi \
 *     -Wl,-Ttext=0x120000,--build-id=none prog.c -L$P/lib/release/rv32imac/ilp32 -Wl,--start-group -lc -lgcc -Wl,--end-group -o prog.elf
 */
#ifndef FISHPLATE_PICOLIBC_H
#define FISHPLATE_PICOLIBC_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int fp_main(int, char **) __asm__("main"); /* however it is declared */

/* Lines of standard output; what has no newline yet waits. */
static char fp_waiting[512];
static size_t fp_waits;

static int fp_flush(FILE *f)
{
	(void)f;
	FP_CALL2(FP_SYS_PRINT, fp_waiting, fp_waits);
	fp_waits = 0;
	return 0;
}

static int fp_put(char c, FILE *f)
{
	fp_waiting[fp_waits++] = c;
	if (c == '\n' || fp_waits == sizeof(fp_waiting))
		fp_flush(f);
	return (unsigned char)c;
}

static FILE fp_output = FDEV_SETUP_STREAM(fp_put, NULL, fp_flush, _FDEV_SETUP_WRITE);
FILE *const stdout = &fp_output;
FILE *const stderr = &fp_output;
static FILE fp_input = FDEV_SETUP_STREAM(NULL, NULL, NULL, 0);
FILE *const stdin = &fp_input;

__attribute__((noreturn)) void _exit(int code)
{
	if (fp_waits)
		fp_flush(stdout);
	for (;;)
		FP_CALL1(FP_LINUX_EXIT, code);
}

/* abort and raise. */
int getpid(void) { return (int)FP_CALL0(FP_LINUX_GETPID); }
int kill(int pid, int signal) { return (int)FP_CALL2(FP_LINUX_KILL, pid, signal); }

/* malloc's memory, by brk. */
void *sbrk(ptrdiff_t n)
{
	static long end;
	long old = end ? end : FP_CALL1(FP_LINUX_BRK, 0);

	if (n && FP_CALL1(FP_LINUX_BRK, old + n) != old + n)
		return (void *)-1;
	end = old + n;
	return (void *)old;
}

/* tp points at the thread-local variables, whose first values PT_TLS has. */
static long fp_locals[128] __attribute__((aligned(64)));
struct fp_segment {
	uint32_t type;
#if __riscv_xlen == 64
	uint32_t flags;
#endif
	size_t offset, address, physical, file_size, size;
};

__attribute__((used)) static void fp_begin(long *stack)
{
	const struct fp_segment *p = 0;
	long n = 0, *aux = stack + 1;

	for (int null = 0; null < 2; aux++) /* behind the arguments and the environment */
		null += !*aux;
	for (; aux[0]; aux += 2) {
		if (aux[0] == 3) /* AT_PHDR */
			p = (const struct fp_segment *)aux[1];
		if (aux[0] == 5) /* AT_PHNUM */
			n = aux[1];
	}
	for (; p && n--; p++)
		if (p->type == 7) { /* PT_TLS */
			if (p->size > sizeof(fp_locals))
				abort();
			memcpy(fp_locals, (const void *)p->address, p->file_size);
		}
	exit(fp_main((int)stack[0], (char **)(stack + 1)));
}

__asm__(".pushsection .text\n"
	".globl _start\n.type _start,@function\n"
	"_start:\n.option push\n.option norelax\nla gp, __global_pointer$\nla tp, fp_locals\n.option pop\n"
	"mv a0, sp\nandi sp, sp, -16\ntail fp_begin\n.size _start, .-_start\n"
	".popsection\n");
#endif
