package http1

import (
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
)

func parseRequest(t *testing.T, text string) *message.Request {
	t.Helper()
	var r Reader
	var req message.Request
	r.Init(&pieces{data: []byte(text)}, Limits{})
	if f := r.ReadRequest(&req, "http"); f != nil {
		t.Fatal(f)
	}
	return &req
}

func parseResponse(t *testing.T, text, method string) *message.Response {
	t.Helper()
	var r Reader
	var resp message.Response
	r.Init(&pieces{data: []byte(text)}, Limits{})
	if f := r.ReadResponse(&resp, []byte(method)); f != nil {
		t.Fatal(f)
	}
	return &resp
}

func TestAppendRequestHead(t *testing.T) {
	for name, c := range map[string]struct {
		in, want string
		o        ForwardOptions
	}{
		"plain":                 {"GET /a HTTP/1.1\nHost: A.test\nX: y\n\n", "GET /a HTTP/1.1\nHost: a.test\nX: y\n\n", ForwardOptions{}},
		"normal form and query": {"GET /a/../%41?b HTTP/1.1\nHost: a\n\n", "GET /A?b HTTP/1.1\nHost: a\n\n", ForwardOptions{}},
		"empty query":           {"GET /? HTTP/1.1\nHost: a\n\n", "GET /? HTTP/1.1\nHost: a\n\n", ForwardOptions{}},
		"absolute form wins": {"GET http://B.test:81/x HTTP/1.1\nX: 1\nHost: a.test\n\n",
			"GET /x HTTP/1.1\nHost: b.test:81\nX: 1\n\n", ForwardOptions{}},
		"host option": {"GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\nHost: origin:8080\n\n", ForwardOptions{Host: []byte("origin:8080")}},
		"hop by hop": {"GET / HTTP/1.1\nHost: a\nConnection: keep-alive, X-Hop, x-forwarded-for\nKeep-Alive: 5\nX-Hop: 1\nX-Forwarded-For: c\n" +
			"Proxy-Connection: close\nTE: trailers\nUpgrade: h2c\nProxy-Authorization: x\nX-End: 2\nx-hop: 3\n\n",
			"GET / HTTP/1.1\nHost: a\nX-Forwarded-For: c\nX-End: 2\n\n", ForwardOptions{}},
		"framing by another name": {"POST / HTTP/1.1\nHost: a\nTransfer_Encoding: chunked\nContent_Length: 3\ncontent_type: x\nContent-Length: 5\n\n",
			"POST / HTTP/1.1\nHost: a\ncontent_type: x\nContent-Length: 5\n\n", ForwardOptions{}},
		"length":  {"POST / HTTP/1.1\nContent-Length: 005\nHost: a\nContent-Length: 5\n\n", "POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\n", ForwardOptions{}},
		"chunked": {"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: Chunked\n\n", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n", ForwardOptions{}},
		"length sent chunked": {"POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\n",
			"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n", ForwardOptions{Chunked: true}},
		"expect is the caller's": {"POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 5\n\n",
			"POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\n", ForwardOptions{}},
		"expect": {"POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 5\n\n",
			"POST / HTTP/1.1\nHost: a\nContent-Length: 5\nExpect: 100-continue\n\n", ForwardOptions{Expect: true}},
		"upgrade": {"GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\n\n",
			"GET / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: websocket\n\n", ForwardOptions{Upgrade: true}},
		"close and te": {"GET / HTTP/1.0\nHost: a\n\n", "GET / HTTP/1.1\nHost: a\nConnection: close, TE\nTE: trailers\n\n",
			ForwardOptions{Close: true, TE: true}},
	} {
		req := parseRequest(t, strings.ReplaceAll(c.in, "\n", "\r\n"))
		for range 2 { // a retry writes the same
			got := string(AppendRequestHead([]byte("kept"), req, c.o))
			if want := "kept" + strings.ReplaceAll(c.want, "\n", "\r\n"); got != want {
				t.Errorf("%s: got\n%q, want\n%q", name, got, want)
			}
		}
	}
}

func TestAppendResponseHead(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const date = "Date: Fri, 02 Jan 2026 03:04:05 GMT\n"
	for name, c := range map[string]struct {
		in, want string
		o        ReplyOptions
	}{
		"length": {"HTTP/1.1 200 Fine\nX: y\nContent-Length: 5\n\n", "HTTP/1.1 200 Fine\nX: y\n" + date + "Content-Length: 5\n\n",
			ReplyOptions{Framing: message.Length, Length: 5, Minor: 1}},
		"own date":  {"HTTP/1.1 200 OK\nDate: then\n\n", "HTTP/1.1 200 OK\nDate: then\nTransfer-Encoding: chunked\n\n", ReplyOptions{Framing: message.Chunked, Minor: 1}},
		"no reason": {"HTTP/1.1 404\n\n", "HTTP/1.1 404 Not Found\n" + date + "Content-Length: 0\n\n", ReplyOptions{Minor: 1}},
		"until end": {"HTTP/1.0 200 OK\n\n", "HTTP/1.1 200 OK\n" + date + "Connection: close\n\n", ReplyOptions{Framing: message.UntilEnd, Close: true}},
		"1.0 keep-alive": {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 200 OK\n" + date + "Content-Length: 0\nConnection: keep-alive\n\n",
			ReplyOptions{Framing: message.Length}},
		"head": {"HTTP/1.1 200 OK\nContent-Length: 9\n\n", "HTTP/1.1 200 OK\nContent-Length: 9\n" + date + "\n", ReplyOptions{HeadOnly: true, Minor: 1}},
		"204":  {"HTTP/1.1 204 No Content\nContent-Length: 0\n\n", "HTTP/1.1 204 No Content\n" + date + "\n", ReplyOptions{Minor: 1}},
		"103":  {"HTTP/1.1 103 Early Hints\nLink: x\n\n", "HTTP/1.1 103 Early Hints\nLink: x\n\n", ReplyOptions{Minor: 1, Close: true}},
		"101": {"HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\n",
			"HTTP/1.1 101 Switching Protocols\nConnection: upgrade\nUpgrade: websocket\n\n", ReplyOptions{Minor: 1}},
		"hop by hop": {"HTTP/1.1 200 OK\nConnection: X-Hop, close\nX-Hop: 1\nKeep-Alive: 2\nProxy-Authenticate: x\nTransfer-Encoding: chunked\n\n",
			"HTTP/1.1 200 OK\n" + date + "Transfer-Encoding: chunked\n\n", ReplyOptions{Framing: message.Chunked, Minor: 1}},
	} {
		method := "GET"
		if c.o.HeadOnly {
			method = "HEAD"
		}
		c.o.Now = now
		resp := parseResponse(t, strings.ReplaceAll(c.in, "\n", "\r\n"), method)
		if got, want := string(AppendResponseHead(nil, resp, c.o)), strings.ReplaceAll(c.want, "\n", "\r\n"); got != want {
			t.Errorf("%s: got\n%q, want\n%q", name, got, want)
		}
	}
}

func TestAppendChunk(t *testing.T) {
	var trailer message.Header
	trailer.Add("X-Sum", "1")
	got := string(AppendLastChunk(AppendChunk(AppendChunk(nil, []byte("hello, world, hi")), nil), &trailer))
	if got != "10\r\nhello, world, hi\r\n0\r\nX-Sum: 1\r\n\r\n" {
		t.Errorf("%q", got)
	}
}
