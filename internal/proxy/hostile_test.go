package proxy

import (
	"io"
	"strings"
	"testing"

	"fishplate/internal/model"
)

// TestUnaskedUpgrade: a server that switches protocols unasked is a bad gateway.
func TestUnaskedUpgrade(t *testing.T) {
	o := newOrigin(t, constant("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"+hello))
	r := newRig(t, base(o.addr))
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if head, body := c.answer(); !strings.HasPrefix(head, "HTTP/1.1 502 ") || !strings.Contains(body, "unasked-upgrade") {
		t.Errorf("got %q %q", head, body)
	}
}

// TestNoHTTPInTunnels: an offer to speak HTTP in a tunnel, which would carry
// requests past the routes, does not reach the server; WebSocket's does.
func TestNoHTTPInTunnels(t *testing.T) {
	heads := make(chan string, 1)
	o := newOrigin(t, func(c *client) {
		for {
			head, ok := c.request()
			if !ok {
				return
			}
			heads <- head
			io.WriteString(c.Conn, hello)
		}
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	for offer, goesOn := range map[string]bool{
		"h2c": false, "H2C": false, "websocket, h2c": false, "HTTP/2.0": false, "TLS/1.0, HTTP/1.1": false, "websocket": true, "foo/3": true,
	} {
		c.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: " + offer + "\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
		if head, _ := c.answer(); !strings.HasPrefix(head, "HTTP/1.1 200 ") {
			t.Fatalf("%s: %q", offer, head)
		}
		head := <-heads
		if strings.Contains(head, "\r\nUpgrade: ") != goesOn || strings.Contains(head, "HTTP2-Settings") {
			t.Errorf("%s: the server got %q", offer, head)
		}
	}
}

// TestInterimFlood: a server cannot hold a request by 1xx answers without end.
func TestInterimFlood(t *testing.T) {
	o := newOrigin(t, func(c *client) {
		if _, ok := c.request(); !ok {
			return
		}
		for {
			if _, err := io.WriteString(c.Conn, "HTTP/1.1 102 Processing\r\n\r\n"); err != nil {
				return
			}
		}
	})
	r := newRig(t, base(o.addr))
	for _, version := range []string{"1.1", "1.0"} {
		c := r.dial()
		c.send("GET / HTTP/" + version + "\r\nHost: x\r\n\r\n")
		head := c.head()
		for strings.HasPrefix(head, "HTTP/1.1 102 ") {
			head = c.head()
		}
		if !strings.HasPrefix(head, "HTTP/1.1 502 ") {
			t.Errorf("HTTP/%s: %q", version, head)
		}
	}
}

// TestLateBodyOnStaleConnection: the server closes a connection of the pool when
// a request comes whose body the client still holds. The request is sent again,
// body and all.
func TestLateBodyOnStaleConnection(t *testing.T) {
	for _, framing := range []string{"Content-Length: 5", "Transfer-Encoding: chunked"} {
		closed := make(chan bool, 1)
		first := make(chan bool, 1)
		first <- true
		o := newOrigin(t, func(c *client) {
			select {
			case <-first:
				c.request()
				io.WriteString(c.Conn, hello)
				c.request()
				c.Close()
				closed <- true
			default:
				echoBodies(c)
			}
		})
		cfg := base(o.addr)
		cfg.Backends[0].Retry = model.Retry{}
		r := newRig(t, cfg)
		c := r.dial()
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.answer()
		c.send("PUT /length HTTP/1.1\r\nHost: x\r\n" + framing + "\r\n\r\n")
		<-closed
		eventually(t, "a second connection", func() bool { return o.count() == 2 })
		if strings.HasPrefix(framing, "T") {
			c.send("5\r\nwords\r\n0\r\n\r\n")
		} else {
			c.send("words")
		}
		if head, body := c.answer(); !strings.HasPrefix(head, "HTTP/1.1 200 ") || body != "words" {
			t.Errorf("%s: %q %q", framing, head, body)
		}
	}
}

// TestBodyAfterHEAD: a server sends a body behind its answer to HEAD. Nobody
// gets it as an answer, however soon the next request comes.
func TestBodyAfterHEAD(t *testing.T) {
	sent := make(chan bool, 1)
	answered := make(chan bool)
	o := newOrigin(t, func(c *client) {
		for {
			head, ok := c.request()
			if !ok {
				return
			}
			if strings.HasPrefix(head, "GET ") {
				io.WriteString(c.Conn, hello)
				continue
			}
			io.WriteString(c.Conn, "HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n")
			<-answered
			io.WriteString(c.Conn, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
			sent <- true
		}
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	for range 50 {
		c.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.head()
		answered <- true
		<-sent
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, body := c.answer(); body != "hello" {
			t.Fatalf("got %q", body)
		}
	}
}
