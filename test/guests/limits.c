/* Runs into one limit for each path; its argument says what main does. */
#include "fishplate.h"

static char url[64];
static char block[65536];

static void big(long n, const void *body, size_t len)
{
	char *p = (char *)FP_CALL1(FP_NATIVE_MALLOC, (unsigned long)n);

	(void)body, (void)len;
	fp_response(200, "text/plain", p, (size_t)n);
}

static void pieces(long n, const void *body, size_t len)
{
	long done = 0;

	(void)body, (void)len;
	fp_response_begin(200, "text/plain");
	while (done < n && fp_body_write(block, sizeof(block)) >= 0)
		done += (long)sizeof(block);
}

static void on_recv(int req, int none, const char *arg)
{
	long i;

	(void)none, (void)arg;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	if (fp_has_prefix(url, "/small"))
		fp_forge(0, big, 100);
	if (fp_has_prefix(url, "/big"))
		fp_forge(0, big, 200000);
	if (fp_has_prefix(url, "/pieces"))
		fp_forge_stream(0, pieces, 200000);
	if (fp_has_prefix(url, "/kv"))
		for (i = 0; i < 100; i++)
			if (fp_kv_set(url, block, sizeof(block), 0) < 0) {
				fp_append(req, "X-Limit: storage");
				return;
			}
	if (fp_has_prefix(url, "/copy")) /* the host's work: 100 times 64 KiB */
		for (i = 0; i < 100; i++)
			FP_CALL3(FP_NATIVE_MEMCPY, block, block + 1, sizeof(block) - 1);
	if (fp_has_prefix(url, "/spin"))
		for (;;)
			((volatile char *)block)[0]++;
}

int main(int argc, char **argv)
{
	volatile char *p;
	unsigned long i;

	if (argc > 1 && argv[1][0] == 'h') { /* every page that there is */
		p = (char *)FP_CALL1(FP_NATIVE_MALLOC, 500ul << 20);
		for (i = 0; i < 500ul << 20; i += 4096)
			p[i] = 1;
	}
	while (argc > 1 && argv[1][0] == 's')
		((volatile char *)block)[0]++;
	fp_wait_for_requests(on_recv);
}
