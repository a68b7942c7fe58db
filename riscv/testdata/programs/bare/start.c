/* What a program of picolibc needs below it, by Linux system calls: the start, a
 * place for thread-local variables, output, memory, the end. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int, char **);
void start(long *stack);

static long call(long n, long a, long b, long c)
{
	register long a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c, a7 __asm__("a7") = n;
	__asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
	return a0;
}

static char waiting[1024];
static size_t count;

static void flush(void)
{
	for (size_t done = 0; done < count;)
		done += (size_t)call(64, 1, (long)(waiting + done), (long)(count - done));
	count = 0;
}

static int put(char c, FILE *f)
{
	(void)f;
	waiting[count++] = c;
	if (count == sizeof waiting)
		flush();
	return (unsigned char)c;
}

static FILE out = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &out;
FILE *const stderr = &out;
FILE *const stdin = &out;

void _exit(int code)
{
	flush();
	for (;;)
		call(93, code, 0, 0);
}

void *sbrk(ptrdiff_t n)
{
	static long end;
	if (!end)
		end = call(214, 0, 0, 0);
	long old = end;
	if (n && call(214, old + n, 0, 0) != old + n)
		return (void *)-1;
	end = old + n;
	return (void *)old;
}

/* locals is where tp points. */
static long locals[64] __attribute__((aligned(64)));
struct program_header {
	uint32_t type;
#if __riscv_xlen == 64
	uint32_t flags;
#endif
	size_t offset, address, physical, file_size, size;
};
extern const unsigned char __ehdr_start[];

__attribute__((used)) void start(long *stack)
{
	const unsigned char *elf = __ehdr_start;
	size_t at;
	uint16_t n;
	memcpy(&at, elf + (__riscv_xlen == 64 ? 32 : 28), sizeof at);
	memcpy(&n, elf + (__riscv_xlen == 64 ? 56 : 44), sizeof n);
	for (const struct program_header *p = (const void *)(elf + at); n--; p++)
		if (p->type == 7) /* PT_TLS */
			memcpy(locals, (const void *)p->address, p->file_size);
	exit(main((int)stack[0], (char **)(stack + 1)));
}

__asm__(".globl _start\n_start:\n.option push\n.option norelax\nla gp, __global_pointer$\n.option pop\nla tp, locals\nmv a0, sp\nandi sp, sp, -16\nj start\n");
