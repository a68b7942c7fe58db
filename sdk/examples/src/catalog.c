/* A tenant whose pages are made by the program and kept by the cache: it chooses
   the key, for how long, and the tags to purge by. */
#include "fishplate.h"

static char text[1024];

/* Copies s to the end of text at n and returns the new end. */
static int put(int n, const char *s)
{
	while (*s && n < (int)sizeof(text) - 1)
		text[n++] = *s++;
	text[n] = 0;
	return n;
}

static int put_number(int n, unsigned long v)
{
	char digits[24];
	int k = (int)sizeof(digits) - 1;

	digits[k] = 0;
	do
		digits[--k] = (char)('0' + v % 10);
	while (v /= 10);
	return put(n, digits + k);
}

/* The two letters of the language that the client wants first. */
static void language(int where, char out[3])
{
	char value[128];

	out[0] = 'e', out[1] = 'n', out[2] = 0;
	if (fp_get_value(where, "Accept-Language", value, sizeof(value)) >= 2)
		out[0] = value[0], out[1] = value[1];
}

/* A page is one for each item and language, whatever the query says. */
static void choose_key(int req, const char *item)
{
	char lang[3];

	language(req, lang);
	fp_hash("item/");
	fp_hash(item);
	fp_hash_n("\n", 1);
	fp_hash(lang);
}

/* Cuts a copy of the URL at its query, and returns what follows the prefix. */
static const char *item_of(char *url, const char *prefix)
{
	char *p = url;

	while (*p && *p != '?')
		p++;
	*p = 0;
	return url + fp_strlen(prefix);
}

/* Makes the page of an item, and says how long it lasts. */
static void page(long arg, const void *body, size_t len)
{
	char url[256], stamp[64], lang[3];
	const char *item;
	int n;

	(void)arg, (void)body, (void)len;
	if (fp_get(FP_BEREQ, FP_LINE_URL, url, sizeof(url)) < 0)
		fp_response(414, "text/plain", 0, 0);
	item = item_of(url, "/item/");
	language(FP_BEREQ, lang);
	if (fp_get_value(FP_BEREQ, "X-Stamp", stamp, sizeof(stamp)) < 0)
		stamp[0] = 0;
	fp_cache_grace(10 * 1000);
	fp_cache_keep(600 * 1000);
	fp_cache_tag("catalog");
	put(put(0, "item-"), item);
	fp_cache_tag(text);
	fp_append(FP_BERESP, "ETag: \"first\"");
	n = put(0, "item ");
	n = put(n, item);
	n = put(put(n, " in "), lang);
	n = put(put(n, ", made for "), stamp);
	n = put(n, "\n");
	fp_response(200, "text/plain", text, (size_t)n);
}

/* The same, but the fields of the answer say how long. */
static void fields(long arg, const void *body, size_t len)
{
	char stamp[64];

	(void)body, (void)len;
	if (arg)
		fp_uncacheable(arg);
	if (fp_get_value(FP_BEREQ, "X-Stamp", stamp, sizeof(stamp)) < 0)
		stamp[0] = 0;
	fp_append(FP_BERESP, "Cache-Control: max-age=60");
	fp_append(FP_BERESP, "Surrogate-Key: fields");
	fp_response(200, "text/plain", stamp, fp_strlen(stamp));
}

/* Tells what the cache has of an item, without making it. */
static void peek(void)
{
	struct fp_cached have;
	int n;

	if (!fp_cache_look(&have))
		fp_synth(404, "text/plain", "not there\n", 10);
	n = put_number(put(0, "status "), have.status);
	n = put_number(put(n, ", age "), have.age);
	n = put_number(put(n, " ms, size "), (unsigned long)have.size);
	n = put(n, "\n");
	fp_synth(200, "text/plain", text, (size_t)n);
}

static void on_recv(int req, int none, const char *arg)
{
	char url[256];

	(void)none, (void)arg;
	if (fp_get(req, FP_LINE_URL, url, sizeof(url)) < 0)
		fp_decision("synth", 414);
	if (fp_has_prefix(url, "/item/")) {
		choose_key(req, item_of(url, "/item/"));
		fp_cache_ttl(60 * 1000);
		fp_forge(FP_CACHED, page, 0);
	}
	if (fp_has_prefix(url, "/peek/")) {
		choose_key(req, item_of(url, "/peek/"));
		peek();
	}
	if (fp_has_prefix(url, "/look")) /* by the URL, as a cache does */
		peek();
	if (fp_has_prefix(url, "/fields"))
		fp_forge(FP_CACHED, fields, 0);
	if (fp_has_prefix(url, "/rolling")) { /* made anew all the time, and nobody waits for it */
		fp_cache_ttl(1);
		fp_cache_grace(60 * 1000);
		fp_forge(FP_CACHED, fields, 0);
	}
	if (fp_has_prefix(url, "/never"))
		fp_forge(FP_CACHED, fields, 1000);
	if (fp_has_prefix(url, "/admin"))
		fp_decision("pass", 0);
	/* Whatever a server answers to this one is kept for half a minute. */
	if (fp_has_prefix(url, "/news")) {
		fp_cache_ttl(30 * 1000);
		fp_cache_tag("news");
		fp_decision("lookup", 0);
	}
}

int main(void)
{
	if (FP_CALL1(FP_SYS_REVISION, -1) < 2)
		fp_print("catalog: this host keeps nothing");
	fp_wait_for_requests(on_recv);
}
