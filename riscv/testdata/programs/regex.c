/* Regular expressions, compiled to a small program and matched by following all
 * its threads at once. The argument is the number of texts. */
#include "work.h"

enum op { Char, Any, Class, Split, Jump, Match };
struct step {
	enum op op;
	int a, b; /* a character or class; where to go on */
};

static struct step prog[256];
static int count;
static unsigned char classes[16][32];
static int class_count;
static const char *re;

static int emit(enum op op, int a, int b)
{
	prog[count] = (struct step){op, a, b};
	return count++;
}

/* shift makes room for one step at i; the places behind move by one. */
static void insert(int i, enum op op, int a, int b)
{
	memmove(prog + i + 1, prog + i, (size_t)(count - i) * sizeof *prog);
	count++;
	for (int k = i + 1; k < count; k++) {
		if ((prog[k].op == Split || prog[k].op == Jump) && prog[k].a >= i)
			prog[k].a++;
		if (prog[k].op == Split && prog[k].b >= i)
			prog[k].b++;
	}
	prog[i] = (struct step){op, a, b};
}

static void alternatives(void);

static void atom(void)
{
	switch (*re) {
	case '(':
		re++;
		alternatives();
		re++;
		return;
	case '.':
		re++;
		emit(Any, 0, 0);
		return;
	case '[': {
		unsigned char *c = classes[class_count];
		int negated = *++re == '^';
		re += negated;
		memset(c, negated ? 255 : 0, 32);
		while (*re != ']') {
			int from = (unsigned char)*re++, to = from;
			if (*re == '-') {
				to = (unsigned char)re[1];
				re += 2;
			}
			for (; from <= to; from++)
				c[from / 8] ^= (unsigned char)(1 << from % 8);
		}
		re++;
		emit(Class, class_count++, 0);
		return;
	}
	case '\\':
		re++;
	}
	emit(Char, (unsigned char)*re++, 0);
}

static void pieces(void)
{
	while (*re && *re != '|' && *re != ')') {
		int start = count;
		atom();
		switch (*re) {
		case '*':
			re++;
			insert(start, Split, start + 1, count + 2);
			emit(Jump, start, 0);
			break;
		case '+':
			re++;
			emit(Split, start, count + 1);
			break;
		case '?':
			re++;
			insert(start, Split, start + 1, count + 1);
		}
	}
}

static void alternatives(void)
{
	int start = count;
	pieces();
	if (*re == '|') {
		re++;
		insert(start, Split, start + 1, count + 2);
		int jump = emit(Jump, 0, 0);
		alternatives();
		prog[jump].a = count;
	}
}

static int list[2][256], size[2], mark[256], generation;

static void follow(int which, int at)
{
	if (mark[at] == generation)
		return;
	mark[at] = generation;
	switch (prog[at].op) {
	case Jump: follow(which, prog[at].a); return;
	case Split:
		follow(which, prog[at].a);
		follow(which, prog[at].b);
		return;
	default: list[which][size[which]++] = at;
	}
}

/* matches gives how many characters the longest match at the beginning has, or -1. */
static int matches(const char *text)
{
	int best = -1, now = 0;
	size[0] = 0;
	generation++;
	follow(0, 0);
	for (int i = 0; size[now]; i++, now ^= 1) {
		size[now ^ 1] = 0;
		generation++;
		unsigned char c = (unsigned char)text[i];
		for (int k = 0; k < size[now]; k++) {
			struct step *s = &prog[list[now][k]];
			int yes = 0;
			switch (s->op) {
			case Char: yes = s->a == c; break;
			case Any: yes = c != 0; break;
			case Class: yes = c && classes[s->a][c / 8] >> c % 8 & 1; break;
			default: best = i;
			}
			if (yes)
				follow(now ^ 1, list[now][k] + 1);
		}
	}
	return best;
}

int main(int argc, char **argv)
{
	static const char *const patterns[] = {"[a-z]+@[a-z]+\\.(com|org|net)", "(ab|a)(bc|c)*d?", "[^ ]*ing", "x(y|z+)?x", "GET /[a-z/]* HTTP/1\\.[01]", "(a*)*b"};
	static const char *const texts[] = {"someone@example.org and others", "abcbcbcd", "reading and writing", "xzzzzx", "GET /a/path HTTP/1.1", "aaaaaaaaaaaaaaaac"};
	unsigned long n = work(argc, argv, 10);
	uint64_t sum = 0;
	for (int p = 0; p < 6; p++) {
		count = class_count = 0;
		re = patterns[p];
		alternatives();
		emit(Match, 0, 0);
		for (unsigned long i = 0; i < n; i++)
			for (int t = 0; t < 6; t++)
				for (const char *at = texts[t]; *at; at++)
					sum = fold(sum, (uint64_t)(matches(at) + 1));
		printf("%s: %d of %d characters\n", patterns[p], matches(texts[p]), (int)strlen(texts[p]));
	}
	return report("regex", n, sum);
}
