// A crash some calls deep: with an inlined function, recursion and a leaf.
static const char *volatile nowhere = (const char *)8;

struct item { int depth; struct item *up; };

static inline __attribute__((always_inline)) int weigh(const struct item *i)
{
	return i->depth * 3 + *nowhere;
}

__attribute__((noinline)) int leaf(struct item *i)
{
	return weigh(i) + 1;
}

__attribute__((noinline)) int descend(struct item *up, int n)
{
	struct item i = { n, up };
	int r = n == 0 ? leaf(&i) : descend(&i, n - 1) + 1;
	return r + i.depth;
}

int main(int argc, char **argv)
{
	return descend(0, 2 + argc) & 1;
}
