/* The smallest useful tenant: it greets, marks requests, and forges one page. */
#include "fishplate.h"

static char line[512];

/* Copies s to the end of line at n and returns the new end. */
static int put(int n, const char *s)
{
	while (*s && n < (int)sizeof(line) - 1)
		line[n++] = *s++;
	line[n] = 0;
	return n;
}

/* Runs in a machine of its own; what it appends to BERESP is sent along. */
static void greet(long arg, const void *body, size_t len)
{
	char name[128];
	int n = put(0, "Hello ");

	(void)arg;
	if (fp_get_value(FP_BEREQ, "X-Name", name, sizeof(name)) < 0)
		put(0, "Hello World");
	else
		put(n, name);
	n = (int)fp_strlen(line);
	n = put(n, "\n");
	if (len > 0) {
		size_t i;
		n = put(n, "You said: ");
		for (i = 0; i < len && n < (int)sizeof(line) - 1; i++)
			line[n++] = ((const char *)body)[i];
	}
	fp_append(FP_BERESP, "X-Forged-By: hello");
	fp_response(200, "text/plain", line, (size_t)n);
}

static void on_recv(int req, int none, const char *arg)
{
	char url[256];

	(void)none;
	fp_append(req, "X-Hello: world");
	if (arg[0]) {
		put(put(0, "X-Argument: "), arg);
		fp_append(req, line);
	}
	if (fp_get(req, FP_LINE_URL, url, sizeof(url)) < 0)
		return;
	if (fp_has_prefix(url, "/hello"))
		fp_forge(FP_NOT_CACHED, greet, 0);
	if (fp_has_prefix(url, "/teapot"))
		fp_synth(418, "text/plain", "short and stout\n", 16);
	if (fp_has_prefix(url, "/private"))
		fp_decision("pass", 0);
	if (fp_has_prefix(url, "/denied"))
		fp_decision("synth", 403);
	if (fp_has_prefix(url, "/old/"))
		fp_set(req, FP_LINE_URL, "/new");
}

static void on_deliver(int req, int resp, const char *arg)
{
	(void)req;
	(void)arg;
	fp_append(resp, "X-Delivered-By: hello");
}

int main(int argc, char **argv)
{
	fp_print(argc > 0 ? argv[0] : "hello");
	fp_set_on_deliver(on_deliver);
	fp_wait_for_requests(on_recv);
}
