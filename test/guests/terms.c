/* Uses the calls about the cache as older programs do, in the callbacks that
   they are for, and as wrongly as possible. */
#include "fishplate.h"

static int results[16];
static volatile int *volatile nowhere = (int *)16;

static void set_ttl(float seconds)
{
	register float fa0 __asm__("fa0") = seconds;
	register long a0 __asm__("a0") = 1;
	register long a7 __asm__("a7") = FP_SYS_TTL;
	__asm__ volatile("ecall" : "+r"(a0), "+f"(fa0) : "r"(a7) : "memory");
}

static void on_hash(int none, int also, const char *arg)
{
	(void)none, (void)also;
	fp_hash("hash:");
	fp_hash(arg);
	fp_call(FP_SYS_SET_BACKEND, 0, 0, 0, 0, 0, 0, 0);
	fp_decision("pass", 0); /* too late: it is decided */
}

static void on_backend_response(int req, int resp, const char *arg)
{
	char url[64];

	(void)arg;
	fp_append(resp, "X-Looked-At: yes");
	if (fp_get(req, FP_LINE_URL, url, sizeof(url)) < 0)
		return;
	if (fp_has_prefix(url, "/ttl"))
		set_ttl(2.5f);
	if (fp_has_prefix(url, "/nan"))
		set_ttl(__builtin_nanf(""));
	if (fp_has_prefix(url, "/huge"))
		set_ttl(1e30f);
	if (fp_has_prefix(url, "/minus"))
		set_ttl(-1.0f);
	if (fp_has_prefix(url, "/refuse"))
		fp_uncacheable(0);
	if (fp_has_prefix(url, "/again")) {
		FP_CALL2(FP_SYS_CACHEABLE, 1, 0);
		FP_CALL2(FP_SYS_CACHEABLE, 1, 1);
	}
	if (fp_has_prefix(url, "/status"))
		fp_set_status(resp, 404);
	if (fp_has_prefix(url, "/fall"))
		*nowhere = 1;
}

static void answer(long arg, const void *body, size_t len)
{
	(void)arg, (void)body, (void)len;
	fp_response(200, "text/plain", "x", 1);
}

/* Every refusal of the calls, as a line of digits. */
static void refusals(int req)
{
	static char tag[300];
	char line[32] = "X-Refused: ";
	int n = 0, k, i;

	for (i = 0; i < 299; i++)
		tag[i] = 'a';
	results[n++] = fp_cache_tag("");
	results[n++] = fp_cache_tag("a b");
	results[n++] = fp_cache_tag("a\n");
	results[n++] = fp_cache_tag(tag);
	results[n++] = fp_cache_ttl(-1);
	results[n++] = fp_cache_grace(-5);
	results[n++] = fp_cache_keep(-1);
	for (i = 0; i < 64; i++) {
		tag[3] = 0, tag[2] = (char)('0' + i);
		fp_cache_tag(tag);
	}
	results[n++] = fp_cache_tag("late");
	k = (int)fp_strlen(line);
	for (i = 0; i < n; i++)
		line[k++] = results[i] == -1 ? '1' : '0';
	line[k] = 0;
	fp_append(req, line);
}

static void on_recv(int req, int none, const char *arg)
{
	char url[64];

	(void)none, (void)arg;
	if (fp_get(req, FP_LINE_URL, url, sizeof(url)) < 0)
		return;
	if (fp_has_prefix(url, "/refusals"))
		refusals(req);
	if (fp_has_prefix(url, "/pass"))
		fp_decision("pass", 0);
	if (fp_has_prefix(url, "/plain"))
		return;
	if (fp_has_prefix(url, "/wild")) /* a record where it may not be written */
		FP_CALL1(FP_SYS_CACHE_LOOK, 16);
	fp_forge(fp_has_prefix(url, "/uncached") ? FP_NOT_CACHED : FP_CACHED, answer, 0);
}

int main(void)
{
	fp_cache_ttl(1000);      /* there is nothing to cache yet */
	fp_cache_look(0);
	fp_register_callback(FP_CALLBACK_ON_HASH, (void (*)(void))on_hash);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_RESPONSE, (void (*)(void))on_backend_response);
	fp_wait_for_requests(on_recv);
}
