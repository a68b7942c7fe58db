/* A JSON parser and printer: a document is made, parsed into a tree, printed and
 * parsed again. The argument is how often. */
#include "work.h"

enum kind { Null, False, True, Number, Text, List, Object };
struct node {
	enum kind kind;
	double number;
	char *text;         /* of a text */
	char *key;          /* within an object */
	struct node *first; /* of a list or object */
	struct node *next;
};

/* Nodes and texts come from one block, given back all at once. */
static char *block;
static size_t used, capacity = 1 << 20;

static void *take(size_t n)
{
	void *p = block + used;
	used += (n + 15) & ~(size_t)15;
	if (used > capacity) {
		puts("too large");
		exit(1);
	}
	return memset(p, 0, n);
}

static const char *in;

static void space(void)
{
	while (*in == ' ' || *in == '\n' || *in == '\t')
		in++;
}

static void expect(char c)
{
	space();
	if (*in++ != c) {
		printf("expected %c\n", c);
		exit(1);
	}
}

static char *parse_text(void)
{
	expect('"');
	const char *end = in;
	while (*end != '"')
		end += *end == '\\' ? 2 : 1;
	char *s = take((size_t)(end - in) + 1), *p = s;
	for (; in < end; in++)
		if (*in != '\\')
			*p++ = *in;
		else
			switch (*++in) {
			case 'n': *p++ = '\n'; break;
			case 't': *p++ = '\t'; break;
			default: *p++ = *in;
			}
	in++;
	return s;
}

static double parse_number(void)
{
	int negative = *in == '-';
	in += negative;
	double v = 0, scale = 1;
	while (*in >= '0' && *in <= '9')
		v = v * 10 + (*in++ - '0');
	if (*in == '.')
		for (in++; *in >= '0' && *in <= '9'; scale *= 10)
			v = v * 10 + (*in++ - '0');
	return negative ? -v / scale : v / scale;
}

static struct node *parse(void);

static void parse_members(struct node *n, char end)
{
	struct node **tail = &n->first;
	in++;
	for (space(); *in != end; space()) {
		if (n->first)
			expect(',');
		char *key = 0;
		if (n->kind == Object) {
			key = parse_text();
			expect(':');
		}
		*tail = parse();
		(*tail)->key = key;
		tail = &(*tail)->next;
	}
	in++;
}

static struct node *parse(void)
{
	struct node *n = take(sizeof *n);
	space();
	switch (*in) {
	case '{': n->kind = Object; parse_members(n, '}'); break;
	case '[': n->kind = List; parse_members(n, ']'); break;
	case '"': n->kind = Text; n->text = parse_text(); break;
	case 't': n->kind = True; in += 4; break;
	case 'f': n->kind = False; in += 5; break;
	case 'n': n->kind = Null; in += 4; break;
	default: n->kind = Number; n->number = parse_number();
	}
	return n;
}

static char *out;

static void put(const char *s)
{
	while (*s)
		*out++ = *s++;
}

static void print_text(const char *s)
{
	*out++ = '"';
	for (; *s; s++) {
		if (*s == '"' || *s == '\\' || *s == '\n')
			*out++ = '\\';
		*out++ = *s == '\n' ? 'n' : *s;
	}
	*out++ = '"';
}

/* print_number writes thousandths, which is all that the document has. */
static void print_number(double v)
{
	char digits[24];
	int n = 0;
	if (v < 0) {
		*out++ = '-';
		v = -v;
	}
	uint64_t u = (uint64_t)(v * 1000 + 0.5), whole = u / 1000, part = u % 1000;
	do
		digits[n++] = (char)('0' + whole % 10);
	while (whole /= 10);
	while (n)
		*out++ = digits[--n];
	if (part) {
		*out++ = '.';
		for (unsigned unit = 100; part; part %= unit, unit /= 10)
			*out++ = (char)('0' + part / unit);
	}
}

static void print(const struct node *n)
{
	static const char *const words[] = {"null", "false", "true"};
	switch (n->kind) {
	case Number: print_number(n->number); return;
	case Text: print_text(n->text); return;
	case List:
	case Object:
		*out++ = n->kind == List ? '[' : '{';
		for (const struct node *m = n->first; m; m = m->next) {
			if (m->key) {
				print_text(m->key);
				*out++ = ':';
			}
			print(m);
			if (m->next)
				*out++ = ',';
		}
		*out++ = n->kind == List ? ']' : '}';
		return;
	default: put(words[n->kind]);
	}
}

static void make_document(char *text)
{
	uint64_t seed = 77;
	char *p = text;
	p += sprintf(p, "{ \"name\": \"a \\\"document\\\"\\n\", \"items\": [");
	for (int i = 0; i < 120; i++) {
		uint64_t r = next(&seed);
		p += sprintf(p, "%s{\"id\": %d, \"price\": %u.%03u, \"tags\": [\"t%u\", \"u\\\\%u\", true, null], \"deep\": {\"a\": [[%d], {}]}}\n",
			i ? ", " : "", i, (unsigned)(r >> 50), (unsigned)(r & 511) + 100, (unsigned)(r >> 20 & 63), (unsigned)(r >> 30 & 63), -(int)(r >> 40 & 255));
	}
	sprintf(p, "], \"last\": false}");
}

int main(int argc, char **argv)
{
	unsigned long n = work(argc, argv, 3);
	static char text[1 << 15], printed[1 << 15];
	uint64_t sum = 0;
	block = malloc(capacity);
	make_document(text);
	for (unsigned long i = 0; i < n; i++) {
		used = 0;
		in = i == 0 ? text : printed;
		struct node *tree = parse();
		out = printed;
		print(tree);
		*out = 0;
		for (const char *p = printed; *p; p++)
			sum = sum * 31 + (unsigned char)*p;
	}
	printf("%.60s\n", printed);
	return report("json", n, sum);
}
