// What the debugger is tried on: globals, a structure, a string, a double, a
// loop, and an exit code.
struct item { int price, count; };

int total;
double share;
const char *greeting = "hello, debugger";

static long call(long n, long a, long b, long c)
{
	register long a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c, a7 __asm__("a7") = n;
	__asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
	return a0;
}

static void print(const char *s)
{
	long n = 0;
	while (s[n])
		n++;
	call(64, 1, (long)s, n);
}

__attribute__((noinline)) int cost(struct item *i)
{
	return i->price * i->count;
}

__attribute__((noinline)) int sum(struct item *list, int n)
{
	int r = 0;
	for (int i = 0; i < n; i++) {
		r += cost(&list[i]);
		total = r;
	}
	return r;
}

int main(int argc, char **argv)
{
	struct item list[3] = { { 2, 10 }, { 3, 100 }, { 5, 1000 } };
	int r = sum(list, 3);
	share = r / 8.0;
	print(greeting);
	print("\n");
	if (argc > 1)
		__asm__ volatile("ebreak");
	return r % 256;
}
