/* Makes every call of the ABI in every stage where it means something, checks
   what each gives, and answers with the checks that did not hold. The test that
   runs it compares the calls that it made with the host's table. */
#include "conform/report.h"
#include "conform/native.h"
#include "conform/codes.h"
#include "conform/message.h"
#include "conform/outside.h"

/* Not in this stage: nothing is there to read, and nothing to answer. */
static void no_bodies(void)
{
	EQ(fp_body_read(room, 1, 0), FP_E_STAGE);
	EQ(fp_response_begin(200, "text/plain"), FP_E_STAGE);
	EQ(fp_body_write("x", 1), FP_E_STAGE);
}

static void pure(void)
{
	native();
	encodings();
	documents();
	patterns();
	keys();
	clocks();
	telling();
}

/* A response of this many bytes, and the calls that brought it about. */
static __attribute__((noreturn)) void answer(long ending)
{
	seen[ending >> 3] |= (unsigned char)(1 << (ending & 7));
	summary();
	if (ending == FP_SYS_SYNTH)
		fp_synth(200, "text/plain", account, (size_t)account_n);
	fp_response(200, "text/plain", account, (size_t)account_n);
}

static void forged(long arg, const void *body, size_t n)
{
	EQ(arg, 77);
	CHECK(n == 6 && same(body, "posted", 6));
	pure();
	request_of(FP_BEREQ);
	response_of(FP_BERESP, 200);
	fields_of(FP_BERESP);
	client_facts();
	keys_and_values();
	kept_values();
	fetches();
	stored();
	EQ(fp_cache_ttl(1000), 0);
	fp_append(FP_BERESP, "X-Forged: yes");
	answer(FP_SYS_BACKEND_DECISION);
}

static void streamed(long arg, const void *body, size_t n)
{
	char piece[4];
	long k, got = 0;

	EQ(arg, 78);
	CHECK(body == 0 && n == 0);
	EQ(fp_body_length(), 6);
	while ((k = fp_body_read(piece, sizeof(piece), 5000)) > 0)
		for (long i = 0; i < k; i++)
			room[got++] = piece[i];
	EQ(k, 0);
	CHECK(got == 6 && same(room, "posted", 6));
	CHECK(fp_append(FP_BERESP, "X-Streamed: yes") >= 0);
	EQ(fp_response_begin(200, "text/plain"), 0);
	EQ(fp_body_write("begun ", 6), 6);
	seen[FP_SYS_FORGE_STREAM >> 3] |= 1 << (FP_SYS_FORGE_STREAM & 7);
	summary();
	fp_body_write(account, (size_t)account_n);
}

static void small(long arg, const void *body, size_t n)
{
	(void)arg, (void)body, (void)n;
	fp_response(200, "text/plain", "small", 5);
}

static const char *named(const char *value, size_t n)
{
	static char out[64];
	size_t i;

	for (i = 0; i < n && i < sizeof(out) - 1; i++)
		out[i] = value[n - 1 - i];
	out[i] = 0;
	return out;
}

static __attribute__((noreturn)) void everything(int req)
{
	pure();
	linux_calls();
	request_of(req);
	fields_of(req);
	client_facts();
	address_of_request();
	places();
	keys_and_values();
	kept_values();
	fetches();
	stored();
	no_bodies();
	terms();
	EQ(fp_ban("obj.http.x-conform == never"), 0);
	CHECK(fp_purge() >= 0);
	answer(FP_SYS_SYNTH);
}

static void on_recv(int req, int none, const char *arg)
{
	char url[256];

	EQ(none, -1);
	CHECK(arg != 0);
	if (fp_get(req, FP_LINE_URL, url, sizeof(url)) < 0)
		fp_decision("synth", 414);
	if (fp_has_prefix(url, "/recv/"))
		everything(req);
	if (fp_equal(url, "/forge"))
		fp_forge(FP_NOT_CACHED, forged, 77);
	if (fp_equal(url, "/stream"))
		fp_forge_stream(FP_NOT_CACHED, streamed, 78);
	if (fp_equal(url, "/small"))
		fp_forge(FP_NOT_CACHED, small, 0);
	if (fp_equal(url, "/through")) {
		CHECK(fp_cache_ttl(60000) == 0);
		fp_decision("lookup", 0);
	}
	if (fp_equal(url, "/error")) {
		CHECK(fp_choose_backend("dead") == 0);
		fp_decision("pass", 0);
	}
	if (fp_equal(url, "/pause"))
		fp_pause_for("pass", 0);
	if (fp_equal(url, "/synth"))
		fp_decision("synth", 404);
	if (fp_equal(url, "/fail"))
		fp_fail("it was asked to");
	if (fp_equal(url, "/assert"))
		FP_CALL4(FP_SYS_ASSERT_FAIL, "a == b", "conform.c", 7, "on_recv");
	if (fp_equal(url, "/exit"))
		FP_CALL1(FP_LINUX_EXIT_GROUP, 0);
}

static void on_hash(void)
{
	fp_hash("through");
	EQ(fp_cache_look(0), FP_CALL1(FP_SYS_CACHE_LOOK, 0) == 1);
	request_of(FP_REQ);
	clocks();
}

static void on_hit(int req)
{
	request_of(req);
	fp_append(req, "X-Was: hit");
}

static void on_miss(int req)
{
	request_of(req);
	fp_append(req, "X-Was: miss");
}

static void on_backend_fetch(int bereq)
{
	request_of(bereq);
	client_facts();
	summary_field(bereq, "X-Conform-Fetch");
}

static void on_backend_response(int bereq, int beresp)
{
	request_of(bereq);
	response_of(beresp, fp_status(beresp));
	fields_of(beresp);
	EQ(fp_cache_tag("responded"), 0);
	EQ(fp_cache_grace(1000), 0);
	summary_field(beresp, "X-Conform-Response");
}

static void on_backend_error(int bereq, int beresp)
{
	request_of(bereq);
	CHECK(fp_status(beresp) >= 500);
	fields_of(beresp);
	summary_field(beresp, "X-Conform-Error");
}

static void on_deliver(int req, int resp, const char *arg)
{
	(void)arg;
	request_of(req);
	response_of(resp, fp_status(resp));
	fields_of(resp);
	client_facts();
	EQ(fp_cacheable(), 1);
	TEXT("sour", fp_cookie_get("flavour", dst, size));
	summary_field(resp, "X-Conform-Deliver");
}

static void on_synth(int req, int resp)
{
	request_of(req);
	response_of(resp, 404);
	fields_of(resp);
	client_facts();
	answer(FP_SYS_SYNTH);
}

int main(void)
{
	words = fp_regex("([a-z]+) ([a-z]+)");
	backward = fp_regex("(ab)\\1");
	others = fp_regex("^X-Other: ");
	CHECK(fp_regex("([a-z]+) ([a-z]+)") == words && words >= 0 && backward >= 0 && backward != words);
	fp_register_function("backwards", named);
	EQ(FP_CALL2(FP_SYS_REGISTER_CB, FP_CALLBACK_ON_HASH, on_hash), 0);
	fp_register_callback(FP_CALLBACK_ON_HIT, (void (*)(void))on_hit);
	fp_register_callback(FP_CALLBACK_ON_MISS, (void (*)(void))on_miss);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_FETCH, (void (*)(void))on_backend_fetch);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_RESPONSE, (void (*)(void))on_backend_response);
	fp_register_callback(FP_CALLBACK_ON_BACKEND_ERROR, (void (*)(void))on_backend_error);
	fp_register_callback(FP_CALLBACK_ON_SYNTH, (void (*)(void))on_synth);
	fp_set_on_deliver(on_deliver);
	if (!fp_is_storage()) {
		encodings();
		documents();
		patterns();
		keys();
		clocks();
		CHECK(fp_fetch("GET", "app", "/", 0, 0, 0, 100) < 0); /* nobody asks yet */
	}
	seen[FP_SYS_SET_DECISION >> 3] |= 1 << (FP_SYS_SET_DECISION & 7);
	fp_wait_for_requests(on_recv);
}
