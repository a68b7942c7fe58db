// Greets those who ask for /hello; everything else goes to the server.
#include "api.h"

using namespace api;

// Each request runs in a copy of what main left: what it writes to variables, no
// other request sees.
static void on_recv(Request req, Response, const char *)
{
	if (path() == "/hello")
		synth(200, "text/plain", format("Hello {}\n", query::get("name").value_or("stranger")));
	req += "X-Seen-By: @NAME@";
}

int main()
{
	print("@NAME@ is ready");
	wait_for_requests(on_recv);
}
