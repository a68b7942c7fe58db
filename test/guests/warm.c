/* Does one thing for each path; -DBROKEN is a program whose page fails. */
#include "fishplate.h"

static volatile int *volatile nowhere = (int *)16;

static int spin(void)
{
	volatile int n = 0;

	for (;;)
		n++;
	return n;
}

/* What has effects elsewhere. */
static void effects(void)
{
	fp_print("a line");
	fp_kv_set("key", "value", 5, 0);
	fp_kv_add("asked", 1, 0, 0);
	fp_counter_add("asked", 1);
	fp_ban("obj.age > 0s");
	fp_cache_put("key", "value", 5, 60000, 0, "");
}

static void forged(long arg, const void *body, size_t n)
{
	(void)body, (void)n;
	if (arg == 1)
		*nowhere = 1;
	fp_response(arg == 2 ? 502 : 200, "text/plain", "forged", 6);
}

/* Bodies by pieces: without a client the first ends at once. */
static void streamed(long arg, const void *body, size_t n)
{
	char piece[64];

	(void)body, (void)n;
	while (fp_body_read(piece, sizeof(piece), -1) > 0)
		;
	if (fp_response_begin(200, "text/plain") < 0 || fp_body_write("piece", 5) != 5)
		fp_fail("the client left");
	if (arg)
		*nowhere = 1;
}

static void on_deliver(int req, int resp, const char *arg)
{
	char url[64];

	(void)resp, (void)arg;
	if (fp_get(req, FP_LINE_URL, url, sizeof(url)) >= 0 && fp_has_prefix(url, "/deliver"))
		*nowhere = 1;
}

static void on_recv(int req, int none, const char *arg)
{
	char url[64] = "";

	(void)none, (void)arg;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	if (fp_has_prefix(url, "/crash"))
		*nowhere = 1;
	if (fp_has_prefix(url, "/spin"))
		spin();
	if (fp_has_prefix(url, "/500"))
		fp_synth(500, "text/plain", "500", 3);
	if (fp_has_prefix(url, "/404"))
		fp_synth(404, "text/plain", "404", 3);
	if (fp_has_prefix(url, "/forge"))
		fp_forge(FP_NOT_CACHED, forged, 0);
	if (fp_has_prefix(url, "/deliver"))
		fp_forge(FP_NOT_CACHED, forged, 0);
	if (fp_has_prefix(url, "/fall"))
		fp_forge(FP_NOT_CACHED, forged, 1);
	if (fp_has_prefix(url, "/502"))
		fp_forge(FP_NOT_CACHED, forged, 2);
	if (fp_has_prefix(url, "/stream"))
		fp_forge_stream(FP_NOT_CACHED, streamed, 0);
	if (fp_has_prefix(url, "/torn"))
		fp_forge_stream(FP_NOT_CACHED, streamed, 1);
	if (fp_has_prefix(url, "/ask") && fp_fetch("GET", "app", "/", 0, 0, 0, 1000) == FP_E_DENIED)
		fp_synth(200, "text/plain", "denied", 6);
	if (fp_has_prefix(url, "/effects")) {
		effects();
		fp_synth(200, "text/plain", "done", 4);
	}
#ifdef BROKEN
	if (fp_has_prefix(url, "/page"))
		*nowhere = 1;
#endif
	if (fp_has_prefix(url, "/page"))
		fp_synth(200, "text/plain", "page", 4);
}

int main(void)
{
	fp_set_on_deliver(on_deliver);
	fp_wait_for_requests(on_recv);
}
