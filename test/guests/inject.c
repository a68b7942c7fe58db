/*
 * Tries to put into a message what does not belong there. X-Refused counts how
 * many of its attempts were refused, X-Accepted names the first that was not.
 */
#include "fishplate.h"

static int refused;
static char accepted[64] = "X-Accepted: ";

static void expect_refusal(long result, const char *what)
{
	int n = 12;

	if ((int)result == -1) {
		refused++;
		return;
	}
	while (*what && n < 62)
		accepted[n++] = *what++;
}

#define LINE(s) fp_append_n(req, s, sizeof(s) - 1)

static void on_recv(int req, int none, const char *arg)
{
	char count[] = "X-Refused: 00";
	int mine;

	(void)none, (void)arg;
	expect_refusal(LINE("X-A: b\r\nX-Evil: 1"), "crlf");
	expect_refusal(LINE("X-A: b\nX-Evil: 1"), "lf");
	expect_refusal(LINE("X-A: b\rc"), "cr");
	expect_refusal(LINE("X-A: b\0c"), "nul");
	expect_refusal(LINE("X-A\r\n: b"), "name crlf");
	expect_refusal(LINE("X A: b"), "name space");
	expect_refusal(LINE(": b"), "no name");
	expect_refusal(LINE("no colon"), "no colon");
	expect_refusal(LINE("Content-Length: 5"), "content-length");
	expect_refusal(LINE("transfer-encoding: chunked"), "transfer-encoding");
	expect_refusal(LINE("Connection: close"), "connection");
	expect_refusal(LINE("Host: other.test"), "host");
	expect_refusal(LINE("X-Forwarded-For: 1.2.3.4"), "forwarded");
	expect_refusal(fp_set(req, FP_LINE_METHOD, "GET / HTTP/1.1"), "method");
	expect_refusal(fp_set(req, FP_LINE_METHOD, "CONNECT"), "connect");
	expect_refusal(fp_set(req, FP_LINE_URL, "/a b"), "url space");
	expect_refusal(fp_set(req, FP_LINE_URL, "/a\r\nX-Evil: 1"), "url crlf");
	expect_refusal(fp_set(req, FP_LINE_URL, "/../etc"), "url dots");
	expect_refusal(fp_set(req, FP_LINE_URL, "http://other.test/"), "url absolute");
	expect_refusal(fp_set(req, FP_LINE_PROTOCOL, "HTTP/9.9"), "protocol");
	mine = fp_append(req, "X-Mine: 1");
	expect_refusal(fp_set(req, mine, "X-Mine: 1\r\nX-Evil: 1"), "set crlf");
	expect_refusal(fp_set(req, mine, "Content-Length: 3"), "set content-length");
	expect_refusal(fp_unset(req, fp_find(req, "Host")), "unset host");
	count[11] += (char)(refused / 10);
	count[12] += (char)(refused % 10);
	fp_append(req, count);
	if (accepted[12])
		fp_append(req, accepted);
}

int main(void) { fp_wait_for_requests(on_recv); }
