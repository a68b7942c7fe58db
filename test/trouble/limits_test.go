package trouble

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/test/harness"
)

// holding starts an origin that reports each request on arrived and answers none
// before release is called, at the test's end at the latest.
func holding(t *testing.T) (o *harness.Origin, arrived <-chan struct{}, release func()) {
	t.Helper()
	hold, came := make(chan struct{}), make(chan struct{}, 16)
	release = sync.OnceFunc(func() { close(hold) })
	o = harness.NewOrigin(t, harness.Each(func(w net.Conn, _ *http.Request) bool {
		came <- struct{}{}
		<-hold
		_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		return err == nil
	}))
	t.Cleanup(release)
	return o, came, release
}

// TestFullQueue: one slot, a queue of two; the fourth request is refused at once
// with Retry-After, and the queued ones are answered in turn.
func TestFullQueue(t *testing.T) {
	o, arrived, release := holding(t)
	addr := harness.FreeAddr(t)
	s := harness.Start(t, oneAtATime(addr, o.Addr, 2, "50s"))
	answers := make(chan string, 3)
	var wg sync.WaitGroup
	ask := func() { wg.Go(func() { answers <- harness.Exchange(t, addr, get, time.Minute) }) }
	ask()
	<-arrived
	ask()
	ask()
	harness.Eventually(t, "two requests are queued", func() bool {
		out, _, _ := s.Run("status", "--json")
		return strings.Contains(out, `"queue": 2`)
	})
	got := harness.Exchange(t, addr, get, time.Minute)
	if status(got) != "503" || !strings.Contains(got, "Retry-After: ") {
		t.Errorf("with a full queue: %q, want 503 with Retry-After", got)
	}
	release()
	wg.Wait()
	for range 3 {
		if got := <-answers; status(got) != "200" {
			t.Errorf("a request that was admitted or queued got %q", got)
		}
	}
	s.WaitLine("queue-full", func(m map[string]any) bool { return m["cause"] == "queue-full" })
}

// TestQueueTimeout: a queued request whose deadline passes gets 503.
func TestQueueTimeout(t *testing.T) {
	release := make(chan struct{})
	arrived := make(chan struct{}, 16)
	o := harness.NewOrigin(t, harness.Each(func(net.Conn, *http.Request) bool {
		arrived <- struct{}{}
		<-release
		return false
	}))
	t.Cleanup(func() { close(release) })
	addr := harness.FreeAddr(t)
	s := harness.Start(t, oneAtATime(addr, o.Addr, 2, "300ms"))
	first := harness.Dial(t, addr)
	fmt.Fprint(first, get)
	<-arrived
	if got := harness.Exchange(t, addr, get, time.Minute); status(got) != "503" {
		t.Errorf("answer %q, want 503", got)
	}
	s.WaitLine("queue-timeout", func(m map[string]any) bool { return m["cause"] == "queue-timeout" })
}

// TestClientLeavesQueue: a queued request whose client goes away leaves the
// queue and never reaches the server.
func TestClientLeavesQueue(t *testing.T) {
	o, arrived, release := holding(t)
	addr := harness.FreeAddr(t)
	s := harness.Start(t, oneAtATime(addr, o.Addr, 5, "60s"))
	first := harness.Dial(t, addr)
	fmt.Fprint(first, get)
	<-arrived
	second := harness.Dial(t, addr)
	fmt.Fprint(second, get)
	queued := func(n int) func() bool {
		return func() bool {
			out, _, _ := s.Run("status", "--json")
			return strings.Contains(out, fmt.Sprintf(`"queue": %d`, n))
		}
	}
	harness.Eventually(t, "the second request is queued", queued(1))
	second.Close()
	harness.Eventually(t, "it has left the queue", queued(0))
	s.WaitLine("client-left", func(m map[string]any) bool { return m["cause"] == "client-left" })
	release()
	if got, _ := io.ReadAll(first); status(string(got)) != "200" {
		t.Errorf("the first request got %q", got)
	}
	if n := len(arrived); n != 0 {
		t.Errorf("%d further requests reached the server", n)
	}
}

// TestDescriptorExhaustion: with few descriptors, many connections are refused
// or wait, nothing spins or dies, and service goes on when they leave.
func TestDescriptorExhaustion(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	addr := harness.FreeAddr(t)
	s := harness.Start(t, site(addr, "limits {\n per_client = 20000\n }", "", o.Addr), harness.Files(128))
	var conns []net.Conn
	for range 400 {
		c, err := net.DialTimeout("tcp", addr, 2*time.Second)
		if err != nil {
			break
		}
		conns = append(conns, c)
	}
	if len(conns) < 130 {
		t.Fatalf("only %d connections could be opened; the limit was not reached", len(conns))
	}
	harness.Eventually(t, "the process says that descriptors are exhausted", func() bool {
		return strings.Contains(s.Stderr(), "descriptors")
	})
	for _, c := range conns {
		c.Close()
	}
	harness.Eventually(t, "service goes on", func() bool {
		return status(harness.Exchange(t, addr, get, 2*time.Second)) == "200"
	})
}

// TestConnectionLimits: total and per client.
func TestConnectionLimits(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	for _, limit := range []string{"connections = 3", "per_client = 3"} {
		t.Run(limit, func(t *testing.T) {
			_, addr := start(t, "limits {\n "+limit+"\n }", "", o.Addr)
			var held []net.Conn
			hold := func() string {
				c := harness.Dial(t, addr)
				held = append(held, c)
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
				buf := make([]byte, 1024)
				n, _ := c.Read(buf)
				return string(buf[:n])
			}
			for i := range 3 {
				if got := hold(); status(got) != "200" {
					t.Fatalf("connection %d: %q", i, got)
				}
			}
			if got := hold(); status(got) == "200" {
				t.Errorf("a fourth connection is served beyond %s", limit)
			}
			for _, c := range held {
				c.Close()
			}
			harness.Eventually(t, "a place is free again", func() bool {
				return status(harness.Exchange(t, addr, get, 2*time.Second)) == "200"
			})
		})
	}
}

// oneAtATime configures one server that takes one request at a time, behind a
// queue.
func oneAtATime(addr, origin string, limit int, timeout string) string {
	return fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" {
  server "a" {
    address         = %q
    max_connections = 1
  }
  queue {
    limit   = %d
    timeout = %q
  }
}
vhost "any" { backend = "app" }
`, addr, origin, limit, timeout)
}
