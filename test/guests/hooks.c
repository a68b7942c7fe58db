/* What a request costs: the argument of main says what on_recv does. */
#include "fishplate.h"

static int regex;

static void nothing(int req, int none, const char *arg) { (void)req, (void)none, (void)arg; }

/* Appends a field and matches the URL. */
static void edit(int req, int none, const char *arg)
{
	char url[256];
	long n;

	(void)none, (void)arg;
	fp_append(req, "X-Seen: by the program");
	n = fp_get(req, FP_LINE_URL, url, sizeof(url));
	if (n < 0 || !fp_match(regex, url, (size_t)n))
		fp_decision("synth", 404);
}

static int put(char *dst, int at, const char *s)
{
	while (*s)
		dst[at++] = *s++;
	return at;
}

/* Answers with a small document. */
static void answer(int req, int none, const char *arg)
{
	char url[128], text[320];
	int at;

	(void)none, (void)arg;
	if (fp_get(req, FP_LINE_URL, url, sizeof(url)) < 0)
		fp_decision("synth", 400);
	at = put(text, 0, "{\"path\":\"");
	at = put(text, at, url);
	at = put(text, at, "\",\"answer\":42,\"by\":\"the program\"}\n");
	fp_synth(200, "application/json", text, (size_t)at);
}

static char out[512];

/* Reads a document of 1 KiB by the host's calls and makes one of 300 bytes. */
static void order(long none, const void *body, size_t len)
{
	static const char *const fields[] = {"customer.name", "customer.city", "items.3.title", "items.3.price", "total"};
	char value[64];
	size_t i;
	int at = put(out, 0, "{");

	(void)none;
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		long n = fp_json_get(body, len, fields[i], value, sizeof(value) - 1);

		if (n < 0 || n >= (long)sizeof(value))
			fp_response(400, "text/plain", fields[i], fp_strlen(fields[i]));
		value[n] = 0;
		at = put(out, at, at > 1 ? ",\"" : "\"");
		at = put(out, at, fields[i]);
		at = put(out, at, "\":\"");
		at = put(out, at, value);
		at = put(out, at, "\"");
	}
	at = put(out, at, ",\"note\":\"");
	while (at < 296)
		out[at++] = '.';
	at = put(out, at, "\"}\n");
	fp_response(200, "application/json", out, (size_t)at);
}

static void forge(int req, int none, const char *arg)
{
	(void)req, (void)none, (void)arg;
	fp_forge(FP_NOT_CACHED, order, 0);
}

int main(int argc, char **argv)
{
	char what = argc > 1 ? argv[1][0] : 'n';

	regex = fp_regex("^/c/[0-9]+k(\\?.*)?$");
	fp_wait_for_requests(what == 'e' ? edit : what == 'a' ? answer : what == 'f' ? forge : nothing);
}
