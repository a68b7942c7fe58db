/* Greets those who ask for /hello; everything else goes to the server. */
#include "fishplate.h"

#include <stdio.h>
#include <string.h>

/* Each request runs in a copy of what main left: what it writes here, no other
   request sees. */
static char line[256];

static void on_recv(int req, int none, const char *arg)
{
	char path[256], name[64] = "stranger";

	(void)none;
	(void)arg;
	if (fp_path(path, sizeof(path)) == 6 && memcmp(path, "/hello", 6) == 0) {
		long n = fp_query_get("name", name, sizeof(name) - 1);
		if (n >= 0 && n < (long)sizeof(name))
			name[n] = 0;
		n = snprintf(line, sizeof(line), "Hello %s\n", name);
		fp_synth(200, "text/plain", line, (size_t)n);
	}
	fp_append(req, "X-Seen-By: @NAME@");
}

int main(void)
{
	fp_print("@NAME@ is ready");
	fp_wait_for_requests(on_recv);
}
