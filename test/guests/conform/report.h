/* What a conformance guest notes: which calls it made, how many checks it made
   of their results, and which of those did not hold. Every fork has its own. */
#ifndef CONFORM_REPORT_H
#define CONFORM_REPORT_H

static unsigned char seen[100]; /* a bit for each call below 800 */
#define FP_TRACE(n) ((void)((unsigned long)(n) < 800 ? seen[(n) >> 3] |= (unsigned char)(1 << ((n)&7)) : 0))

#include "fishplate.h"

static char report[16384];
static int report_n, checks, failures;

static void say(const char *s)
{
	while (*s && report_n < (int)sizeof(report) - 1)
		report[report_n++] = *s++;
	report[report_n] = 0;
}

static void say_number(long v)
{
	char digits[24];
	int k = (int)sizeof(digits) - 1;
	unsigned long u = v < 0 ? 0ul - (unsigned long)v : (unsigned long)v;

	digits[k] = 0;
	do
		digits[--k] = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		say("-");
	say(digits + k);
}

static void failed(int line, const char *what)
{
	failures++;
	say("failed: line ");
	say_number(line);
	say(": ");
	say(what);
}

static void check(int ok, int line, const char *what)
{
	checks++;
	if (ok)
		return;
	failed(line, what);
	say("; ");
}
#define CHECK(e) check((e) ? 1 : 0, __LINE__, #e)

static void check_equal(long got, long want, int line, const char *what)
{
	checks++;
	if (got == want)
		return;
	failed(line, what);
	say(" is ");
	say_number(got);
	say(", not ");
	say_number(want);
	say("; ");
}
#define EQ(e, want) check_equal((long)(e), (long)(want), __LINE__, #e)

static char room[4096];

static int same(const char *a, const char *b, long n)
{
	while (n-- > 0)
		if (*a++ != *b++)
			return 0;
	return 1;
}

static void check_text(long n, const char *want, int line, const char *what)
{
	long size = (long)fp_strlen(want);

	checks++;
	if (n == size && same(room, want, n))
		return;
	failed(line, what);
	say(" is ");
	say_number(n);
	if (n >= 0 && n < 200) {
		room[n] = 0;
		say(" \"");
		say(room);
		say("\"");
	}
	say("; ");
}
/* A call that is given (dst, size): the text, and that nothing is written, while
   the length is told, when there is one byte too little. */
#define TEXT(want, call) \
	do { \
		char *dst = room; \
		size_t size = sizeof(room); \
		long n = (call), m; \
		check_text(n, want, __LINE__, #call); \
		if (n > 0) { \
			size = (size_t)n - 1; \
			room[0] = 1; \
			m = (call); \
			check(m == n && room[0] == 1, __LINE__, #call " with too little room"); \
		} \
	} while (0)
/* The same for a text that cannot be known beforehand. */
#define SOME(call) \
	do { \
		char *dst = room; \
		size_t size = sizeof(room); \
		check_equal((call) > 0, 1, __LINE__, #call); \
	} while (0)
#define NOTHING(code, call) \
	do { \
		char *dst = room; \
		size_t size = sizeof(room); \
		check_equal((call), code, __LINE__, #call); \
		(void)dst, (void)size; \
	} while (0)

/* What was made, and what did not hold: "checks 12 failures 0 calls 502,503". */
static char account[sizeof(report) + 2048];
static int account_n;

static void summary(void)
{
	static char details[sizeof(report)];
	int i, n = report_n, first = 1;

	for (i = 0; i <= n; i++)
		details[i] = report[i];
	report_n = 0;
	say("checks ");
	say_number(checks);
	say(" failures ");
	say_number(failures);
	say(" calls ");
	for (i = 0; i < 800; i++)
		if (seen[i >> 3] & (1 << (i & 7))) {
			if (!first)
				say(",");
			first = 0;
			say_number(i);
		}
	say(" ");
	say(details);
	for (i = 0; i < report_n; i++)
		account[i] = report[i];
	account_n = report_n;
	report_n = 0; /* a later stage of the same fork goes on with the details */
	say(details);
}

/* The same as a field of a message. */
static void summary_field(int where, const char *name)
{
	static char line[4200];
	int n = 0;

	summary();
	while (*name)
		line[n++] = *name++;
	line[n++] = ':';
	line[n++] = ' ';
	for (int i = 0; i < account_n && i < 4000; i++)
		line[n++] = account[i];
	line[n] = 0;
	fp_append(where, line);
}
#endif
