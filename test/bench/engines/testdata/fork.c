/* What the benchmark calls in a fork: nothing, stores to n pages, and n calls of
 * the host. On RISC-V the image is frozen at the STOP of _start, and a function
 * returns to the STOP at leave. */
#ifdef __wasm__
#define ENTRY(name) __attribute__((export_name(#name)))
void host(void) __attribute__((import_module("env"), import_name("host")));
#else
#define ENTRY(name) __attribute__((used))
__asm__(".globl _start, leave\n_start: leave: .4byte 0x7ff00073\n");
static inline void host(void) { __asm__ volatile("ecall" ::: "memory"); }
#endif

static volatile unsigned char pages[16 * 4096] __attribute__((aligned(4096))) = {1};

ENTRY(empty) void empty(void) {}

ENTRY(touch) void touch(int n)
{
	for (int i = 0; i < n; i++)
		pages[i * 4096] = 7;
}

/* fill stores to every byte of a page. */
ENTRY(fill) void fill(int n)
{
	for (int i = 0; i < 4096; i++)
		pages[i] = (unsigned char)(n + i);
}

ENTRY(calls) void calls(int n)
{
	while (n-- > 0)
		host();
}
