// The names and types of libvmod-riscv's header that compat.cpp does not use:
// this file compiles, links and starts, and that is all that it proves.
#include <api.h>
using namespace api;

static_assert(NotCached == 0 && Cached == 1 && HDR_REQ == 0 && HDR_BERESP == 5);
static_assert(sizeof(HeaderField) == 12 && sizeof(Request) == sizeof(int) && sizeof(Response) == sizeof(int));

static response shortest() { return {200, "text/plain", std::string_view("x")}; }

// Every way to end a call, none of which is taken.
static void endings(int way)
{
	switch (way) {
	case 1: decision("hash"); break;
	case 2: decision("synth", 404); break;
	case 3: pause_for("hash"); break;
	case 4: pause_for("hash", 5); break;
	case 5: forge(Cached, shortest); break;
	case 6: kvm_compute(NotCached, "x"); break;
	case 7: synth(404); break;
	case 8: synth(200, "text/plain", std::string("x")); break;
	case 9: fast_exit(); break;
	}
}

static void messages(HTTP_Req req, HTTP_Resp resp)
{
	ban("obj.http.X-Build == {}", 41);
	req.set_backend(1);
	HTTP_Resp::set_cacheable(resp.cacheable());
	resp.set_ttl(resp.ttl() + 1.5f);
	resp.set_status(resp.reason() == "OK" ? 200 : resp.status());
	HTTP any{HDR_BEREQ};
	req.find("X-A").append_to(any);
	any["X-A"].set(any["X-B"]);
	std::string text(64, 0);
	long n = sys_field_retrieve(HDR_REQ, 0, text.data(), text.size());
	n += sys_field_retrieve_str(HDR_REQ, 0, &text);
	n += sys_field_set(HDR_REQ, 0, text.data(), text.size());
	n += sys_field_append(HDR_REQ, text.data(), text.size());
	endings(Regex("[a-z]").index() + int(n));
}

static void only_request(Request req) { messages(req, Response(HDR_RESP)); }
static void both(Request, Response) {}
static void with_argument(Request, Response, const char *) {}
static serializer nothing() { return {}; }
static serializer bytes() { return {"text", 4}; }

int main(int argc, char **)
{
	set_on_deliver(both);
	set_on_deliver(with_argument);
	sys_register_callback(CALLBACK_ON_LIVE_UPDATE, (void (*)())nothing);
	sys_register_callback(CALLBACK_ON_LIVE_UPDATE, (void (*)())bytes);
	void (*const trampolines[])() = {(void (*)())backend_trampoline, (void (*)())backend_trampoline_post};
	if (argc > 100 && trampolines[0] != trampolines[1])
		wait_for_requests(with_argument);
	wait_for_requests(only_request);
}
