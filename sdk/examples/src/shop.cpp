// A shop's tenant: it chooses a backend by field and cookie, answers its API
// itself, and looks at every response on its way out. Freestanding, so that the
// program stays small.
#include "api.h"

using namespace api;

// has_cookie looks for "name=value" in the Cookie field.
static bool has_cookie(Request req, Text pair)
{
	Buffer<1024> cookies;
	return req.value("Cookie", cookies) && cookies.view().find(pair) != Text::npos;
}

static long hits;

static response product(Request req, Response resp)
{
	Buffer<256> url, json;
	req.url().read(url);
	Text path = url.view().substr(0, url.view().find("?"));
	Text id = path.substr(Text("/api/product/").size());
	hits++; // starts from what main left, in every request
	resp += "Cache-Control: max-age=60";
	json += "{\"product\":\"";
	json += id;
	json += "\",\"price\":";
	json += 10 * long(id.size()) + hits;
	json += "}\n";
	response(200, "application/json", json);
}

static response echo(Request, Response resp, void *body, size_t n)
{
	resp += "X-Echo: yes";
	response(n ? 200 : 400, "application/octet-stream", Text((const char *)body, n));
}

static void on_recv(Request req, Response, const char *argument)
{
	Buffer<256> url;
	if (!req.url().read(url))
		decision("synth", 414);
	if (Text(argument) == "closed")
		synth(503, "text/html", "<h1>The shop is closed.</h1>\n");
	if (url.view().starts_with("/api/product/"))
		forge(Cached, product);
	if (url.view().starts_with("/api/echo"))
		forge(NotCached, echo);
	if (url.view().starts_with("/admin"))
		decision("synth", 403);
	// Fields of the shop's own never come from outside.
	req.foreach([](HeaderField &f) {
		Buffer<512> line;
		f.deleted = f.read(line) && line.view().starts_with("X-Shop-");
	});
	if (has_cookie(req, "beta=1") || req.find("X-Beta")) {
		req.set_backend(1);
		req += "X-Shop-Group: beta";
	} else {
		req += "X-Shop-Group: all";
	}
	if (req.find("Authorization"))
		decision("pass", 0);
}

static void on_deliver(Request, Response resp)
{
	resp += "X-Shop: open";
	if (HeaderField f = resp["Server"])
		f.unset();
	if (resp.status() == 418)
		resp.set_status(404);
}

static void on_synth(Request, Response resp)
{
	resp += "X-Shop: synth";
	if (resp.status() == 403)
		synth(403, "text/plain", "Staff only.\n");
}

int main()
{
	hits = 1;
	print("the shop opens");
	set_on_deliver(on_deliver);
	set_on_synth(on_synth);
	wait_for_requests(on_recv);
}
