package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/netio"
	"fishplate/internal/predicate"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

// rig is a Server with one listener on loopback, built from a model.
type rig struct {
	t       testing.TB
	srv     *Server
	estate  *Estate
	set     *upstream.Set
	tenants *tenant.Set
	process *metrics.Set
	causes  *metrics.Words
	log     *Log
	sub     *Subscription
	addr    string
	ln      *netio.Listener
	served  sync.WaitGroup
	id      uint64
	key     []byte
	add     func(*Parts)
}

// base is a configuration with one listener and one route "all" to backend
// "app" with the given servers.
func base(servers ...string) *model.Config {
	b := &model.Backend{
		Name: "app", Balance: model.Balance{Text: "roundrobin", Steps: []model.BalanceStep{{Name: "roundrobin"}}},
		Protocol: "http/1.1", Retry: model.Retry{Attempts: 2, On: []string{"connect"}, Budget: 0.2},
		Timeouts: model.BackendTimeouts{Connect: 3 * time.Second, FirstByte: 10 * time.Second, Idle: 10 * time.Second},
		Pool:     model.Pool{Idle: 128},
	}
	for _, s := range servers {
		b.Servers = append(b.Servers, &model.Server{Name: s, Address: s, Weight: 100})
	}
	return &model.Config{
		Listeners: []*model.Listener{{
			Name: "web", Protocols: []string{"http/1.1"}, Slashes: "merge",
			Forwarded: model.Forwarded{Send: []string{"x-forwarded", "via"}},
			Limits:    model.ListenerLimits{Connections: 1000, PerClient: 1000},
			Timeouts: model.ListenerTimeouts{
				Head: 5 * time.Second, Body: 5 * time.Second, Idle: 20 * time.Second, Write: 5 * time.Second, Tunnel: time.Minute,
			},
		}},
		Backends: []*model.Backend{b},
		VHosts:   []*model.VHost{{Name: "any", Routes: []*model.Route{{Name: "all", Backend: "app"}}}},
		Logs:     []*model.Log{{Name: "access", Path: "off", Format: "json", Sample: 1}},
	}
}

func newRig(t testing.TB, cfg *model.Config) *rig {
	t.Helper()
	return newRigWith(t, cfg, func(*Parts) {})
}

// newRigWith is newRig with further parts of the estate.
func newRigWith(t testing.TB, cfg *model.Config, add func(*Parts)) *rig {
	t.Helper()
	r := &rig{
		add: add,
		t:   t, estate: NewEstate(), process: metrics.Process.New(), causes: metrics.NewWords(100),
		set: upstream.NewSet(upstream.Options{}), tenants: tenant.NewSet(tenant.Options{}), key: []byte("debug key"),
	}
	var err error
	r.srv, err = New(Options{
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Estate: r.estate,
		Process: r.process, Causes: r.causes, DebugKey: r.key,
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Logs) > 0 {
		if r.log, err = NewLog(cfg.Logs[0], r.process); err != nil {
			t.Fatal(err)
		}
		r.sub = r.log.Subscribe(0)
	}
	r.apply(cfg)
	if r.ln, err = netio.Listen(context.Background(), "127.0.0.1:0", netio.ListenOptions{Shards: 1}); err != nil {
		t.Fatal(err)
	}
	r.addr = r.ln.Addr().String()
	r.served.Go(func() { r.srv.Serve(r.ln, func() string { return "web" }) })
	t.Cleanup(r.close)
	return r
}

func (r *rig) close() {
	r.ln.Close()
	r.served.Wait()
	r.srv.Close()
	r.set.Close()
	if r.log != nil {
		if err := r.log.Close(); err != nil {
			r.t.Error(err)
		}
	}
}

// apply compiles cfg and makes it the running generation.
func (r *rig) apply(cfg *model.Config) *Generation {
	r.t.Helper()
	u, err := r.set.Prepare(cfg.Backends)
	if err != nil {
		r.t.Fatal(err)
	}
	r.id++
	p := Parts{
		ID: r.id, Config: cfg, Options: predicate.Options{}, Old: r.srv.Current(),
		Backends: u.Backends(), Estate: r.estate, ProxyName: "fishplate",
	}
	if r.log != nil {
		p.Logs = []*Log{r.log}
	}
	r.add(&p)
	g, err := Compile(p)
	if err != nil {
		r.t.Fatal(err)
	}
	u.Commit()
	for _, l := range cfg.Listeners {
		r.estate.SetClientLimit(l.Name, l.Limits.PerClient)
	}
	r.srv.Swap(g)
	return g
}

// dial connects to the listener.
func (r *rig) dial() *client {
	r.t.Helper()
	return connect(r.t, r.addr)
}

func connect(t testing.TB, addr string) *client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &client{t: t, Conn: c, in: bufio.NewReader(c)}
}

// client is a raw connection of a test.
type client struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// head reads up to and with the empty line.
func (c *client) head() string {
	c.t.Helper()
	var b strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			c.t.Fatalf("after %q: %v", b.String(), err)
		}
		if line == "\r\n" {
			return b.String()
		}
	}
}

func (c *client) bytes(n int) string {
	c.t.Helper()
	p := make([]byte, n)
	if got, err := io.ReadFull(c.in, p); err != nil {
		c.t.Fatalf("after %d of %d bytes %q: %v", got, n, p[:got], err)
	}
	return string(p)
}

// rest reads until the end.
func (c *client) rest() string {
	c.t.Helper()
	p, err := io.ReadAll(c.in)
	if err != nil {
		c.t.Fatalf("after %q: %v", p, err)
	}
	return string(p)
}

// answer reads one response with a Content-Length and returns head and body.
func (c *client) answer() (head, body string) {
	c.t.Helper()
	head = c.head()
	n := 0
	for _, line := range strings.Split(head, "\r\n") {
		if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if _, err := fmt.Sscan(v, &n); err != nil {
				c.t.Fatal(err)
			}
		}
	}
	return head, c.bytes(n)
}

// origin is a server of which the test writes every byte.
type origin struct {
	addr string
	ln   net.Listener
	wg   sync.WaitGroup

	mu       sync.Mutex
	accepted int
}

// newOrigin serves each connection with serve, which owns it.
func newOrigin(t testing.TB, serve func(*client)) *origin {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{addr: ln.Addr().String(), ln: ln}
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	o.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			o.mu.Lock()
			o.accepted++
			o.mu.Unlock()
			mu.Lock()
			conns[c] = true
			mu.Unlock()
			o.wg.Go(func() {
				defer c.Close()
				serve(&client{t: t, Conn: c, in: bufio.NewReader(c)})
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for c := range conns {
			c.Close()
		}
		mu.Unlock()
		o.wg.Wait()
	})
	return o
}

func (o *origin) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.accepted
}

// request reads one request head, or reports the end.
func (c *client) request() (head string, ok bool) {
	var b strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			return b.String(), false
		}
		if line == "\r\n" {
			return b.String(), true
		}
	}
}

// constant answers every request with the same bytes.
func constant(answer string) func(*client) {
	return func(c *client) {
		for {
			if _, ok := c.request(); !ok {
				return
			}
			if _, err := io.WriteString(c.Conn, answer); err != nil {
				return
			}
		}
	}
}

const hello = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

func TestKeepAliveBothSides(t *testing.T) {
	o := newOrigin(t, constant(hello))
	r := newRig(t, base(o.addr))
	c := r.dial()
	for range 3 {
		c.send("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n")
		if head, body := c.answer(); body != "hello" || !strings.HasPrefix(head, "HTTP/1.1 200 OK\r\n") {
			t.Fatalf("got %q %q", head, body)
		}
	}
	if n := o.count(); n != 1 {
		t.Errorf("the origin saw %d connections, want 1", n)
	}
}

func listenLocal(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}
