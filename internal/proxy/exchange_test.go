package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// expr parses an expression as the configuration room does.
func expr(t testing.TB, text string) model.Expr {
	t.Helper()
	node, diags := hclsyntax.ParseExpression([]byte(text), "test", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return model.Expr{Text: text, Node: node}
}

func quoted(t testing.TB, text string) model.Expr { return expr(t, fmt.Sprintf("%q", text)) }

func TestStepsAreThoseOfMetrics(t *testing.T) {
	for i, name := range metrics.Steps() {
		if step(i).String() != name {
			t.Errorf("step %d is %q here and %q in metrics", i, step(i), name)
		}
	}
}

func TestPipelinedInOrder(t *testing.T) {
	o := newOrigin(t, func(c *client) {
		for {
			head, ok := c.request()
			if !ok {
				return
			}
			path := strings.Fields(head)[1]
			fmt.Fprintf(c.Conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(path), path)
		}
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i)
	}
	c.send(b.String())
	for i := range 50 {
		if _, body := c.answer(); body != fmt.Sprintf("/%d", i) {
			t.Fatalf("answer %d is %q", i, body)
		}
	}
}

// TestForwarded checks the head that the origin gets, byte by byte.
func TestForwardedHead(t *testing.T) {
	got := make(chan string, 1)
	o := newOrigin(t, func(c *client) {
		head, _ := c.request()
		got <- head
		io.WriteString(c.Conn, hello)
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	c.send("GET http://Example.COM/a/../b/%7e?q HTTP/1.1\r\nHost: other\r\nConnection: x-hop, close\r\nX-Hop: 1\r\nX-Forwarded-For: 9.9.9.9\r\nX-Stay: 2\r\nTE: trailers\r\n\r\n")
	head := c.head()
	if !strings.Contains(head, "Connection: close\r\n") || !strings.Contains(head, "Via: 1.1 fishplate\r\n") {
		t.Errorf("answer %q", head)
	}
	want := "GET /b/~?q HTTP/1.1\r\nHost: example.com\r\nX-Stay: 2\r\nX-Forwarded-For: 127.0.0.1\r\n" +
		"X-Forwarded-Proto: http\r\nX-Forwarded-Host: Example.COM\r\nVia: 1.1 fishplate\r\n\r\n"
	if head := <-got; head != want {
		t.Errorf("the origin got\n%q\nwant\n%q", head, want)
	}
}

// TestBodies sends and receives bodies of every framing and several sizes.
func TestBodies(t *testing.T) {
	o := newOrigin(t, echoBodies)
	r := newRig(t, base(o.addr))
	for _, size := range []int{0, 1, 100, 16 << 10, 100 << 10, 3 << 20} {
		for _, up := range []string{"length", "chunked"} {
			for _, down := range []string{"length", "chunked", "close"} {
				t.Run(fmt.Sprintf("%d/%s/%s", size, up, down), func(t *testing.T) {
					c := r.dial()
					body := strings.Repeat("0123456789abcdef", size/16+1)[:size]
					go func() {
						fmt.Fprintf(c.Conn, "POST /%s HTTP/1.1\r\nHost: x\r\n", down)
						if up == "length" {
							fmt.Fprintf(c.Conn, "Content-Length: %d\r\n\r\n%s", size, body)
						} else {
							io.WriteString(c.Conn, "Transfer-Encoding: chunked\r\n\r\n")
							writeChunked(c.Conn, body)
						}
					}()
					head := c.head()
					var got string
					if strings.Contains(head, "Transfer-Encoding: chunked\r\n") {
						got = c.chunked()
					} else {
						got = c.bytes(size)
					}
					if got != body {
						t.Fatalf("head %q: body of %d bytes differs (%d)", head, size, len(got))
					}
					c.send("GET /length HTTP/1.1\r\nHost: x\r\n\r\n")
					if head := c.head(); !strings.HasPrefix(head, "HTTP/1.1 200") {
						t.Fatalf("the next answer is %q", head)
					}
				})
			}
		}
	}
	if r.process.Value(metrics.ProcessSpliceBytes) == 0 {
		t.Error("no byte was spliced")
	}
}

func writeChunked(w io.Writer, body string) {
	for len(body) > 0 {
		n := min(len(body), 10000)
		fmt.Fprintf(w, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	io.WriteString(w, "0\r\n\r\n")
}

// chunked reads a chunked body without trailer fields.
func (c *client) chunked() string {
	c.t.Helper()
	body, trailer := c.chunkedTrailer()
	if trailer != "\r\n" {
		c.t.Fatalf("trailer %q", trailer)
	}
	return body
}

func (c *client) chunkedTrailer() (body, trailer string) {
	c.t.Helper()
	var b strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			c.t.Fatalf("after %d bytes: %v", b.Len(), err)
		}
		var n int
		if _, err := fmt.Sscanf(line, "%x\r\n", &n); err != nil {
			c.t.Fatalf("chunk size %q: %v", line, err)
		}
		if n == 0 {
			return b.String(), c.head2()
		}
		b.WriteString(c.bytes(n))
		c.bytes(2)
	}
}

// head2 reads trailer lines up to and with the empty one.
func (c *client) head2() string { return c.head() }

// echoBodies answers with the request's body in the framing that the path names.
func echoBodies(c *client) {
	for {
		head, ok := c.request()
		if !ok {
			return
		}
		body := ""
		if strings.Contains(head, "Transfer-Encoding: chunked") {
			body, _ = c.chunkedTrailer()
		} else if _, rest, ok := strings.Cut(head, "Content-Length: "); ok {
			n := 0
			fmt.Sscan(rest, &n)
			body = c.bytes(n)
		}
		switch path := strings.Fields(head)[1]; path {
		case "/length":
			fmt.Fprintf(c.Conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		case "/chunked":
			io.WriteString(c.Conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			writeChunked(c.Conn, body)
		default:
			fmt.Fprintf(c.Conn, "HTTP/1.1 200 OK\r\n\r\n%s", body)
			return
		}
	}
}

func TestTrailersBothWays(t *testing.T) {
	up := make(chan string, 1)
	o := newOrigin(t, func(c *client) {
		c.request()
		_, trailer := c.chunkedTrailer()
		up <- trailer
		io.WriteString(c.Conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 42\r\n\r\n")
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Up: 7\r\n\r\n")
	c.head()
	if body, trailer := c.chunkedTrailer(); body != "hi" || trailer != "X-Sum: 42\r\n\r\n" {
		t.Errorf("got %q and trailer %q", body, trailer)
	}
	if got := <-up; got != "X-Up: 7\r\n\r\n" {
		t.Errorf("the origin got the trailer %q", got)
	}
}

func TestStreamingChunksAreNotHeldBack(t *testing.T) {
	next := make(chan bool)
	o := newOrigin(t, func(c *client) {
		c.request()
		io.WriteString(c.Conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for range next {
			io.WriteString(c.Conn, "3\r\nabc\r\n")
		}
		io.WriteString(c.Conn, "0\r\n\r\n")
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	c.head()
	for range 5 {
		next <- true
		if got := c.bytes(8); got != "3\r\nabc\r\n" {
			t.Fatalf("got %q", got)
		}
	}
	close(next)
	if got := c.bytes(5); got != "0\r\n\r\n" {
		t.Fatalf("got %q", got)
	}
}

func TestOldClient(t *testing.T) {
	o := newOrigin(t, constant("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
	r := newRig(t, base(o.addr))
	c := r.dial()
	c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
	all := c.rest()
	if !strings.HasSuffix(all, "\r\n\r\nhello") || strings.Contains(all, "chunked") || !strings.Contains(all, "Connection: close\r\n") {
		t.Errorf("got %q", all)
	}
	o2 := newOrigin(t, constant("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"))
	r2 := newRig(t, base(o2.addr))
	c = r2.dial()
	for range 2 {
		c.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		if head, body := c.answer(); body != "hello" || !strings.Contains(head, "Connection: keep-alive\r\n") {
			t.Fatalf("got %q %q", head, body)
		}
	}
	if n := o2.count(); n != 1 {
		t.Errorf("%d connections to an HTTP/1.0 server that keeps them", n)
	}
}

func TestBodyless(t *testing.T) {
	o := newOrigin(t, func(c *client) {
		for {
			head, ok := c.request()
			if !ok {
				return
			}
			switch strings.Fields(head)[1] {
			case "/head":
				io.WriteString(c.Conn, "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
			case "/204":
				io.WriteString(c.Conn, "HTTP/1.1 204 No Content\r\n\r\n")
			case "/304":
				io.WriteString(c.Conn, "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 77\r\n\r\n")
			case "/103":
				io.WriteString(c.Conn, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"+hello)
			}
		}
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	c.send("HEAD /head HTTP/1.1\r\nHost: x\r\n\r\n")
	if h := c.head(); !strings.Contains(h, "Content-Length: 999\r\n") {
		t.Errorf("HEAD: %q", h)
	}
	c.send("GET /204 HTTP/1.1\r\nHost: x\r\n\r\n")
	if h := c.head(); !strings.HasPrefix(h, "HTTP/1.1 204 No Content\r\n") || strings.Contains(h, "Content-Length") {
		t.Errorf("204: %q", h)
	}
	c.send("GET /304 HTTP/1.1\r\nHost: x\r\n\r\n")
	if h := c.head(); !strings.Contains(h, "Content-Length: 77\r\n") {
		t.Errorf("304: %q", h)
	}
	c.send("GET /103 HTTP/1.1\r\nHost: x\r\n\r\n")
	if h := c.head(); !strings.HasPrefix(h, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n") {
		t.Errorf("103: %q", h)
	}
	if h, body := c.answer(); body != "hello" {
		t.Errorf("after 103: %q %q", h, body)
	}
}

func TestExpectContinue(t *testing.T) {
	o := newOrigin(t, func(c *client) {
		for {
			head, ok := c.request()
			if !ok {
				return
			}
			if !strings.Contains(head, "Expect: 100-continue\r\n") {
				t.Errorf("no expectation in %q", head)
			}
			if strings.Fields(head)[1] == "/no" {
				io.WriteString(c.Conn, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
				continue
			}
			io.WriteString(c.Conn, "HTTP/1.1 100 Continue\r\n\r\n")
			body := c.bytes(4)
			fmt.Fprintf(c.Conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%s", body)
		}
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	c.send("POST /yes HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if h := c.head(); !strings.HasPrefix(h, "HTTP/1.1 100 Continue\r\n") {
		t.Fatalf("got %q", h)
	}
	c.send("body")
	if _, body := c.answer(); body != "body" {
		t.Fatalf("got %q", body)
	}
	c.send("POST /no HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if all := c.rest(); !strings.HasPrefix(all, "HTTP/1.1 417 ") || !strings.Contains(all, "Connection: close\r\n") {
		t.Fatalf("got %q", all)
	}
}

func TestEarlyFinalResponse(t *testing.T) {
	gone := make(chan error, 1)
	o := newOrigin(t, func(c *client) {
		c.request()
		io.WriteString(c.Conn, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
		_, err := io.Copy(io.Discard, c.in)
		gone <- err
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	c.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nsome")
	if h, body := c.answer(); body != "no" || !strings.HasPrefix(h, "HTTP/1.1 403") {
		t.Fatalf("got %q %q", h, body)
	}
	<-gone // the origin is not left waiting for the rest
	if rest := c.rest(); rest != "" {
		t.Errorf("after the answer came %q", rest)
	}
}

func TestOriginTrouble(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	closed.Close()
	tests := []struct {
		name, answer string
		status       string
		cause        string
		cut          bool // the client sees less than the head promised
	}{
		{"garbage", "hello there\r\n\r\n", "502", "", false},
		{"nothing", "", "502", "server-closed", false},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-", "502", "", false},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "502", "", false},
		{"too little", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "200", "", true},
		{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "502", "", false},
		{"bad second chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nzz\r\n", "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := newOrigin(t, func(c *client) {
				c.request()
				io.WriteString(c.Conn, tt.answer)
			})
			r := newRig(t, base(o.addr))
			c := r.dial()
			c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			head := c.head()
			if tt.status != "" && !strings.HasPrefix(head, "HTTP/1.1 "+tt.status) {
				t.Errorf("got %q", head)
			}
			if tt.cut {
				c.rest()
			}
			rec := r.record()
			if rec["side"] != "origin" || tt.cause != "" && rec["cause"] != tt.cause {
				t.Errorf("record %v", rec)
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		r := newRig(t, base(nobody))
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if h, _ := c.answer(); !strings.HasPrefix(h, "HTTP/1.1 502 ") {
			t.Errorf("got %q", h)
		}
		if rec := r.record(); rec["cause"] != "connect-refused" || rec["status"] != 502.0 {
			t.Errorf("record %v", rec)
		}
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n") // the client's connection lives on
		if h, _ := c.answer(); !strings.HasPrefix(h, "HTTP/1.1 502 ") {
			t.Errorf("got %q", h)
		}
	})
	t.Run("too much", func(t *testing.T) {
		o := newOrigin(t, func(c *client) {
			c.request()
			io.WriteString(c.Conn, hello+"and more")
			c.request()
		})
		r := newRig(t, base(o.addr))
		c := r.dial()
		for range 2 {
			c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			if _, body := c.answer(); body != "hello" {
				t.Errorf("got %q", body)
			}
		}
		if n := o.count(); n != 2 {
			t.Errorf("a connection with bytes that nobody asked for was used again (%d connections)", n)
		}
	})
	t.Run("first byte", func(t *testing.T) {
		o := newOrigin(t, func(c *client) { c.request(); c.request() })
		cfg := base(o.addr)
		cfg.VHosts[0].Routes[0].FirstByte = 200 * time.Millisecond
		r := newRig(t, cfg)
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if h, _ := c.answer(); !strings.HasPrefix(h, "HTTP/1.1 504 ") {
			t.Errorf("got %q", h)
		}
		if rec := r.record(); rec["cause"] != "first-byte-timeout" {
			t.Errorf("record %v", rec)
		}
	})
}

// TestUploadThatEndsAsItIsStopped: an answer may come while the body's last piece
// is still being accounted for. The connection that carried both serves the next
// request as any other.
func TestUploadThatEndsAsItIsStopped(t *testing.T) {
	o := newOrigin(t, func(c *client) {
		for {
			if _, ok := c.request(); !ok {
				return
			}
			io.WriteString(c.Conn, "HTTP/1.1 100 Continue\r\n\r\n")
			c.bytes(4)
			io.WriteString(c.Conn, hello)
		}
	})
	r := newRig(t, base(o.addr))
	for n := range 2000 {
		c := r.dial()
		c.send("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
		if h := c.head(); !strings.HasPrefix(h, "HTTP/1.1 100 ") { // so that the body comes by a goroutine of its own
			t.Fatalf("post %d: %q", n, h)
		}
		c.send("body")
		if h, _ := c.answer(); !strings.HasPrefix(h, "HTTP/1.1 200 ") {
			t.Fatalf("post %d: %q", n, h)
		}
		_ = c.Conn.Close()
	}
}

// record returns the next line of the access log.
func (r *rig) record() map[string]any {
	r.t.Helper()
	select {
	case line := <-r.sub.Lines():
		m := map[string]any{}
		if err := json.Unmarshal(line, &m); err != nil {
			r.t.Fatalf("%s: %v", line, err)
		}
		return m
	case <-time.After(10 * time.Second):
		r.t.Fatal("no access log line within 10 s")
		return nil
	}
}

func TestStaleConnectionIsReplaced(t *testing.T) {
	o := newOrigin(t, func(c *client) {
		if _, ok := c.request(); ok {
			io.WriteString(c.Conn, hello)
			c.request() // the second request is read and the connection closed
		}
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	for range 4 {
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if h, body := c.answer(); body != "hello" {
			t.Fatalf("got %q %q", h, body)
		}
	}
}
