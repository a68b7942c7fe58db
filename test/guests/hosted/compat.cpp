// The C++ surface that programs for libvmod-riscv are written against: every
// type and function is used here in the ways that it can be.
#include <api.h>
namespace varnish = api;
using namespace varnish;

static Regex digits("[0-9]+");
static int updates;

pub(kept_by_name, int n) { updates += n; }
pubr(int, kept_too)(int n) { return n + updates; }

static std::string failures;
#define CHECK(expr) ((expr) ? (void)0 : (void)(failures += format("line {}: {}\n", __LINE__, #expr)))

static void formats()
{
	CHECK(format("{} {} {}", 1, "two", std::string("three")) == "1 two three");
	CHECK(format("{1}-{0}-{1}", 'a', true) == "true-a-true");
	CHECK(format("{{{}}}", 5u) == "{5}");
	CHECK(format("{:5}|{:<5}|{:^5}|{:>5}", 42, 42, 42, 42) == "   42|42   | 42  |   42");
	CHECK(format("{:5}|{:*^7}|{:.2}", "ab", "ab", "abcd") == "ab   |**ab***|ab");
	CHECK(format("{:05} {:+} {:x} {:#X} {:b} {:#o}", -42, 7, 255, 255, 5, 8) == "-0042 +7 ff 0XFF 101 010");
	CHECK(format("{} {:.2f} {:08.3f} {:e}", 0.1, 2.0 / 3, -1.5, 12345.678) == "0.1 0.67 -001.500 1.234568e+04");
	CHECK(format("{} {} {}", -9223372036854775807ll - 1, ~0ull, 1e100) == "-9223372036854775808 18446744073709551615 1e+100");
	CHECK(format("{:{}}|{:.{}f}", 7, 4, 3.14159, 2) == "   7|3.14");
	CHECK(format("{} {}", nullptr, (void *)16) == "0x0 0x10");
	CHECK(format("{:c} {:d} {:s}", 65, 'A', false) == "A 65 false");
	CHECK(format("{} {}", 1) == "1 {}");
	CHECK(format("{}", Callback::CALLBACK_ON_HIT) == "8");
}

static void messages(Request req)
{
	CHECK(req.method() == "GET" && req.proto() == "HTTP/1.1" && req.name() == HDR_REQ);
	std::string line = "X-Hello: url=" + req.url();
	CHECK(line == "X-Hello: url=" + std::string("/compat?x=12"));
	HeaderField hello = req.append(line);
	CHECK(hello && hello.is_valid() && hello.to_string() == line && hello.value() == "url=/compat?x=12");
	CHECK(digits.good() && digits.match(req.url()) == 1 && digits.match("none") == 0);
	CHECK(digits.replace(req.url(), "<\\0>") == "/compat?x=<12>" && digits.replace("1 2", "n", true) == "n n");
	CHECK(digits.replace(hello, "13") > 0 && hello.value() == "url=/compat?x=13");
	CHECK(hello.regsub(digits, "14") && hello.regsub("compat", "C", true) && hello.value() == "url=/C?x=14");
	CHECK(hello.set("X-Hello: {} {}", "set", 5) && hello.to_string() == "X-Hello: set 5");
	CHECK(hello.set("X-Hello: abcd", 10) && hello.to_string() == "X-Hello: a");
	hello = "X-Hello: assigned";
	CHECK(hello.value() == "assigned" && format("{}", hello) == "X-Hello: assigned");
	CHECK(req["x-hello"].index == hello.index && !req.find("X-Absent") && req["X-Absent"].value() == "");
	req += "X-Other: 1";
	req += hello;
	req.appendf("X-{}: {}", "Formatted", 3);
	CHECK(req["X-Formatted"].value() == "3");
	req["X-Other"] = req["X-Hello"];
	CHECK(!req["X-Other"]);
	HeaderField f = req["X-Formatted"];
	f = req["X-Hello"]; // means another line; nothing is written
	CHECK(req["X-Formatted"] && f.value() == "assigned");
	CHECK(req.foreach([](HeaderField &f) { f.deleted = f.value() == "assigned"; }) >= 5 && !req["X-Hello"]);
	CHECK(req["X-Formatted"].http().name() == HDR_REQ);
	req["X-Formatted"].append_to(req);
	CHECK(req.unset(Regex("^X-Formatted")) == 2);
	req.append("X-Gone: 1");
	CHECK(req["X-Gone"].unset() && !req["X-Gone"]);
	req.append("X-Back: 1");
	req.rollback();
	CHECK(!req["X-Back"]);
	CHECK(!req.append("X-Bad: a\r\nX-Worse: b") && !req.set_url("no target"));
	hash_data("a");
	hash_data(req["Host"]);
	make_uncacheable_for(1.5_m);
	CHECK(30_s == 30 && 2_m == 120 && 1.5_h == 5400 && !is_storage() && !is_debug());
	breakpoint();
	log("a {} of {}", "line", 2);
	print("{{}}");
}

static response one() { return {200, "text/plain", "one"}; }
static response two(Request bereq, Response beresp)
{
	beresp.append(bereq["X-Copied"]);
	beresp.append("X-Two: " + bereq.url());
	beresp.set_cacheable(false);
	beresp.set_ttl(2_m);
	return {201, "text/plain", std::vector<uint8_t>{'t', 'w', 'o'}};
}

static void on_recv(Request req, Response, const char *argument)
{
	const auto url = req.url();
	if (url.starts_with("/compat")) {
		formats();
		messages(req);
		EXPECT(argument != nullptr);
		synth(200, "text/plain", failures.empty() ? "compatible\n" : failures);
	}
	if (url == "/one")
		forge(Cached, one);
	if (url == "/two")
		forge(NotCached, two);
	if (url == "/generic")
		forge(Cached, [](auto bereq, auto) { return response{200, "text/plain", "generic " + bereq.method()}; });
	if (url == "/post")
		forge(NotCached, [](Request, Response, void *body, size_t n) -> response {
			return {200, "text/plain", std::string((char *)body, n) + "!"};
		});
	if (url == "/expect")
		EXPECT(url == "/another");
	if (url == "/pause")
		pause_for("pass");
	if (url == "/status")
		synth(204);
	if (url == "/synth")
		decision("synth", 404);
	if (url == "/raw")
		synth(202, "text/plain", 10, "raw bytes", 9);
}

static void on_synth(Request req, Response resp)
{
	EXPECT(resp.status() == 404 && resp.is_error() && req.url() == "/synth");
	synth(resp.status(), "text/html", "<p>" + req.url() + "</p>", [](Response r) { r.append("X-Synth: yes"); });
}

static void on_deliver(Request req, Response resp)
{
	resp.appendf("X-Delivered: {} {}", req.url(), kept_too(1));
}

static long given;
static serializer on_live_update() { return serializer(given); }
static void on_resume_update(serialized data)
{
	if (!data.copy_to(given) || data.view_as<char[100]>())
		given = -1;
}

int main()
{
	kept_by_name(41);
	set_on_deliver(on_deliver);
	set_on_live_update(on_live_update);
	set_on_resume_update(on_resume_update);
	sys_register_callback(CALLBACK_ON_SYNTH, (void (*)())on_synth);
	print("{} main entered{}\n", is_storage() ? "Storage" : "Request", is_debug() ? " (debug)" : "");
	printf("stdio is told\n");
	wait_for_requests(on_recv);
}
