package feature

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/test/harness"
)

// cached is a site of one virtual host with a cache, before an origin whose
// pages are functions of the test.
type cached struct {
	t    *testing.T
	s    *harness.Server
	addr string

	mu    sync.Mutex
	pages map[string]http.HandlerFunc // by path
	asked map[string]int
	seen  map[string]http.Header // of the latest request for a path
}

// newCached starts the site; policy is what stands in its cache block, vhosts
// what follows.
func newCached(t *testing.T, policy, vhosts string) *cached {
	c := &cached{
		t: t, addr: harness.FreeAddr(t), pages: map[string]http.HandlerFunc{}, asked: map[string]int{}, seen: map[string]http.Header{},
	}
	l, err := harness.ListenLow()
	if err != nil {
		t.Fatal(err)
	}
	origin := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(c.serve)}}
	origin.Start()
	t.Cleanup(origin.CloseClientConnections)
	c.s = harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
cache "main" { memory = "64MiB" }
vhost "shop" {
  hosts = ["shop.test", "www.shop.test"]
  backend = "app"
  cache {
    %s
  }
}
%s
`, c.addr, l.Addr().String(), policy, vhosts))
	return c
}

func (c *cached) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	page := c.pages[r.URL.Path]
	c.asked[r.URL.Path]++
	c.seen[r.URL.Path] = r.Header.Clone()
	c.mu.Unlock()
	if page == nil {
		http.NotFound(w, r)
		return
	}
	page(w, r)
}

// page sets what the origin answers for a path.
func (c *cached) page(path string, f http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pages[path] = f
}

// text sets a page of HTML with a max-age; fields come in pairs.
func (c *cached) text(path, body string, fields ...string) {
	c.page(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "max-age=100")
		for i := 0; i < len(fields); i += 2 {
			w.Header().Set(fields[i], fields[i+1])
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		io.WriteString(w, body)
	})
}

// times returns how often the origin was asked for a path.
func (c *cached) times(path string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[path]
}

// saw returns a field of the latest request for a path.
func (c *cached) saw(path, name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[path].Get(name)
}

// do sends a request and returns the answer with its body as it came over the
// wire. A body that breaks off is an error.
func (c *cached) do(method, url string, fields ...string) (*http.Response, string, error) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	transport := &http.Transport{
		DisableCompression: true, DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", c.addr)
		},
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// get is do of a GET that must succeed.
func (c *cached) get(path string, fields ...string) (*http.Response, string) {
	c.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = "http://shop.test" + path
	}
	resp, body, err := c.do("GET", path, fields...)
	if err != nil {
		c.t.Fatalf("GET %s: %v (got %q)", path, err, body)
	}
	return resp, body
}

// expect is get of a page with that status and body.
func (c *cached) expect(path string, status int, body string, fields ...string) *http.Response {
	c.t.Helper()
	resp, got := c.get(path, fields...)
	if resp.StatusCode != status || got != body {
		c.t.Fatalf("GET %s: %d %q, want %d %q", path, resp.StatusCode, got, status, body)
	}
	return resp
}
