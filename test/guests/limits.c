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
	long i, h;

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
	if (fp_has_prefix(url, "/hog")) {
		volatile char *p = (char *)FP_CALL1(FP_NATIVE_MALLOC, 500ul << 20);
		for (i = 0; i < 500l << 20; i += 4096)
			p[i] = 1;
	}
	if (fp_has_prefix(url, "/touch")) { /* 16 MiB, a byte of each page */
		volatile char *p = (char *)fp_call(222, 0, 16l << 20, 3, 0x22, -1, 0, 0);
		for (i = 0; i < 16l << 20; i += 4096)
			p[i] = 1;
	}
	if (fp_has_prefix(url, "/waste")) /* 4 MiB, which it gives back, 8 times */
		for (h = 0; h < 8; h++) {
			volatile char *p = (char *)fp_call(222, 0, 4l << 20, 3, 0x22, -1, 0, 0);
			for (i = 0; i < 4l << 20; i += 4096)
				p[i] = 1;
			fp_call(215, (long)p, 4l << 20, 0, 0, 0, 0, 0);
		}
	if (fp_has_prefix(url, "/list_all"))
		FP_CALL4(FP_SYS_KV_LIST, "k", 1, block, sizeof(block));
	if (fp_has_prefix(url, "/list_none"))
		FP_CALL4(FP_SYS_KV_LIST, "z", 1, block, sizeof(block));
	if (fp_has_prefix(url, "/log"))
		for (i = 0; i < 50; i++)
			fp_log("a line");
	if (fp_has_prefix(url, "/fetch")) {
		for (i = 0; (h = fp_fetch("GET", "app", "/", 0, 0, 0, 10000)) >= 0 && i < 100; i++)
			fp_fetch_wait(h, -1);
		block[0] = (char)('0' + i), block[1] = h == FP_E_LIMIT ? 'L' : '?';
		fp_synth(200, "text/plain", block, 2);
	}
	if (fp_has_prefix(url, "/hold")) /* until the origin answers */
		fp_fetch_wait(fp_fetch("GET", "app", "/hang", 0, 0, 0, 600000), -1);
	if (fp_has_prefix(url, "/again")) { /* itself, while it is here */
		h = fp_fetch("GET", 0, "/small?inner", 0, 0, 0, 10000);
		fp_fetch_wait(h, -1);
		fp_synth((int)fp_fetch_status(h), "text/plain", "", 0);
	}
	if (fp_has_prefix(url, "/spin"))
		for (;;)
			((volatile char *)block)[0]++;
}

/* Gives the fetch up, or goes another way when an origin has answered. */
static void on_backend_fetch(int bereq, int beresp, const char *arg)
{
	(void)beresp, (void)arg;
	fp_get(bereq, FP_LINE_URL, url, sizeof(url));
	if (fp_has_prefix(url, "/abandon"))
		fp_decision("fail", 0);
	if (fp_has_prefix(url, "/renew") && fp_backend_index("second") >= 0) {
		fp_fetch_wait(fp_fetch("GET", "app", "/hang", 0, 0, 0, 600000), -1);
		fp_choose_backend("second");
	}
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
	fp_register_callback(FP_CALLBACK_ON_BACKEND_FETCH, (void (*)(void))on_backend_fetch);
	fp_wait_for_requests(on_recv);
}
