package http1

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/netio"
)

func TestRequestFacts(t *testing.T) {
	for _, c := range []struct {
		in   string
		want func(r *message.Request) bool
	}{
		{"GET / HTTP/1.1\nHost: a\n\n", func(r *message.Request) bool { return !r.Close && r.Framing == message.NoBody && r.Scheme == "http" }},
		{"GET / HTTP/1.1\nHost: a\nConnection: Close\n\n", func(r *message.Request) bool { return r.Close }},
		{"GET / HTTP/1.0\n\n", func(r *message.Request) bool { return r.Close && r.Minor == 0 && len(r.Host) == 0 }},
		{"GET / HTTP/1.0\nConnection: Keep-Alive\n\n", func(r *message.Request) bool { return !r.Close }},
		{"GET / HTTP/1.1\nHost: [::1]:90\n\n", func(r *message.Request) bool { return string(r.Host) == "[::1]" && r.Port == 90 }},
		{"GET / HTTP/1.1\nHost: A.Test.:\n\n", func(r *message.Request) bool { return string(r.Host) == "a.test" && r.Port == 0 }},
		{"GET http://B.test:8080/x?y HTTP/1.1\nHost: a\n\n", func(r *message.Request) bool {
			v, _ := r.Get("host")
			return string(r.Host) == "b.test" && r.Port == 8080 && string(r.Path) == "/x" && string(r.Query) == "y" && string(v) == "B.test:8080"
		}},
		{"OPTIONS * HTTP/1.1\nHost: a\n\n", func(r *message.Request) bool { return string(r.Path) == "*" }},
		{"OPTIONS http://a HTTP/1.1\nHost: a\n\n", func(r *message.Request) bool { return string(r.Path) == "*" }},
		{"GET http://a?b HTTP/1.1\nHost: a\n\n", func(r *message.Request) bool { return string(r.Path) == "/" && r.HasQuery }},
		{"POST / HTTP/1.1\nHost: a\nExpect: 100-Continue\nContent-Length: 1\n\n", func(r *message.Request) bool { return r.Expect100 && r.Length == 1 }},
		{"POST / HTTP/1.0\nHost: a\nExpect: 100-continue\nContent-Length: 1\n\n", func(r *message.Request) bool { return !r.Expect100 }},
		{"GET / HTTP/1.1\nHost: a\nExpect: 100-continue\n\n", func(r *message.Request) bool { return !r.Expect100 }},
		{"GET / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: websocket\n\n", func(r *message.Request) bool { return string(r.Upgrade) == "websocket" }},
		{"GET / HTTP/1.1\nHost: a\nUpgrade: websocket\n\n", func(r *message.Request) bool { return r.Upgrade == nil }},
	} {
		req := parseRequest(t, strings.ReplaceAll(c.in, "\n", "\r\n"))
		if !c.want(req) {
			t.Errorf("%q: %+v", c.in, req)
		}
	}
}

func TestLimits(t *testing.T) {
	in := "GET /abcdefgh//i HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
	for _, c := range []struct {
		l     Limits
		cause string
	}{
		{Limits{}, "ok"},
		{Limits{TargetBytes: 12}, "ok"},
		{Limits{TargetBytes: 11}, "target-too-long"},
		{Limits{Fields: 1}, "too-many-fields"},
		{Limits{HeadBytes: len(in)}, "ok"},
		{Limits{HeadBytes: len(in) - 1}, "head-too-large"},
		{Limits{Slashes: "refuse"}, "double-slash"},
	} {
		if got := readRequests(&pieces{data: []byte(in)}, c.l); got.Cause != c.cause {
			t.Errorf("%+v: %s, want %s", c.l, got.Cause, c.cause)
		}
	}
}

// sockets returns both ends of a real connection.
func sockets(t *testing.T) (client, server *netio.Conn) {
	t.Helper()
	ctx := context.Background()
	l, err := netio.Listen(ctx, "127.0.0.1:0", netio.ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = netio.Dial(ctx, "tcp", l.Addr().String(), netio.DialOptions{}); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return client, server
}

func TestTimeouts(t *testing.T) {
	for sent, want := range map[string]struct {
		cause  string
		status int
	}{
		"":             {"idle-timeout", 0},
		"GET / HTT":    {"head-timeout", 408},
		"\r\nGET / HT": {"head-timeout", 408},
	} {
		client, server := sockets(t)
		if sent != "" {
			if _, err := client.Write([]byte(sent)); err != nil {
				t.Fatal(err)
			}
			if err := server.WaitRead(); err != nil {
				t.Fatal(err)
			}
		}
		_ = server.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		var r Reader
		r.Init(server, Limits{})
		f := r.ReadRequest(new(message.Request), "http")
		if f == nil || f.Cause != want.cause || f.Status != want.status || !errors.Is(f, os.ErrDeadlineExceeded) || f.Side != message.SideClient {
			t.Errorf("%q: %v", sent, f)
		}
		r.Init(client, Limits{})
		_ = client.SetReadDeadline(time.Now().Add(time.Millisecond))
		if f := r.ReadResponse(new(message.Response), nil); f == nil || f.Status != 504 || f.Side != message.SideOrigin {
			t.Errorf("response: %v", f)
		}
	}
}

// TestIdleHoldsNoBuffer checks that a reader which waits, or has nothing left,
// has given its buffer back, over a socket as over another stream.
func TestIdleHoldsNoBuffer(t *testing.T) {
	var r Reader
	r.Init(&pieces{data: []byte(wrkRequest + wrkRequest)}, Limits{})
	var req message.Request
	for i := range 2 {
		fatal(t, r.ReadRequest(&req, "http"))
		r.Release()
		if holds := r.buf != nil; holds != (i == 0) {
			t.Errorf("after request %d: holds a buffer: %v", i, holds)
		}
	}
	if f := r.ReadRequest(&req, "http"); f == nil || f.Cause != "eof" || r.buf != nil {
		t.Error(f, r.buf != nil)
	}
}

func TestPrefillAndTake(t *testing.T) {
	var r Reader
	r.Init(&pieces{data: []byte("Host: a\r\n\r\nafter")}, Limits{})
	r.Prefill([]byte("GET / HTTP/1.1\r\n"))
	var req message.Request
	fatal(t, r.ReadRequest(&req, "http"))
	if got := string(r.Take()); got != "after" || r.Buffered() != 0 {
		t.Errorf("%q", got)
	}
}

func TestBodyByParts(t *testing.T) {
	body := strings.Repeat("0123456789", 5000)
	var r Reader
	s := &pieces{data: []byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + body + wrkRequest)}
	r.Init(s, Limits{})
	var req message.Request
	fatal(t, r.ReadRequest(&req, "http"))
	b := r.Body(req.Framing, req.Length)
	var got bytes.Buffer
	piece, err := b.Next()
	if err != nil {
		t.Fatal(err)
	}
	got.Write(piece)
	// The rest of the body is taken past the reader, as splice does.
	rest := make([]byte, b.Remaining())
	if _, err := io.ReadFull(s, rest); err != nil || r.Buffered() != 0 {
		t.Fatal(err, r.Buffered())
	}
	got.Write(rest)
	b.Skip(int64(len(rest)))
	if _, err := b.Next(); err != io.EOF || !b.Done() || got.String() != body {
		t.Fatal(err, b.Done(), got.Len())
	}
	if string(req.Path) != "/" {
		t.Error("the head was overwritten")
	}
	fatal(t, r.ReadRequest(&req, "http"))
}

func TestDiscard(t *testing.T) {
	const in = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	for limit, want := range map[int64]bool{5: true, 4: false} {
		var r Reader
		r.Init(&pieces{data: []byte(in)}, Limits{})
		var req message.Request
		fatal(t, r.ReadRequest(&req, "http"))
		if err := r.Body(req.Framing, req.Length).Discard(limit); (err == nil) != want {
			t.Errorf("%d: %v", limit, err)
		}
	}
}

// TestHeadSurvivesBody reads a body of many buffers and looks at the head
// afterwards, with heads small and large.
func TestHeadSurvivesBody(t *testing.T) {
	for _, pad := range []int{10, 9000, 15000, 16300, 20000, 31000} {
		value := strings.Repeat("v", pad)
		in := "POST /here HTTP/1.1\r\nHost: a\r\nX-Pad: " + value + "\r\nTransfer-Encoding: chunked\r\n\r\n" +
			strings.Repeat("1f40\r\n"+strings.Repeat("b", 8000)+"\r\n", 9) + "0\r\nX-T: 1\r\n\r\n" + wrkRequest
		var r Reader
		r.Init(&pieces{data: []byte(in)}, Limits{})
		var req message.Request
		fatal(t, r.ReadRequest(&req, "http"))
		b := r.Body(req.Framing, req.Length)
		n, err := io.Copy(io.Discard, nextReader{b})
		if err != nil || n != 72000 || b.Trailer().Len() != 1 {
			t.Fatal(pad, n, err)
		}
		if v, _ := req.Get("x-pad"); string(v) != value || string(req.Path) != "/here" {
			t.Errorf("%d: the head was overwritten", pad)
		}
		fatal(t, r.ReadRequest(&req, "http"))
		r.Release()
		if r.buf != nil || r.held != nil {
			t.Error("a buffer is left")
		}
	}
}

func TestTrailersThatAreDropped(t *testing.T) {
	in := "5\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 5\r\nHost: b\r\nAuthorization: x\r\nContent-Range: y\r\nSet-Cookie: z\r\nETag: \"e\"\r\n\r\n"
	var r Reader
	r.Init(&pieces{data: []byte(in)}, Limits{})
	b := r.Body(message.Chunked, 0)
	if b.Trailer() != nil {
		t.Error("a trailer before the end")
	}
	if _, err := io.ReadAll(b); err != nil {
		t.Fatal(err)
	}
	var w strings.Builder
	for i := range b.Trailer().Len() {
		w.WriteString(string(b.Trailer().Name(i)) + " ")
	}
	if w.String() != "X-Sum ETag " {
		t.Error(w.String())
	}
}
