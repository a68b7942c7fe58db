// The same as same.c, in C++.
#include "api.h"

using namespace api;

static void on_recv(Request req)
{
	std::string url = req.url();
	if (url.starts_with("/hello"))
		synth(200, "text/plain", "hello\n");
	req.append("X-Asked: " + url);
}

int main() { wait_for_requests(on_recv); }
