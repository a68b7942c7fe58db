// The C++ conformance guest: the namespaces of api.h over every call, stage by
// stage. What the C guest checks call by call is checked here through types.
// Linux calls are made by the C library, and the rest by the C part of the SDK.
static unsigned char seen[100];
#define FP_TRACE(n) ((void)((unsigned long)(n) < 800 ? seen[(n) >> 3] |= (unsigned char)(1 << ((n)&7)) : 0))
#include "api.h"
#include <algorithm>
#include <unistd.h>
using namespace api;

static std::string failures;
static int checks, failed;

template <typename G, typename W> void check(const G &got, const W &want, int line, const char *what)
{
	checks++;
	if (got == want)
		return;
	failed++;
	if constexpr (requires { format("{}", got); })
		failures += format("line {}: {} is {}; ", line, what, got);
	else
		failures += format("line {}: {}; ", line, what);
}
#define CHECK(e) check(bool(e), true, __LINE__, #e)
#define EQ(e, want) check((e), (want), __LINE__, #e)
// An optional text: what it holds, or that it holds nothing.
#define HAS(e, want) check((e).value_or("(nothing)"), std::string(want), __LINE__, #e)
#define NOT(e) check((e).has_value(), false, __LINE__, #e)

static std::string summary()
{
	std::string calls;
	for (unsigned i = 0; i < 800; i++)
		if (seen[i >> 3] & (1 << (i & 7)))
			calls += (calls.empty() ? "" : ",") + std::to_string(i);
	return format("checks {} failures {} calls {} {}", checks, failed, calls, failures);
}

static Regex *words, *backward;
static const std::string secret = "a secret of at least thirty-two bytes";

static void texts()
{
	EQ(encode::base64("hi?>?"), "aGk/Pj8=");
	EQ(encode::base64("hi?>?", FP_BASE64_URL | FP_BASE64_BARE), "aGk_Pj8");
	HAS(decode::base64("aGk/Pj8="), "hi?>?");
	NOT(decode::base64("a?"));
	EQ(encode::percent("a b/c"), "a%20b%2Fc");
	HAS(decode::percent("a%20b"), "a b");
	EQ(encode::hex("\xff\x10"), "ff10");
	HAS(decode::hex("ff10"), "\xff\x10");
	EQ(encode::hex(std::string(500, 'a')).size(), 1000u); // more than the first try has room for
	const Text j = "{\"a\":{\"b\":[1,\"two\",null]}}", x = "<r><e id=\"1\">one</e><e>two</e></r>";
	CHECK(json::valid(j) && !json::valid("{"));
	HAS(json::get(j, "a.b.1"), "two");
	NOT(json::get(j, "a.c"));
	EQ(json::type(j, "a.b"), long(json::array));
	EQ(json::count(j, "a.b"), 3);
	EQ(json::quote("a\"b"), "\"a\\\"b\"");
	HAS(json::set("{\"a\":1}", "a", "2"), "{\"a\":2}");
	CHECK(xml::valid(x) && !xml::valid("<r>"));
	HAS(xml::get(x, "r/e[2]"), "two");
	EQ(xml::count(x, "r/e"), 2);
	EQ(xml::escape("a<b"), "a&lt;b");
	CHECK(words->match("to be") && !words->match("2") && !words->backtracks());
	CHECK(backward->backtracks() && backward->match("abab"));
	EQ(words->replace("to be", "\\2 \\1"), "be to");
	auto g = words->groups("1 to be");
	CHECK(g.size() == 3 && g[0] == "to be" && g[2] == "be");
	Regex other("other");
	CHECK(other.good());
	other.free();
	CHECK(glob("*.jpg", "a.jpg") && !glob("*.jpg", "a.gif"));
}

static void secrets()
{
	EQ(encode::hex(crypto::sha256("abc")).substr(0, 8), "ba7816bf");
	EQ(crypto::digest(FP_SHA1, "abc").value_or("").size(), 20u);
	NOT(crypto::digest(3, "abc"));
	EQ(encode::hex(crypto::hmac(FP_SHA256, "Jefe", "what do ya want for nothing?").value_or("")).substr(0, 8), "5bdcc146");
	auto sealed = crypto::seal("sixteen byte key", "twelve bytes", "text", "more");
	CHECK(sealed && sealed->size() == 20);
	HAS(crypto::open("sixteen byte key", "twelve bytes", *sealed, "more"), "text");
	NOT(crypto::open("sixteen byte key", "twelve bytes", *sealed, "less"));
	EQ(crypto::verify(FP_ED25519, std::string(32, 'k'), "data", std::string(64, 's')), 0);
	auto head = encode::base64("{\"alg\":\"HS256\"}", 3) + "." + encode::base64("{\"sub\":\"7\"}", 3);
	auto token = head + "." + encode::base64(*crypto::hmac(FP_SHA256, secret, head), 3);
	auto good = jwt::verify(token, secret, "HS256"), bad = jwt::verify(token, secret + "?", "HS256");
	CHECK(good && good.claims == "{\"sub\":\"7\"}");
	EQ(bad.error, FP_E_DENIED);
	char out[8];
	EQ(FP_CALL4(FP_SYS_BASE64_DECODE, "aGk/", 4, out, 8), 3);
}

static void telling()
{
	CHECK(now().seconds > 1700000000 && monotonic_ns() > 0);
	char a[8] = {}, b[8] = {};
	CHECK(random(a, 8) && random(b, 8) && memcmp(a, b, 8));
	CHECK(!random(a, 5000) && !error_text().empty());
	print("printed {}", 1);
	api::log("logged {}", 2);
	api::log(Level::warning, "warned");
	CHECK(log_field("flavour", "sour") && !log_field("no token", "x"));
	CHECK(api::count("conform_checks", 3));
	Span span("conforming");
	CHECK(span.good());
	span.end();
	breakpoint();
	fp_on_fault(nullptr);
	fp_backtrace();
	EQ(revision(), FP_ABI_REVISION);
	CHECK(!is_storage());
}

static void messages(HTTP m)
{
	HeaderField f = m.append("X-Conform: one");
	CHECK(f && m["x-conform"].index == f.index && f.value() == "one");
	EQ(m.value("X-Conform"), "one");
	EQ(m.value("X-Absent", "else"), "else");
	CHECK(m.replace("X-Conform", "two") && m["X-Conform"].value() == "two" && !m.replace("X-Conform", "a\nb"));
	CHECK(!m.headers().empty());
	CHECK(m["X-Conform"].set("X-Conform: to be") && m["X-Conform"].regsub(*words, "\\2 \\1"));
	m += m["X-Conform"];
	m.append("X-Other: to be");
	m["X-Conform"] = m["X-Other"];
	EQ(m.remove("X-Conform"), 1);
	EQ(long(m.unset(Regex("^X-(Conform|Other): "))), 2);
	m.append("X-Mark: 1");
	m.foreach([](HeaderField &f) { f.deleted = f.to_string() == "X-Mark: 1"; });
	CHECK(!m["X-Mark"]);
	CHECK(m.append("X-Last: 1").unset());
	EQ(FP_CALL0(FP_SYS_FIELD_GET), -1);
	struct { char *text; uint64_t size; char inside[16]; } s;
	HeaderField t = m.append("X-Str: 1");
	EQ(sys_field_retrieve_str(m.name(), t.index, (std::string *)&s), 8);
	CHECK(s.size == 8 && t.unset());
}

static void client_facts()
{
	EQ(client::address(), "127.0.0.1");
	CHECK(client::port() > 0 && !client::local_address().empty());
	EQ(client::scheme(), "http");
	NOT(client::tls(client::version));
	CHECK(!request_id().empty() && !path().empty());
	EQ(tenant_name(), "conform");
	EQ(host(), "conform.test");
	HAS(cookie("flavour"), "sour");
	NOT(cookie("sweet"));
}

static void fetches()
{
	FetchOptions asked, posted;
	asked.backend = "app", asked.fields = "X-Asked: by the guest\n";
	posted.method = "POST", posted.backend = "beta", posted.body = "body";
	Fetch a("/echo?a", asked), b("/echo?b", posted), self("/small");
	CHECK(a.good() && b.good() && self.good());
	CHECK(Fetch::wait_any() >= 0);
	EQ(b.wait(), b.id());
	EQ(a.wait(), a.id());
	EQ(a.status(), 200);
	HAS(a.field("X-Asked"), "by the guest");
	NOT(a.field("X-Absent"));
	CHECK(!a.headers().empty());
	HAS(b.body(), "POST /echo?b body");
	EQ(self.wait(), self.id());
	HAS(self.body(), "small");
	NOT(Fetch("/small").body(2));
}

static void stores()
{
	kv::remove("k");
	kv::remove("n");
	NOT(kv::get("k"));
	long v = kv::set("k", "value");
	CHECK(v >= 1 && kv::version("k") == v);
	HAS(kv::get("k"), "value");
	EQ(kv::cas("k", "x", v + 1000), FP_E_CONFLICT);
	CHECK(kv::cas("k", std::string(1000, 'x'), v, 60000) > v && kv::get("k")->size() == 1000);
	CHECK(kv::add("n", 5) == 5 && kv::add("n", -7) == -2);
	EQ(kv::list("k"), "k\n");
	CHECK(kv::stat() && kv::stat()->keys >= 2);
	EQ(cache::put("conform", "kept", 60000, 0, "tag-c"), 0);
	HAS(cache::get("conform"), "kept");
	EQ(cache::remove("conform"), 0);
	NOT(cache::get("conform"));
	cache::put("conform", "kept", 60000, 0, "tag-c");
	CHECK(cache::purge_tag("tag-c") >= 1);
	CHECK(cache::purge() >= 0);
	EQ(ban("obj.http.x-conform == {}", "never"), 0);
}

static long kept;
static long keep(long a, long b, long c, long)
{
	kept += a;
	return kept + b + c;
}
static void backwards(const char *data, long n)
{
	std::string s(data, size_t(n));
	std::reverse(s.begin(), s.end());
	serializer(s.data(), s.size());
}
static void stored()
{
	long first = storage::call(keep, 1, 100, 1000);
	CHECK(first > 1100 && storage::call(keep, 1) > first - 1100 && kept == 0);
	EQ(storage::call(backwards, "abc"), "cba");
}

static void native()
{
	char *p = (char *)fp_malloc(10), *q = (char *)fp_calloc(2, 8), word[] = "native";
	p = (char *)fp_realloc(p, 100);
	uint64_t info[3];
	CHECK(p && q && q[15] == 0 && FP_CALL1(FP_NATIVE_MEMINFO, info) == 0);
	FP_CALL3(FP_NATIVE_MEMCPY, p, word, 7);
	FP_CALL3(FP_NATIVE_MEMMOVE, p + 1, p, 7);
	CHECK(FP_CALL3(FP_NATIVE_MEMCMP, p, "nnative", 8) == 0 && FP_CALL1(FP_NATIVE_STRLEN, p) == 7);
	CHECK(FP_CALL3(FP_NATIVE_STRNCMP, p, "nnaughty", 3) == 0 && FP_CALL0(FP_NATIVE_RESERVED) == -1);
	FP_CALL3(FP_NATIVE_MEMSET, p, 0, 7);
	CHECK(*p == 0);
	fp_free(p);
	fp_free(q);
}

static void pure()
{
	texts();
	secrets();
	telling();
	native();
}

// Marks the call that brought this stage about, or that ends it.
static void also(long call) { FP_TRACE(call); }

static response forged(Request bereq, Response beresp, void *body, size_t n)
{
	EQ(Text((char *)body, n), "posted");
	pure();
	CHECK(bereq.method() == "POST" && bereq.status() == -1);
	EQ(beresp.status(), 200);
	CHECK(beresp.set_status(226) && beresp.set_status(200) && !beresp.set_status(700));
	messages(beresp);
	client_facts();
	stores();
	fetches();
	stored();
	beresp.append("X-Forged: yes");
	also(FP_SYS_BACKEND_DECISION);
	return {200, "text/plain", summary()};
}

static void streamed(Request, Response beresp)
{
	EQ(stream::length(), 6);
	std::string got;
	char piece[4];
	for (long n; (n = stream::read(piece, sizeof(piece))) > 0;)
		got.append(piece, size_t(n));
	EQ(got, "posted");
	beresp.append("X-Streamed: yes");
	CHECK(stream::begin(200, "text/plain"));
	CHECK(stream::write("begun "));
	also(FP_SYS_FORGE_STREAM);
	stream::write(summary());
}

static void everything(Request req)
{
	pure();
	messages(req);
	client_facts();
	HAS(path_segment(1), "two words");
	HAS(query::get("q"), "a b");
	CHECK(query::set("q", "c d") && query::get("q") == "c d" && query::unset("drop") == 1);
	CHECK(req.set_url("/other") && req.url() == "/other");
	req.rollback();
	CHECK(req.url().starts_with("/recv/"));
	EQ(backends::count(), 3);
	EQ(backends::index("beta"), 1);
	HAS(backends::state("app"), "1/1");
	CHECK(backends::choose("beta") && !backends::choose("none") && !backends::choose("app", "none"));
	CHECK(req.set_backend(0) && !req.set_backend(7) && req.set_backend("app"));
	stores();
	fetches();
	stored();
	CHECK(!cache_look() && Response::cacheable() && Response::ttl() == 0);
	Response::set_ttl(30_s);
	Response::set_grace(1);
	Response::set_keep(1);
	CHECK(Response::ttl() == 30 && Response::add_tag("conform") && !Response::add_tag("two words"));
	hash_data("key");
	make_uncacheable_for(1);
	CHECK(!Response::cacheable());
	also(FP_SYS_SYNTH);
	synth(200, "text/plain", summary());
}

static void on_recv(Request req)
{
	auto url = req.url();
	if (url.starts_with("/recv/"))
		everything(req);
	if (url == "/forge")
		forge(NotCached, forged);
	if (url == "/stream")
		forge_stream(NotCached, streamed);
	if (url == "/small")
		forge(NotCached, []() { return response(200, "text/plain", "small"); });
	if (url == "/through") {
		Response::set_ttl(1_m);
		decision("lookup", 0);
	}
	if (url == "/error") {
		req.set_backend("dead");
		decision("pass", 0);
	}
	if (url == "/pause")
		pause_for("pass", 0);
	if (url == "/synth")
		decision("synth", 404);
	if (url == "/fail")
		fp_fail("it was asked to");
	int a = 1, b = 2;
	if (url == "/assert")
		EXPECT(a == b);
	if (url == "/exit")
		_exit(0);
}

static void on_synth(Request req, Response resp)
{
	CHECK(resp.is_error() && req.url() == "/synth");
	messages(resp);
	synth(200, "text/plain", summary());
}

int main()
{
	words = new Regex("([a-z]+) ([a-z]+)");
	backward = new Regex("(ab)\\1");
	register_function("backwards", [](const char *, size_t) { return ""; });
	set_on_synth(on_synth);
	set_on_hash([]() { hash_data("through"); });
	set_on_hit([](Request req) { CHECK(!req.url().empty()); });
	set_on_miss([](Request req) { CHECK(!req.url().empty()); });
	set_on_backend_fetch([](Request req) {
		client_facts();
		req.append("X-Conform-Fetch: " + summary());
	});
	set_on_backend_response([](Request, Response resp) {
		messages(resp);
		CHECK(resp.status() == 200 && Response::add_tag("responded"));
		resp.append("X-Conform-Response: " + summary());
	});
	set_on_backend_error([](Request, Response resp) {
		CHECK(resp.is_error());
		messages(resp);
		resp.append("X-Conform-Error: " + summary());
	});
	set_on_deliver([](Request, Response resp) {
		client_facts();
		messages(resp);
		resp.append("X-Conform-Deliver: " + summary());
	});
	try { // the first throw sorts every frame
		throw 1;
	} catch (int) {
	}
	printf("one line\ntwo pieces\n");
	also(FP_SYS_SET_DECISION);
	wait_for_requests(on_recv);
}
