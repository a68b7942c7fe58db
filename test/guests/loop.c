/* Never ends: /loop in on_recv, /forge in a forge; anything else at once. */
#include "fishplate.h"

static volatile unsigned long turns;

__attribute__((noinline)) void spin(void)
{
	for (;;)
		turns++;
}

static void forge_spin(long arg, const void *body, size_t len)
{
	(void)arg, (void)body, (void)len;
	spin();
}

static void on_recv(int req, int none, const char *arg)
{
	char url[64];

	(void)none, (void)arg;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	fp_append(req, "X-Seen: loop");
	if (fp_has_prefix(url, "/forge"))
		fp_forge(FP_CACHED, forge_spin, 0);
	if (fp_has_prefix(url, "/loop"))
		spin();
}

int main(void) { fp_wait_for_requests(on_recv); }
