/* Asks others and sends bodies by pieces, one way for each path. */
#include "fishplate.h"

static char url[256], text[32768], piece[65536];
static size_t used;
static volatile int *volatile nowhere = (int *)16;

static void put(const char *s)
{
	while (*s && used < sizeof(text))
		text[used++] = *s++;
}

static void put_n(const char *s, long n)
{
	while (n-- > 0 && used < sizeof(text))
		text[used++] = *s++;
}

static void put_int(long n)
{
	char digits[24];
	int at = sizeof(digits);
	unsigned long u = n < 0 ? -(unsigned long)n : (unsigned long)n;

	do
		digits[--at] = (char)('0' + u % 10);
	while (u /= 10);
	if (n < 0)
		digits[--at] = '-';
	put_n(digits + at, (long)sizeof(digits) - at);
}

static void line(const char *what, long n)
{
	put(what);
	put(" ");
	put_int(n);
	put("\n");
}

/* A result and, when it is an error, why. */
static void line_why(const char *what, long n)
{
	long got;

	line(what, n);
	if (n < 0 && (got = fp_error_text(piece, sizeof(piece))) > 0)
		used--, put(": "), put_n(piece, got), put("\n");
}

static void done(void) { fp_response(200, "text/plain", text, used); }

static long ask(const char *backend, const char *target, long ms) { return fp_fetch("GET", backend, target, 0, 0, 0, ms); }

/* The body of an answer, behind its status. */
static void tell(long handle)
{
	long n;

	put_int(fp_fetch_status(handle));
	put(" ");
	while ((n = fp_fetch_read(handle, piece, sizeof(piece), -1)) > 0)
		put_n(piece, n);
	if (n < 0)
		line("broke", n);
}

static long many(long n)
{
	char target[] = "/part/0";
	long handle[8], i;

	for (i = 0; i < n; i++) {
		target[6] = (char)('0' + i);
		handle[i] = ask("app", target, 20000);
	}
	for (i = 0; i < n; i++) {
		fp_fetch_wait(handle[i], -1);
		tell(handle[i]);
		put("\n");
	}
	return n;
}

static void any(void)
{
	long handle;

	ask("app", "/part/a", 20000), ask("app", "/part/b", 20000);
	while ((handle = fp_fetch_wait(FP_FETCH_ANY, -1)) >= 0) {
		tell(handle);
		put("\n");
		fp_fetch_close(handle);
	}
	line("end", handle);
}

static void limit(void)
{
	long i, last = 0, begun = 0;

	for (i = 0; i < 100; i++) {
		last = ask("app", "/part/1", 0);
		begun += last >= 0;
	}
	line("begun", begun), line("last", last);
}

static void bad(void)
{
	line("method", fp_fetch("CONNECT", "app", "/", 0, 0, 0, 0));
	line("token", fp_fetch("G T", "app", "/", 0, 0, 0, 0));
	line("url", fp_fetch("GET", "app", "part", 0, 0, 0, 0));
	line("space", fp_fetch("GET", "app", "/a b", 0, 0, 0, 0));
	line("dots", fp_fetch("GET", "app", "/../..", 0, 0, 0, 0));
	line("host", fp_fetch("GET", "app", "http://a b/", 0, 0, 0, 0));
	line("scheme", fp_fetch("GET", "app", "ftp://a/", 0, 0, 0, 0));
	line("return", fp_fetch("GET", "app", "/", "X: a\rY: b\n", 0, 0, 0));
	line("framing", fp_fetch("GET", "app", "/", "Content-Length: 5\n", 0, 0, 0));
	line("coding", fp_fetch("GET", "app", "/", "Transfer-Encoding: chunked\n", 0, 0, 0));
	line("hop", fp_fetch("GET", "app", "/", "Connection: close\n", 0, 0, 0));
	line("colon", fp_fetch("GET", "app", "/", "nothing\n", 0, 0, 0));
	line("other", ask("other", "/", 0));
	line("nobody", ask("nobody", "/", 0));
	line("wait", fp_fetch_wait(7, 0));
	line("any", fp_fetch_wait(FP_FETCH_ANY, 0));
	line("status", fp_fetch_status(-5));
	line("read", fp_fetch_read(1 << 20, piece, 10, 0));
	line("close", fp_fetch_close(0));
	line("field", fp_fetch_field(0, "A", piece, 10));
	line("begin", fp_response_begin(200, "text/plain"));
	line("write", fp_body_write("x", 1));
	line("take", fp_body_read(piece, 10, 0));
	line("length", fp_body_length());
}

static void forged(long arg, const void *body, size_t n)
{
	long handle;

	(void)arg;
	used = 0;
	fp_get(FP_BEREQ, FP_LINE_URL, url, sizeof(url)); /* a machine of its own */
	if (fp_has_prefix(url, "/many"))
		many(3);
	else if (fp_has_prefix(url, "/any"))
		any();
	else if (fp_has_prefix(url, "/limit"))
		limit();
	else if (fp_has_prefix(url, "/bad"))
		bad();
	else if (fp_has_prefix(url, "/slow")) {
		handle = ask("app", "/hang", 100);
		line("wait", fp_fetch_wait(handle, 10));
		line("wait", fp_fetch_wait(handle, -1));
		line("status", fp_fetch_status(handle));
		line("read", fp_fetch_read(handle, piece, 10, -1));
	} else if (fp_has_prefix(url, "/gone")) {
		handle = ask("app", "/close", 5000);
		line("wait", fp_fetch_wait(handle, -1));
		line("status", fp_fetch_status(handle));
	} else if (fp_has_prefix(url, "/half")) {
		handle = ask("app", "/half", 5000);
		line("wait", fp_fetch_wait(handle, -1));
		tell(handle);
	} else if (fp_has_prefix(url, "/why")) {
		line_why("other", ask("other", "/", 0));
		line_why("gone", fp_fetch_wait(ask("app", "/close", 20000), -1));
		line_why("slow", fp_fetch_wait(ask("app", "/hang", 50), -1));
		line_why("half", (handle = fp_fetch_wait(ask("app", "/half", 20000), -1)) < 0 ? handle : 0);
		while ((handle = fp_fetch_read(2, piece, sizeof(piece), -1)) > 0)
			;
		line_why("read", handle);
		line_why("stay", fp_fetch_wait(ask("app", "/hang", 20000), 10));
		for (n = 0; n < 4; n++)
			ask("app", "/stamp", 20000);
		line_why("more", ask("app", "/stamp", 20000));
	} else if (fp_has_prefix(url, "/stay")) {
		handle = ask("app", fp_has_prefix(url, "/stay/read") ? "/drip" : "/hang", 3600000);
		if (fp_has_prefix(url, "/stay/read"))
			tell(handle);
		line("wait", fp_fetch_wait(handle, -1));
	} else if (fp_has_prefix(url, "/leave")) {
		line("left", ask("app", "/hang", 60000));
	} else if (fp_has_prefix(url, "/self")) {
		handle = ask(0, "/many", 20000);
		line("wait", fp_fetch_wait(handle, -1));
		tell(handle);
	} else if (fp_has_prefix(url, "/loop")) {
		handle = ask(0, "/loop", 20000);
		if (handle < 0) {
			line_why("refused", handle);
			fp_response(503, "text/plain", text, used);
		}
		fp_fetch_wait(handle, -1);
		put("(");
		tell(handle);
		put(")");
	} else if (fp_has_prefix(url, "/post")) {
		handle = fp_fetch("POST", "app", "http://Other.Test:81/post?a=b", "X-Given: yes\n", body, n, 5000);
		line("wait", fp_fetch_wait(handle, -1));
		line("field", n = fp_fetch_field(handle, "x-told", piece, sizeof(piece)));
		put_n(piece, n);
		put("\n");
		tell(handle);
		put_n(piece, fp_fetch_headers(handle, piece, sizeof(piece)));
	}
	done();
}

/* The head and the first bytes of an answer that will not end well. */
static void begun(void)
{
	fp_response_begin(200, "text/plain");
	fp_body_write("some\n", 5);
}

/* The answers by pieces. */
static void streamed(long arg, const void *none, size_t n)
{
	long handle, got, total = 0;

	(void)arg, (void)none, (void)n;
	used = 0;
	fp_get(FP_BEREQ, FP_LINE_URL, url, sizeof(url));
	if (fp_has_prefix(url, "/s/through")) {
		handle = ask("app", "/big", 600000);
		if (fp_fetch_wait(handle, -1) != handle)
			fp_response(502, "text/plain", "none\n", 5);
		fp_append(FP_BERESP, "X-Streamed: yes");
		fp_response_begin(200, "application/octet-stream");
		while ((got = fp_fetch_read(handle, piece, sizeof(piece), -1)) > 0)
			if (fp_body_write(piece, (size_t)got) != got)
				return;
		if (got < 0)
			fp_fail("the other side broke off");
		return;
	}
	if (fp_has_prefix(url, "/s/count")) {
		unsigned long sum = 0;
		while ((got = fp_body_read(piece, sizeof(piece), -1)) > 0) {
			total += got;
			sum = sum * 31 + (unsigned char)piece[0] + (unsigned char)piece[got - 1];
		}
		line("length", fp_body_length()), line("total", total), line("end", got);
		(void)sum;
		done();
	}
	if (fp_has_prefix(url, "/s/echo")) {
		fp_response_begin(200, "text/plain");
		line("again", fp_response_begin(200, "text/plain"));
		while ((got = fp_body_read(piece, sizeof(piece), -1)) > 0)
			fp_body_write(piece, (size_t)got);
		if (got < 0)
			fp_fail("the client broke off");
		fp_body_write(text, used);
		return;
	}
	if (fp_has_prefix(url, "/s/abort")) {
		begun();
		*nowhere = 1;
	}
	if (fp_has_prefix(url, "/s/spin")) {
		begun();
		for (;;)
			total++, *(volatile long *)piece = total;
	}
	if (fp_has_prefix(url, "/s/hog")) {
		begun();
		for (char *p = (char *)FP_CALL1(FP_NATIVE_MALLOC, 500ul << 20);; p += 4096)
			*(volatile char *)p = 1;
	}
	if (fp_has_prefix(url, "/s/exit")) {
		begun();
		FP_CALL1(FP_LINUX_EXIT_GROUP, 3);
	}
	/* What the other side does not give, the client must not miss. */
	if (fp_has_prefix(url, "/s/half") || fp_has_prefix(url, "/s/late")) {
		begun();
		handle = ask("app", fp_has_prefix(url, "/s/half") ? "/half" : "/drip", 300);
		while ((got = fp_fetch_read(handle, piece, sizeof(piece), -1)) > 0)
			fp_body_write(piece, (size_t)got);
		if (got < 0)
			fp_fail(got == FP_E_TIME ? "the other side was too slow" : "the other side broke off");
		return;
	}
	if (fp_has_prefix(url, "/s/declared") || fp_has_prefix(url, "/s/short")) {
		FP_CALL5(FP_SYS_RESPONSE_BEGIN, 200, "text/plain", 10, 1, 10);
		got = fp_body_write("01234567890", 11);
		fp_body_write("01234", 5);
		if (fp_has_prefix(url, "/s/declared") && got == FP_E_LIMIT)
			fp_body_write("56789", 5);
		return;
	}
	if (fp_has_prefix(url, "/s/empty")) {
		fp_response_begin(204, "");
		line("dropped", fp_body_write("x", 1));
		return;
	}
	if (fp_has_prefix(url, "/s/cached/not")) {
		fp_cache_ttl(60000);
		begun();
		*nowhere = 1;
	}
	if (fp_has_prefix(url, "/s/cached")) {
		handle = ask("app", "/stamp", 20000);
		fp_cache_ttl(60000);
		fp_append(FP_BERESP, "ETag: \"one\"");
		fp_response_begin(200, "text/plain");
		fp_body_write("stamp ", 6);
		while ((got = fp_fetch_read(handle, piece, sizeof(piece), -1)) > 0)
			fp_body_write(piece, (size_t)got);
		fp_body_write("\n", 1);
		return;
	}
	if (fp_has_prefix(url, "/s/endless")) {
		fp_response_begin(200, "text/plain");
		while (fp_body_write(piece, sizeof(piece)) > 0)
			;
		fp_log("the client left");
		return;
	}
	put("not begun\n");
	done();
}

static void on_recv(int req, int none, const char *arg)
{
	(void)none, (void)arg;
	fp_get(req, FP_LINE_URL, url, sizeof(url));
	if (fp_has_prefix(url, "/part"))
		fp_decision("pass", 0);
	if (fp_has_prefix(url, "/recv")) {
		many(2);
		line("take", fp_body_read(piece, 10, 0));
		fp_synth(200, "text/plain", text, used);
	}
	if (fp_has_prefix(url, "/s/"))
		fp_forge_stream(fp_has_prefix(url, "/s/cached"), streamed, 0);
	fp_forge(FP_NOT_CACHED, forged, 0);
}

int main(void) { fp_wait_for_requests(on_recv); }
