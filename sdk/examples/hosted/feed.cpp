// A tenant that speaks XML. A posted order is read with rapidxml, the library,
// and answered with a receipt; GET /feed/NAME picks one entry of a feed by the
// host's own XML calls, which parse it outside the machine.
#include "api.h"
#include <rapidxml/rapidxml.hpp>

using namespace api;

static const char feed[] =
    "<feed><entry id=\"a\"><title>Pears &amp; plums</title></entry>"
    "<entry id=\"b\"><title>Cherries</title></entry></feed>";

// Adds up the items of an order: <order><item price="3" count="2"/>…</order>.
static response receipt(Request, Response, void *body, size_t n)
{
	std::string text((const char *)body, n); // parsed in place, with a NUL at its end
	rapidxml::xml_document<> order;
	try {
		order.parse<0>(text.data());
	} catch (const rapidxml::parse_error &e) {
		return response(400, "text/plain", format("bad order: {}\n", e.what()));
	}
	int items = 0, sum = 0;
	auto number = [](rapidxml::xml_node<> *item, const char *name) {
		auto *a = item->first_attribute(name);
		return a ? atoi(a->value()) : 1;
	};
	if (auto *root = order.first_node("order"))
		for (auto *item = root->first_node("item"); item; item = item->next_sibling("item"))
			items++, sum += number(item, "price") * number(item, "count");
	return response(200, "application/xml", format("<receipt items=\"{}\" sum=\"{:.2f}\"/>\n", items, double(sum)));
}

static response entry(Request req, Response)
{
	std::string id = req.url().substr(6);
	for (long i = 1; i <= xml::count(feed, "feed/entry"); i++)
		if (xml::get(feed, format("feed/entry[{}]/@id", i)) == id)
			return response(200, "text/plain", *xml::get(feed, format("feed/entry[{}]/title", i)) + "\n");
	return response(404, "application/xml", "<none id=\"" + xml::escape(id) + "\"/>\n");
}

static void on_recv(Request req)
{
	if (req.method() == "POST")
		forge(NotCached, receipt);
	if (req.url().starts_with("/feed/"))
		forge(Cached, entry);
}

int main()
{
	try { // the first throw sorts every frame: here, once, and not in a request
		throw rapidxml::parse_error("none", nullptr);
	} catch (const rapidxml::parse_error &) {
	}
	wait_for_requests(on_recv);
}
