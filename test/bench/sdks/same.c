/* What the table of the SDKs measures, in C: reads the URL, tells the request's
 * server what it was, and answers what begins with /hello itself. */
#include "fishplate.h"

#include <stdio.h>

static void on_recv(int req, int none, const char *arg)
{
	char url[256], line[300];

	(void)none, (void)arg;
	if (fp_get(req, FP_LINE_URL, url, sizeof(url)) < 0)
		return;
	if (fp_has_prefix(url, "/hello"))
		fp_synth(200, "text/plain", "hello\n", 6);
	snprintf(line, sizeof(line), "X-Asked: %s", url);
	fp_append(req, line);
}

int main(void) { fp_wait_for_requests(on_recv); }
