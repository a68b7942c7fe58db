package trouble

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fishplate/test/harness"
)

var suspended = flag.Duration("suspended", 3*time.Second, "how long TestSuspended stops the process")

// TestSuspended stops the process for a while, as a hypervisor does that moves or
// saves a machine, and lets it go on: no server is taken for dead, none is buried
// under checks that were missed, whoever asked meanwhile is answered, sessions and
// connections stay.
func TestSuspended(t *testing.T) {
	const servers = 4
	const interval = 50 * time.Millisecond
	var checks [servers]atomic.Int64
	hold := make(chan struct{})
	arrived := make(chan struct{}, 1)
	var addrs []string
	for i := range servers {
		o := harness.NewOrigin(t, harness.Each(func(w net.Conn, r *http.Request) bool {
			switch r.URL.Path {
			case "/check":
				checks[i].Add(1)
			case "/slow":
				arrived <- struct{}{}
				<-hold
			}
			_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nX-From: s%d\r\nContent-Length: 5\r\n\r\nhello", i)
			return err == nil
		}))
		addrs = append(addrs, o.Addr)
	}
	addr := harness.FreeAddr(t)
	s := harness.Start(t, site(addr, "", fmt.Sprintf(`
  check "http" {
    path     = "/check"
    interval = %q
    timeout  = "500ms"
    fall     = 2
  }
  eject {
    errors = 2
    window = "1h"
    for    = "1h"
    max    = "100%%"
  }
  timeouts {
    first_byte = "1s"
  }
  persist "cookie" {
    name = "SRV"
  }
`, interval), addrs...)+"vhost \"slow\" {\n  hosts = [\"slow.test\"]\n  route \"all\" {\n    backend = \"app\"\n    timeouts {\n      first_byte = \"10m\"\n    }\n  }\n}\n")
	resp, err := http.Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	cookie, _, _ := strings.Cut(resp.Header.Get("Set-Cookie"), ";")
	mine := resp.Header.Get("X-From")
	idle := harness.Dial(t, addr) // a client that keeps its connection
	ask := func(c net.Conn) string {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
			return err.Error()
		}
		buf := make([]byte, 4096)
		n, _ := c.Read(buf)
		return string(buf[:n])
	}
	if got := ask(idle); status(got) != "200" {
		t.Fatalf("before: %q", got)
	}
	slow := make(chan string, 1)
	go func() {
		slow <- harness.Exchange(t, addr, "GET /slow HTTP/1.1\r\nHost: slow.test\r\nConnection: close\r\n\r\n", *suspended+time.Minute)
	}()
	<-arrived
	for i := range servers {
		harness.Eventually(t, "checks run", func() bool { return checks[i].Load() > 2 })
	}

	s.Signal(syscall.SIGSTOP)
	meanwhile := make(chan string, 8)
	for range 8 { // they wait in the accept queue
		go func() { meanwhile <- harness.Exchange(t, addr, get, *suspended+time.Minute) }()
	}
	close(hold) // the answer comes while nobody can take it
	time.Sleep(*suspended)
	var counted [servers]int64
	for i := range servers {
		counted[i] = checks[i].Load()
	}
	s.Signal(syscall.SIGCONT)
	begin := time.Now()
	for range 8 {
		if got := <-meanwhile; status(got) != "200" {
			t.Errorf("who asked while the process was stopped got %q", got)
		}
	}
	for range 50 {
		expect(t, addr, "200")
	}
	took := time.Since(begin)
	for i := range servers {
		// One that was due, and those since.
		if n, most := checks[i].Load()-counted[i], 3+int64(took/interval); n > most {
			t.Errorf("server %d was checked %d times in %v, want at most %d", i, n, took, most)
		}
	}
	if out, _, _ := s.Run("status", "--json"); strings.Contains(out, `"state": "down"`) || strings.Contains(out, `"state": "ejected"`) {
		t.Errorf("servers are out after a pause of the process: %s", out)
	}
	if got := ask(idle); status(got) != "200" {
		t.Errorf("a connection from before: %q", got)
	}
	if got := <-slow; status(got) != "200" {
		t.Errorf("a request in flight: %q", got)
	}
	if got := harness.Exchange(t, addr, "GET / HTTP/1.1\r\nHost: a.test\r\nCookie: "+cookie+"\r\nConnection: close\r\n\r\n", 10*time.Second); !strings.Contains(got, "X-From: "+mine) {
		t.Errorf("a client pinned to %s: %q", mine, got)
	}
	t.Logf("after %v: %d requests in %v", *suspended, 58, took)
}
