package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"

	"github.com/coder/websocket"
)

// eventually waits for a state.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestCloseEndsLingering: a client that sends on behind its answer, without an end, does
// not hold up the end of the server.
func TestCloseEndsLingering(t *testing.T) {
	r := newRig(t, base("127.0.0.1:1"))
	c := r.dial()
	c.send("bad\r\n\r\n")
	if got := c.rest(); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Fatalf("got %q", got)
	}
	r.srv.wheel.all.Store(true) // the first that Close does, and then it waits
	for {
		if _, err := c.Write([]byte("on")); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("what it sends is still read")
		} else if err != nil {
			return
		}
	}
}

func TestIdleConnectionsAreParked(t *testing.T) {
	o := newOrigin(t, constant(hello))
	cfg := base(o.addr)
	cfg.Listeners[0].Timeouts.Idle = 3 * time.Second
	r := newRig(t, cfg)
	c, silent := r.dial(), r.dial()
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	c.answer()
	eventually(t, "both connections parked", func() bool { return r.process.Value(metrics.ProcessParked) == 2 })
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, body := c.answer(); body != "hello" {
		t.Fatalf("got %q", body)
	}
	if rest := silent.rest(); rest != "" {
		t.Errorf("a silent connection was sent %q", rest)
	}
	c.rest()
	eventually(t, "no connection left", func() bool { n, parked := r.srv.Sessions(); return n == 0 && parked == 0 })
}

func TestSlowClients(t *testing.T) {
	o := newOrigin(t, func(c *client) { _, _ = io.Copy(io.Discard, c.in) })
	cfg := base(o.addr)
	l := cfg.Listeners[0]
	l.Timeouts.Head, l.Timeouts.Body = 300*time.Millisecond, time.Second
	l.Limits.BodyRate = 1000 // judged by whole seconds, in none of which the body stands still
	r := newRig(t, cfg)
	drip := func(c *client, head string) string {
		c.send(head)
		stop := make(chan bool)
		done := make(chan bool)
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				case <-time.After(50 * time.Millisecond):
					if _, err := io.WriteString(c.Conn, "a"); err != nil {
						return
					}
				}
			}
		}()
		h, _ := c.answer()
		close(stop)
		<-done
		return h
	}
	if h := drip(r.dial(), "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "); !strings.HasPrefix(h, "HTTP/1.1 408 ") {
		t.Errorf("slow head: %q", h)
	}
	if rec := r.record(); rec["cause"] != "head-timeout" {
		t.Errorf("record %v", rec)
	}
	if h := drip(r.dial(), "POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"); !strings.HasPrefix(h, "HTTP/1.1 408 ") {
		t.Errorf("slow body: %q", h)
	}
	if rec := r.record(); rec["cause"] != "body-slow" {
		t.Errorf("record %v", rec)
	}
}

func TestWebSocket(t *testing.T) {
	srv := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c, err := websocket.Accept(w, req, nil)
		if err != nil {
			return
		}
		defer c.CloseNow()
		for {
			kind, p, err := c.Read(req.Context())
			if err != nil {
				return
			}
			if err := c.Write(req.Context(), kind, p); err != nil {
				return
			}
		}
	})}
	ln := listenLocal(t)
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
	r := newRig(t, base(ln.Addr().String()))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+r.addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		text := strings.Repeat("x", 1500*i+1)
		c.SetReadLimit(1 << 20)
		if err := c.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(ctx); err != nil || string(got) != text {
			t.Fatalf("echo of %d bytes: %d bytes, %v", len(text), len(got), err)
		}
	}
	// The generation is not held by a tunnel.
	if n := r.srv.Current().Holders(); n != 0 {
		t.Errorf("%d exchanges hold the generation", n)
	}
	c.Close(websocket.StatusNormalClosure, "")
	if rec := r.record(); rec["status"] != 101.0 || rec["tunnel"] != true {
		t.Errorf("record %v", rec)
	}
}

func TestTunnelHalfClose(t *testing.T) {
	o := newOrigin(t, func(c *client) {
		c.request()
		io.WriteString(c.Conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\nearly")
		p, _ := io.ReadAll(c.in)
		fmt.Fprintf(c.Conn, "got %s", p)
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	c.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\nlate")
	if h := c.head(); !strings.HasPrefix(h, "HTTP/1.1 101 ") || !strings.Contains(h, "Upgrade: raw\r\n") {
		t.Fatalf("got %q", h)
	}
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := c.rest(); got != "earlygot late" {
		t.Errorf("got %q", got)
	}
}

// TestTunnelRecord: the line of a tunnel names its own request, though others have
// used its buffers since.
func TestTunnelRecord(t *testing.T) {
	o := newOrigin(t, func(c *client) {
		for {
			head, ok := c.request()
			if !ok {
				return
			}
			if !strings.Contains(head, "/tunnel") {
				io.WriteString(c.Conn, hello)
				continue
			}
			io.WriteString(c.Conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n")
			_, _ = io.ReadAll(c.in)
			return
		}
	})
	r := newRig(t, base(o.addr))
	c := r.dial()
	c.send("GET /tunnel?q=1 HTTP/1.1\r\nHost: first\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
	c.head()
	for range 8 {
		other := r.dial()
		other.send("OPTIONS /another/path/altogether HTTP/1.1\r\nHost: second.test\r\n\r\n")
		other.answer()
		r.record()
	}
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.rest()
	rec := r.record()
	if rec["method"] != "GET" || rec["host"] != "first" || rec["path"] != "/tunnel" || rec["query"] != "q=1" {
		t.Errorf("record %v", rec)
	}
}

func TestConnectionLimits(t *testing.T) {
	o := newOrigin(t, constant(hello))
	cfg := base(o.addr)
	cfg.Listeners[0].Limits.PerClient = 2
	r := newRig(t, cfg)
	a, b := r.dial(), r.dial()
	for _, c := range []*client{a, b} {
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.answer()
	}
	if rest := r.dial().rest(); rest != "" {
		t.Errorf("a third connection was sent %q", rest)
	}
	a.Close()
	eventually(t, "room for another", func() bool {
		c := r.dial()
		defer c.Close()
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		_, err := c.in.Peek(1)
		return err == nil
	})
}

func TestDrain(t *testing.T) {
	release := make(chan bool)
	o := newOrigin(t, func(c *client) {
		for {
			if _, ok := c.request(); !ok {
				return
			}
			<-release
			io.WriteString(c.Conn, hello)
		}
	})
	r := newRig(t, base(o.addr))
	busy, idle := r.dial(), r.dial()
	busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	eventually(t, "both connections accepted", func() bool { n, _ := r.srv.Sessions(); return n == 2 })
	eventually(t, "a request under way", func() bool { return r.process.Value(metrics.ProcessExchanges) == 1 })
	done := make(chan error, 1)
	go func() { done <- r.srv.Drain(context.Background()) }()
	idle.rest()
	close(release)
	if h, _ := busy.answer(); !strings.Contains(h, "Connection: close\r\n") {
		t.Errorf("got %q", h)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRouteAnswersAndLimits(t *testing.T) {
	o := newOrigin(t, constant(hello))
	cfg := base(o.addr)
	all := cfg.VHosts[0].Routes[0]
	all.Limits.Body = 10
	all.Request.Set = []model.FieldEdit{{Name: "X-Up", Value: quoted(t, "1")}}
	all.Response.Set = []model.FieldEdit{{Name: "X-By", Value: expr(t, "server.name")}}
	cfg.VHosts[0].Routes = []*model.Route{
		{Name: "old", Path: "/old/*", Redirect: &model.Redirect{Status: 308, To: expr(t, `"/new/${path_tail}"`)}},
		{Name: "down", Path: "/down", Respond: &model.Respond{Status: 503, Body: []byte("later"), Headers: []model.FieldEdit{{Name: "Retry-After", Value: quoted(t, "60")}}}},
		{Name: "rate", Path: "/rate", Backend: "app", Limits: model.RouteLimits{Rates: []model.RateLimit{{Name: "r", Key: expr(t, "client.ip"), Rate: 0.001, Burst: 1}}}},
		all,
	}
	r := newRig(t, cfg)
	c := r.dial()
	get := func(request string, parts ...string) {
		t.Helper()
		c.send(request)
		h, body := c.answer()
		for _, p := range parts {
			if !strings.Contains(h+body, p) {
				t.Errorf("%q: no %q in %q", request, p, h+body)
			}
		}
	}
	get("GET /old/a/b HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 308 ", "Location: /new/a/b\r\n")
	get("GET /down HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 503 ", "Retry-After: 60\r\n", "later")
	get("GET /rate HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK")
	get("GET /rate HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 429 ", "Retry-After: ")
	get("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK", "X-By: "+o.addr+"\r\n")
	get("GET / HTTP/1.1\r\nHost: x\r\nFishplate-Debug: "+DebugToken(r.key, time.Now())+"\r\n\r\n", `Fishplate-Explain: {"vhost":"any","route":"all"`, "Server-Timing: ")
	get("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\nhello world", "HTTP/1.1 413 ")
	c = r.dial()
	get("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "HTTP/1.1 400 ", "Connection: close\r\n")
}
