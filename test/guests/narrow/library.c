/*
 * A 32-bit program with a C library, without floating-point registers: malloc,
 * printf to the log, snprintf into an answer, and numbers of 64 bits in what calls
 * are given and what they leave.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fishplate.h"

static char *greeting;
static int argc_;
static volatile int *volatile nowhere = (int *)16;

struct word { struct word *next; char text[]; };

/* The words of a text, each on the heap, the last first. */
static struct word *words(const char *text)
{
	struct word *list = NULL;

	for (const char *p = text; *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");
		struct word *w = malloc(sizeof(*w) + n + 1);
		if (!w)
			abort();
		memcpy(w->text, p, n);
		w->text[n] = 0;
		w->next = list;
		list = w;
		p += n;
	}
	return list;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void answer(long arg, const void *body, size_t len)
{
	char *out = malloc(4096);
	int64_t sum = 0;
	struct fp_time now = {0};
	int n = 0;

	n += snprintf(out, 4096, "%s %d %ld %.*s", greeting, argc_, arg, (int)len, (const char *)body);
	/* 64 bits: the sum of a counter, the time, an amount that is divided. */
	fp_kv_set("n", "9000000000", 10, 0);
	fp_kv_add("n", 5, 0, &sum);
	fp_now(&now);
	uint64_t ns = fp_monotonic();
	n += snprintf(out + n, 4096 - (size_t)n, " %" PRId64 " %" PRIu64 " %d %d", sum, (uint64_t)sum / 7, now.seconds > INT64_C(1600000000), ns > 0 && ns < UINT64_C(1) << 62);
	/* What a library decides: errors, numbers, order. */
	errno = 0;
	long big = strtol("99999999999", NULL, 10);
	n += snprintf(out + n, 4096 - (size_t)n, " %d %d", big == 2147483647L && errno == ERANGE, malloc(1u << 30) == NULL && errno == ENOMEM);
	const char *list[] = {"pear", "apple", "fig"};
	qsort(list, 3, sizeof(*list), by_text);
	n += snprintf(out + n, 4096 - (size_t)n, " %s,%s,%s\n", list[0], list[1], list[2]);
	fp_response(200, "text/plain", out, (size_t)n);
}

static void on_recv(int req, int none, const char *arg)
{
	static char url[256], line[300];

	(void)none, (void)arg;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	struct word *list = words(url + 1);
	if (!strcmp(list->text, "fault"))
		*nowhere = 1;
	if (!strcmp(list->text, "abort"))
		abort();
	int n = snprintf(line, sizeof(line), "X-Words:");
	while (list) {
		struct word *w = list;
		n += snprintf(line + n, sizeof(line) - (size_t)n, " %s", w->text);
		list = w->next;
		free(w);
	}
	fp_set_ttl(2.5f); /* a floating-point register, without compiled floating point */
	n += snprintf(line + n, sizeof(line) - (size_t)n, " %d", (int)(fp_ttl() * 2));
	fp_append(req, line);
	printf("asked for %s", url); /* and the rest of the line */
	printf(", %d bytes\n", n);
	if (strstr(url, "answer"))
		fp_forge(FP_NOT_CACHED, answer, 77);
}

int main(int argc, char **argv)
{
	argc_ = argc;
	greeting = malloc(64);
	snprintf(greeting, 64, "%s", argc > 1 ? argv[1] : "none");
	printf("ready: %s %zu\n", greeting, sizeof(long));
	fp_wait_for_requests(on_recv);
}
