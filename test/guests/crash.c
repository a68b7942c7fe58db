/* Reads address 0: /crash in on_recv, /forge in a forge, /deliver in on_deliver. */
#include "fishplate.h"

__attribute__((noinline)) int null_read(const volatile int *p) { return *p; }

static const volatile int *nowhere;

static void forge_crash(long arg, const void *body, size_t len)
{
	(void)arg, (void)body, (void)len;
	fp_response(200 + null_read(nowhere), "text/plain", "", 0);
}

static void on_recv(int req, int none, const char *arg)
{
	char url[64];

	(void)none, (void)arg;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	fp_append(req, "X-Seen: crash");
	if (fp_has_prefix(url, "/forge"))
		fp_forge(FP_NOT_CACHED, forge_crash, 0);
	if (fp_has_prefix(url, "/crash") && null_read(nowhere))
		fp_log("not reached");
}

static void on_deliver(int req, int resp, const char *arg)
{
	char url[64];

	(void)arg;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	fp_append(resp, "X-Seen: crash");
	if (fp_has_prefix(url, "/deliver"))
		null_read(nowhere);
}

int main(void)
{
	fp_set_on_deliver(on_deliver);
	fp_wait_for_requests(on_recv);
}
