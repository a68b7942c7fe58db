/* Does what its URL asks for, in its order: each digit is a question to the world
   outside. What it learned decides how it answers. */
#include "fishplate.h"

static char url[512], text[4096], piece[1024];
static size_t used;
static uint64_t sum;
static int word, twice;
static unsigned char seed[8];

static void learn(const void *p, long n)
{
	const unsigned char *b = p;
	long i;

	sum = sum * 31 + (uint64_t)n;
	for (i = 0; i < n; i++)
		sum = sum * 31 + b[i];
}

static void put_hex(uint64_t n)
{
	int i;

	for (i = 60; i >= 0 && used < sizeof(text); i -= 4)
		text[used++] = "0123456789abcdef"[n >> i & 15];
}

static uint64_t ticks(void)
{
	uint64_t t;

	__asm__ volatile("rdtime %0" : "=r"(t));
	return t;
}

static void remember(const char *data, long n) { fp_storage_return(data, (size_t)n); }

static void ask(char what)
{
	struct fp_time now;
	uint64_t t;
	int64_t total;
	long h, n;

	switch (what) {
	case '0': fp_now(&now), learn(&now, sizeof(now)); break;
	case '1': t = fp_monotonic(), learn(&t, sizeof(t)); break;
	case '2': t = ticks(), learn(&t, sizeof(t)); break;
	case '3': fp_random(piece, 24), learn(piece, 24); break;
	case '4': n = fp_kv_add("count", 1, 0, &total), learn(&total, sizeof(total)), learn(&n, sizeof(n)); break;
	case '5': n = fp_kv_set(url, url, 9, 0), learn(&n, sizeof(n)); break;
	case '6': n = fp_kv_get(url, piece, sizeof(piece)), learn(piece, n > 0 ? n : 0), learn(&n, sizeof(n)); break;
	case '7':
		h = fp_fetch("GET", "app", url, 0, 0, 0, 1000);
		learn(&h, sizeof(h));
		if (h < 0)
			break;
		n = fp_fetch_status(fp_fetch_wait(h, 1000)), learn(&n, sizeof(n));
		while ((n = fp_fetch_read(h, piece, sizeof(piece), 1000)) > 0)
			learn(piece, n);
		break;
	case '8': n = fp_cache_get("thing", piece, sizeof(piece)), learn(piece, n > 0 ? n : 0); break;
	case '9': n = fp_cache_put("thing", url, fp_strlen(url), 1000, 0, ""), learn(&n, sizeof(n)); break;
	case 'a': h = fp_match(word, url, fp_strlen(url)), learn(&h, sizeof(h)); break;
	case 'b': h = fp_regex("(a+)+b?[0-9]{2,}"), learn(&h, sizeof(h)); break;
	case 'c': h = fp_regex("(x+)\\1(?=y)"), h = fp_match((int)h, url, fp_strlen(url)), learn(&h, sizeof(h)); break;
	case 'd': n = fp_client_address(piece, sizeof(piece)), learn(piece, n > 0 ? n : 0); break;
	case 'e': n = fp_request_id(piece, sizeof(piece)), learn(piece, n > 0 ? n : 0); break;
	case 'f': n = fp_counter_add("asked", 1), learn(&n, sizeof(n)); break;
	case 'g': n = fp_log_level(1, "g"), learn(&n, sizeof(n)); break;
	case 'h': {
		struct fp_bytes b = fp_remote_text(remember, url, fp_strlen(url));

		learn(b.data, (long)b.size);
		break;
	}
	case 'i': n = fp_log_field("sum", "i"), learn(&n, sizeof(n)); break;
	case 'j': fp_append(twice ? FP_BERESP : FP_REQ, "X-J: j"); break;
	case 'k': /* long enough for several slices */
		for (t = 0; t < (sum & 3) * 300000; t++)
			sum ^= t << 7 ^ sum >> 3;
		break;
	case 'x': *(volatile int *)(8 + (sum & 4)) = 1; break;
	case 'y': for (;;) sum++;
	}
}

static void ask_all(const char *s)
{
	for (; *s; s++)
		ask(*s);
}

static void forged(long arg, const void *body, size_t n)
{
	twice = 1;
	learn(&arg, sizeof(arg)), learn(body, (long)n);
	ask_all(url + 3);
	put_hex(sum);
	fp_append(FP_BERESP, sum & 1 ? "X-Odd: 1" : "X-Even: 1");
	fp_response(200, "text/plain", text, used);
}

static void on_deliver(int req, int resp, const char *arg)
{
	(void)req, (void)arg;
	ask('3'), ask('0');
	used = 0;
	put_hex(sum);
	text[used] = 0;
	fp_field_replace(resp, "X-Sum", text);
}

static void on_recv(int req, int none, const char *arg)
{
	(void)none;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	learn(arg, (long)fp_strlen(arg));
	learn(seed, sizeof(seed));
	if (url[1] != 'f')
		ask_all(url + 3);
	if (url[1] == 's') {
		put_hex(sum);
		fp_synth(200 + (int)(sum & 3), "text/plain", text, used);
	}
	if (url[1] == 'f')
		fp_forge(FP_NOT_CACHED, forged, (long)sum);
	fp_decision(sum & 1 ? "pass" : "lookup", 0);
}

int main(void)
{
	fp_random(seed, sizeof(seed));
	word = fp_regex("[a-f]+[0-9]");
	fp_set_on_deliver(on_deliver);
	fp_wait_for_requests(on_recv);
}
