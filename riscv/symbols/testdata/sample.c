// A function with a frame, and another inlined into it.
volatile int sink;

static inline __attribute__((always_inline)) int inner(int x)
{
	return sink * x;
}

__attribute__((noinline)) int leaf(int x)
{
	return x + 1;
}

int outer(int a, int b)
{
	int r = leaf(a);
	r += inner(b);
	return r + leaf(r);
}
