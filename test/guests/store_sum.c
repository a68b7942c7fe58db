/* A counter and a text that live in the storage machine, shown with the call by
   memory and the call by text, and handed over by updates. */
#include "fishplate.h"

#ifndef PART
#define PART "one"
#endif

static struct {
	long sum, moves;
	char text[64];
} state;

/* Adds to the sum, and writes to the caller's stack what it is now. */
long store_add(long delta, long out, long c, long d)
{
	(void)c, (void)d;
	state.sum += delta;
	((long *)out)[0] = state.sum;
	((long *)out)[1] = state.moves;
	return state.sum;
}

/* Spins with the lock held. */
long store_spin(long a, long b, long c, long d)
{
	(void)a, (void)b, (void)c, (void)d;
	for (;;)
		__asm__ volatile("");
}

long store_crash(long a, long b, long c, long d)
{
	(void)b, (void)c, (void)d;
	return *(volatile long *)a = 1;
}

/* Storage that calls into storage is refused. */
long store_again(long a, long out, long c, long d)
{
	struct fp_bytes t = fp_remote_text(0, "x", 1);

	(void)a, (void)c, (void)d;
	((long *)out)[0] = fp_remote(store_again, 0, out, 0, 0);
	((long *)out)[1] = t.size;
	return fp_is_storage();
}

void store_text(const char *data, long n)
{
	long i, k = (long)fp_strlen(state.text);

	for (i = 0; i < n && k + 1 < (long)sizeof(state.text); i++)
		state.text[k++] = data[i];
	state.text[k] = 0;
	fp_storage_return(state.text, (size_t)k);
}

__attribute__((unused)) static void on_live_update(void)
{
#ifdef SPOIL /* hands over what it breaks */
	static long copy[sizeof(state) / sizeof(long)];

	copy[0] = state.sum;
	state.sum = -1000;
	fp_malloc(1 << 16);
	fp_storage_return(copy, sizeof(copy));
#else
	fp_storage_return(&state, sizeof(state));
#endif
}

__attribute__((unused)) static void on_resume_update(const void *data, size_t n)
{
	const char *from = data;
	char *to = (char *)&state;
	size_t i;

#ifdef REFUSE
	fp_fail("not this one");
#endif
	for (i = 0; i < n && i < sizeof(state); i++)
		to[i] = from[i];
	state.moves++;
}

static char *digits(char *p, long n)
{
	char tmp[24];
	int k = 0;

	if (n < 0)
		*p++ = '-', n = -n;
	do
		tmp[k++] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	while (k > 0)
		*p++ = tmp[--k];
	return p;
}

static long out[2]; /* not in sight of the storage: its own lies there */

static void on_recv(int req, int none, const char *arg)
{
	char line[128] = "X-Sum: ", *p = line + 7;
	char url[64];
	long *shown = fp_malloc(16), local[2] = {7, 7};
	struct fp_bytes t;

	(void)none, (void)arg;
	if (fp_get(req, FP_LINE_URL, url, sizeof(url)) < 0)
		return;
	if (fp_has_prefix(url, "/plain"))
		return;
	if (fp_has_prefix(url, "/spin"))
		fp_remote(store_spin, 0, 0, 0, 0);
	if (fp_has_prefix(url, "/crash"))
		fp_remote(store_crash, 16, 0, 0, 0);
	if (fp_has_prefix(url, "/text")) {
		t = fp_remote_text(store_text, url + 5, fp_strlen(url + 5));
		t.data[t.size] = 0;
		fp_synth(200, "text/plain", t.data, (size_t)t.size);
	}
	if (fp_has_prefix(url, "/again")) {
		p = digits(p, fp_remote(store_again, 0, (long)local, 0, 0));
		*p++ = ' ', p = digits(p, local[0]), *p++ = ' ', p = digits(p, local[1]);
	} else if (fp_has_prefix(url, "/heap")) {
		p = digits(p, fp_remote(store_add, 1, (long)shown, 0, 0));
		*p++ = ' ', p = digits(p, shown[0]), *p++ = ' ', p = digits(p, shown[1]);
	} else if (fp_has_prefix(url, "/data")) {
		fp_remote(store_add, 1, (long)out, 0, 0);
		p = digits(p, out[0]);
	} else {
		p = digits(p, fp_remote(store_add, fp_has_prefix(url, "/read") ? 0 : 1, (long)local, 0, 0));
		*p++ = ' ', p = digits(p, local[0]), *p++ = ' ', p = digits(p, local[1]);
	}
	*p = 0;
	fp_append(req, line);
	fp_append(req, "X-Part: " PART);
}

int main(void)
{
	fp_print(fp_is_storage() ? "storage" : "request");
#ifndef FORGET
	fp_register_callback(FP_CALLBACK_ON_LIVE_UPDATE, (void (*)(void))on_live_update);
	fp_register_callback(FP_CALLBACK_ON_RESUME_UPDATE, (void (*)(void))on_resume_update);
#endif
	fp_wait_for_requests(on_recv);
}
