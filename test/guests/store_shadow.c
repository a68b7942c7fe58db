/* A program and, with -DCANDIDATE, one that should replace it and differs in
   what the path says. */
#include "fishplate.h"

#ifdef CANDIDATE
#define OTHER 1
#else
#define OTHER 0
#endif

static void page(long arg, const void *body, size_t n)
{
	char out[64] = "page:";
	size_t i;

	for (i = 0; i < n && i < 50; i++)
		out[5 + i] = ((const char *)body)[i];
	if (arg && OTHER)
		out[0] = 'P';
	fp_append(FP_BERESP, arg && OTHER ? "X-Made: other" : "X-Made: here");
	fp_response(arg && OTHER ? 201 : 200, "text/plain", out, 5 + i);
}

static void on_deliver(int req, int resp, const char *arg)
{
	(void)req, (void)arg;
	fp_append(resp, OTHER ? "X-Delivered: other" : "X-Delivered: here");
}

static void on_recv(int req, int none, const char *arg)
{
	char url[64];

	(void)none, (void)arg;
	fp_kv_add("asked", 1, 0, 0);
	if (OTHER)
		fp_log("the candidate was asked");
	if (fp_get(req, FP_LINE_URL, url, sizeof(url)) < 0)
		return;
	if (fp_has_prefix(url, "/field"))
		fp_append(req, OTHER ? "X-Field: other" : "X-Field: here");
	if (fp_has_prefix(url, "/decide"))
		fp_decision(OTHER ? "pass" : "hash", 0);
	if (fp_has_prefix(url, "/synth"))
		fp_synth(OTHER ? 404 : 200, "text/plain", "x", 1);
	if (fp_has_prefix(url, "/crash") && OTHER)
		fp_fail("as a candidate");
	if (fp_has_prefix(url, "/page"))
		fp_forge(FP_NOT_CACHED, page, 1);
	if (fp_has_prefix(url, "/same"))
		fp_forge(FP_NOT_CACHED, page, 0);
}

int main(void)
{
	fp_set_on_deliver(on_deliver);
	fp_wait_for_requests(on_recv);
}
