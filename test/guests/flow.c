/* Every callback, each with a trace that a test can see, and every decision.
   What is to happen stands in the path; a callback's argument is told as well. */
#include "fishplate.h"

static char line[512];
static volatile int *volatile nowhere = (int *)16;

/* Appends "NAME: a b" to a message. */
static int tell(int where, const char *name, const char *a, const char *b)
{
	size_t n = 0, i;

	for (i = 0; name[i]; i++)
		line[n++] = name[i];
	line[n++] = ':';
	line[n++] = ' ';
	for (i = 0; a[i] && n < 400; i++)
		line[n++] = a[i];
	if (b[0])
		line[n++] = ' ';
	for (i = 0; b[i] && n < 500; i++)
		line[n++] = b[i];
	line[n] = 0;
	return fp_append(where, line);
}

static int path(int where, const char *prefix)
{
	char url[256];

	return fp_get(where, FP_LINE_URL, url, sizeof(url)) >= 0 && fp_has_prefix(url, prefix);
}

static void pause_for(const char *word, int status) { FP_CALL4(FP_SYS_SET_DECISION, word, fp_strlen(word), status, 1); }

static void number(long n, char *out)
{
	char digit[24];
	int k = 0, i = 0;

	if (n < 0)
		out[k++] = '-', n = -n;
	do
		digit[i++] = (char)('0' + n % 10);
	while (n /= 10);
	while (i)
		out[k++] = digit[--i];
	out[k] = 0;
}

static void made(long arg, const void *body, size_t len)
{
	char v[64];

	(void)body, (void)len;
	if (fp_get_value(FP_BEREQ, "X-Fetch", v, sizeof(v)) < 0)
		v[0] = 0;
	tell(FP_BERESP, "X-Made", v, "");
	if (arg == 1)
		*nowhere = 1;
	fp_response(200, "text/plain", "made", 4);
}

static void ways(int req)
{
	char v[64];
	long n;

	n = FP_CALL0(FP_SYS_BACKEND_COUNT);
	number(n, v);
	tell(req, "X-Ways", "count", v);
	number(FP_CALL2(FP_SYS_BACKEND_INDEX, "beta", 4), v);
	tell(req, "X-Ways", "beta", v);
	number(FP_CALL2(FP_SYS_BACKEND_INDEX, "secret", 6), v);
	tell(req, "X-Ways", "secret", v);
	n = FP_CALL4(FP_SYS_BACKEND_STATE, "beta", 4, v, sizeof(v) - 1);
	v[n < 0 ? 0 : n] = 0;
	tell(req, "X-Ways", "state", v);
	number(FP_CALL4(FP_SYS_BACKEND_STATE, "secret", 6, v, sizeof(v) - 1), v);
	tell(req, "X-Ways", "closed", v);
	number(FP_CALL2(FP_SYS_CHOOSE_BACKEND, "secret", 6), v);
	tell(req, "X-Ways", "refused", v);
	number(FP_CALL4(FP_SYS_CHOOSE_SERVER, "beta", 4, "none", 4), v);
	tell(req, "X-Ways", "none", v);
	number(FP_CALL4(FP_SYS_CHOOSE_SERVER, "beta", 4, "two", 3), v);
	tell(req, "X-Ways", "two", v);
}

static void on_recv(int req, int none, const char *arg)
{
	char v[64];

	(void)none;
	tell(req, "X-Recv", "seen", arg);
	if (path(req, "/word/")) {
		char url[256];
		fp_get(req, FP_LINE_URL, url, sizeof(url));
		fp_decision(url + 6, 418);
	}
	if (path(req, "/pause/synth")) {
		pause_for("synth", 299);
		tell(FP_RESP, "X-Resumed", "synth", "");
		fp_synth(298, "text/plain", "resumed", 7);
	}
	if (path(req, "/pause")) {
		pause_for("lookup", 0);
		tell(req, "X-Resumed", fp_status(FP_OBJ) ? "hit" : "miss", "");
		return;
	}
	if (path(req, "/forge/fall"))
		fp_forge(FP_NOT_CACHED, made, 1);
	if (path(req, "/forge"))
		fp_forge(FP_NOT_CACHED, made, 0);
	if (path(req, "/compute"))
		FP_CALL4(FP_SYS_BACKEND_DECISION, 1, 0, "x", 1);
	if (path(req, "/ways"))
		ways(req);
	if (path(req, "/beta"))
		fp_set_backend(1);
	if (path(req, "/purge"))
		fp_decision("purge", 0);
	if (path(req, "/strike")) {
		fp_set(req, FP_LINE_URL, "/keep/1");
		number(FP_CALL0(FP_SYS_PURGE), v);
		tell(req, "X-Struck", v, "");
		number(FP_CALL3(FP_SYS_CACHE_PURGE_TAG, "flow", 4, 0), v);
		tell(req, "X-Struck", v, "");
		number(FP_CALL2(FP_SYS_BAN, "req.url ~ ^/keep/2 && obj.http.X-Response == seen", 0), v);
		tell(req, "X-Struck", v, "");
		number(FP_CALL2(FP_SYS_BAN, "no such thing", 0), v);
		tell(req, "X-Struck", v, "");
	}
}

/* The key is the path alone, without what follows a "!". */
static void on_hash(int none, int also, const char *arg)
{
	(void)none, (void)also, (void)arg;
}

static void on_hit(int req, int obj, const char *arg)
{
	char v[64];

	if (fp_get_value(obj, "X-Response", v, sizeof(v)) < 0)
		v[0] = 0;
	tell(req, "X-Hit", v, arg);
	if (fp_append(obj, "X-Not: allowed") >= 0 || fp_set(req, FP_LINE_URL, "/other") >= 0)
		tell(req, "X-Hit", "wrong", "");
	if (fp_find(req, "X-Hit-Miss") >= 0)
		fp_decision("miss", 0);
	if (fp_find(req, "X-Hit-Pass") >= 0)
		fp_decision("pass", 0);
	if (fp_find(req, "X-Hit-Synth") >= 0)
		fp_synth(203, "text/plain", "instead", 7);
}

static void on_miss(int req, int bereq, const char *arg)
{
	tell(bereq, "X-Miss", "seen", arg);
	if (path(req, "/miss/synth"))
		fp_decision("synth", 404);
	if (path(req, "/miss/pass"))
		fp_decision("pass", 0);
	if (path(req, "/miss/forge"))
		fp_forge(FP_CACHED, made, 0);
}

static void on_backend_fetch(int bereq, int beresp, const char *arg)
{
	(void)beresp;
	tell(bereq, "X-Fetch", "seen", arg);
	if (path(bereq, "/rewrite"))
		fp_set(bereq, FP_LINE_URL, "/rewritten?by=guest");
	if (path(bereq, "/method") && fp_set(bereq, FP_LINE_METHOD, "DELETE") < 0)
		tell(bereq, "X-Fetch", "wrong", "");
	if (path(bereq, "/method") && (fp_set(bereq, FP_LINE_METHOD, "HEAD") >= 0 || fp_set(bereq, FP_LINE_METHOD, "A B") >= 0))
		tell(bereq, "X-Fetch", "wrong", "");
	if (path(bereq, "/late"))
		fp_set_backend(1);
	if (path(bereq, "/abandon"))
		fp_decision("fail", 0);
	if (fp_append(bereq, "X-Evil: a\r\nHost: b") >= 0 || fp_append(bereq, "Content-Length: 3") >= 0 || fp_append(bereq, "Transfer-Encoding: chunked") >= 0)
		tell(bereq, "X-Fetch", "wrong", "");
}

static void on_backend_response(int bereq, int beresp, const char *arg)
{
	int i;

	(void)arg;
	tell(beresp, "X-Response", fp_find(bereq, "X-Fetch") >= 0 ? "seen" : "blind", "");
	if ((i = fp_find(beresp, "Set-Cookie")) >= 0)
		fp_unset(beresp, i);
	if (path(bereq, "/keep") || path(bereq, "/pause") || path(bereq, "/hit")) {
		fp_cache_ttl(60000);
		fp_cache_tag(path(bereq, "/keep/3") ? "flow" : "other");
	}
	if (path(bereq, "/never"))
		fp_uncacheable(0);
	if (path(bereq, "/teapot"))
		fp_set_status(beresp, 418);
	if (path(bereq, "/bodyless") && fp_set_status(beresp, 204) >= 0)
		tell(beresp, "X-Response", "wrong", "");
	if (path(bereq, "/resp-fall"))
		*nowhere = 1;
}

static void on_backend_error(int bereq, int beresp, const char *arg)
{
	(void)arg;
	if (path(bereq, "/down/as-is"))
		return;
	tell(beresp, "X-Error", "seen", "");
	if (path(bereq, "/down/edit"))
		return;
	fp_synth(504, "text/html", "<h1>sorry</h1>", 14);
}

static void on_synth(int req, int resp, const char *arg)
{
	tell(resp, "X-Synth", "seen", arg);
	if (path(req, "/down/as-is"))
		fp_synth(fp_status(resp), "text/html", "<h1>ours</h1>", 13);
}

static void on_deliver(int req, int resp, const char *arg)
{
	static const char *const names[] = { "X-Hit", "X-Miss", "X-Resumed", "X-Struck", "X-Ways", "X-Fetch", "X-Recv" };
	unsigned i;
	int n;

	tell(resp, "X-Deliver", "seen", arg);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (n = FP_LINE_FIRST_FIELD; fp_get(req, n, line, sizeof(line)) >= 0; n++)
			if (fp_has_prefix(line, names[i]))
				fp_copy(req, n, resp);
	if (path(req, "/method") && (fp_get(req, FP_LINE_METHOD, line, sizeof(line)) != 3 || fp_set(resp, FP_LINE_REASON, "As Asked") < 0))
		fp_append(resp, "X-Deliver: wrong");
	if (path(req, "/deliver/empty") && fp_set_status(resp, 204) >= 0)
		fp_append(resp, "X-Deliver: wrong");
}

/* ---- named functions ---- */
static char answer[300];

static const char *reversed(const char *value, long n)
{
	long i;

	for (i = 0; i < n && i < 255; i++)
		answer[i] = value[n - 1 - i];
	answer[i] = 0;
	return answer;
}

static const char *nothing(const char *value, long n)
{
	(void)value, (void)n;
	return 0;
}

static const char *endless(const char *value, long n)
{
	(void)n;
	while (value)
		__asm__ volatile("" : "+r"(value));
	return value;
}

static const char *host_of(const char *value, long n)
{
	(void)value, (void)n;
	fp_append(FP_REQ, "X-Not: allowed");
	if (fp_get_value(FP_REQ, "X-Kind", answer, sizeof(answer)) < 0)
		return 0;
	return answer;
}

static void name(const char *s, const char *(*fn)(const char *, long)) { FP_CALL3(FP_SYS_REGISTER_FUNC, s, fp_strlen(s), fn); }

int main(void)
{
	name("reversed", reversed);
	name("nothing", nothing);
	name("endless", endless);
	name("kind", host_of);
	fp_register_callback(FP_CALLBACK_ON_HASH, (void (*)(void))on_hash);
	fp_register_callback(FP_CALLBACK_ON_HIT, (void (*)(void))on_hit);
	fp_register_callback(FP_CALLBACK_ON_MISS, (void (*)(void))on_miss);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_FETCH, (void (*)(void))on_backend_fetch);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_RESPONSE, (void (*)(void))on_backend_response);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_ERROR, (void (*)(void))on_backend_error);
	fp_register_callback(FP_CALLBACK_ON_SYNTH, (void (*)(void))on_synth);
	fp_register_callback(FP_CALLBACK_ON_DELIVER, (void (*)(void))on_deliver);
	fp_wait_for_requests(on_recv);
}
