// A static glibc and libstdc++ program: strings, containers, exceptions.
#define FP_START
#include "api.h"
#include <map>
#include <stdexcept>

using namespace api;

static std::map<std::string, int> table;
static const Regex *digits;

struct Constructed {
	int n;
	Constructed() : n(41) {}
} static constructed;

static response page(Request, Response resp)
{
	resp += "X-Hosted: yes";
	std::string body;
	for (auto &[k, v] : table)
		body += k + "=" + std::to_string(v) + ";";
	response(200, "text/plain", body);
}

static void on_recv(Request req)
{
	std::string url = req.url().to_string();
	try {
		if (url.find("/throw") == 0)
			throw std::runtime_error("thrown " + url);
	} catch (const std::exception &e) {
		req += "X-Caught: " + std::string(e.what());
	}
	if (digits->match(url))
		req += "X-Digits: " + digits->replace(url, "<\\0>", true);
	table["url"] = int(url.size());
	if (url == "/page")
		forge(NotCached, page);
	if (url == "/abort")
		abort();
	req += "X-Agent: " + req["User-Agent"].value();
}

int main()
{
	table["answer"] = constructed.n + 1;
	digits = new Regex("[0-9]+");
	print("{} {}", "ready", constructed.n);
	wait_for_requests(on_recv);
}
