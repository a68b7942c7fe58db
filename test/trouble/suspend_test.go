package trouble

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fishplate/test/harness"
)

var suspended = flag.Duration("suspended", 30*time.Second, "how long TestSuspended stops the process; 3 s with -short")

// TestSuspended stops the process for a while, as a hypervisor does that moves or
// saves a machine, and lets it go on: no server is taken for dead, none is buried
// under checks that were missed, whoever asked meanwhile is answered, sessions and
// connections stay, the idle ones and those that were at work.
func TestSuspended(t *testing.T) {
	if testing.Short() {
		*suspended = 3 * time.Second
	}
	const servers = 4
	const interval = 50 * time.Millisecond
	var checks [servers]atomic.Int64
	hold := make(chan struct{})
	arrived := make(chan struct{}, 1+downloads)
	var addrs []string
	for i := range servers {
		o := harness.NewOrigin(t, harness.Each(func(w net.Conn, r *http.Request) bool {
			switch r.URL.Path {
			case "/check":
				checks[i].Add(1)
			case "/slow":
				arrived <- struct{}{}
				<-hold
			case "/long": // it goes on while the process cannot take it
				if _, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", longPieces*longPiece); err != nil {
					return false
				}
				for n := range longPieces {
					if n == 2 {
						arrived <- struct{}{}
						<-hold
					}
					if _, err := w.Write(make([]byte, longPiece)); err != nil {
						return false
					}
				}
				return true
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
    timeout  = "2s"
    fall     = 2
  }
  eject {
    errors = 2
    window = "1h"
    for    = "1h"
    max    = "100%%"
  }
  timeouts {
    first_byte = "2s"
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
	long := make(chan error, downloads)
	for range downloads {
		go func() { long <- takeLong(addr, *suspended+time.Minute) }()
	}
	for range 1 + downloads {
		<-arrived
	}
	var resting [200]net.Conn
	for i := range resting {
		resting[i] = harness.Dial(t, addr)
		if got := ask(resting[i]); status(got) != "200" {
			t.Fatalf("before: %q", got)
		}
	}
	stop, busy := make(chan struct{}), make(chan error, 8)
	var asked atomic.Int64
	for range cap(busy) {
		go func() { busy <- keepAsking(addr, *suspended+time.Minute, stop, &asked) }()
	}
	harness.Eventually(t, "clients are at work", func() bool { return asked.Load() > 100 })
	for i := range servers {
		harness.Eventually(t, "checks run", func() bool { return checks[i].Load() > 2 })
	}

	next := filepath.Join(s.Dir, "next.hcl")
	text, err := os.ReadFile(s.Config)
	if err == nil {
		err = os.WriteFile(next, append(text, "vhost \"more\" {\n  hosts = [\"more.test\"]\n  backend = \"app\"\n}\n"...), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, errs, code := s.Run("apply", next, "--confirm", "2s"); code != 0 {
		t.Fatalf("apply: %d %s%s", code, out, errs)
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
	harness.Eventually(t, "what nobody confirmed is undone", func() bool {
		_, text := s.Admin("GET", "/v1/history", nil)
		var list []struct{ State string }
		return json.Unmarshal([]byte(text), &list) == nil && len(list) > 1 && list[1].State == "rolled_back"
	})
	for i, c := range resting {
		if got := ask(c); status(got) != "200" {
			t.Errorf("idle connection %d from before: %q", i, got)
		}
	}
	for range downloads {
		if err := <-long; err != nil {
			t.Errorf("a download that was under way: %v", err)
		}
	}
	since := asked.Load()
	harness.Eventually(t, "clients are at work again", func() bool { return asked.Load() > since+100 })
	close(stop)
	for range cap(busy) {
		if err := <-busy; err != nil {
			t.Errorf("a client that asked all the time: %v", err)
		}
	}
	if got := <-slow; status(got) != "200" {
		t.Errorf("a request in flight: %q", got)
	}
	if got := harness.Exchange(t, addr, "GET / HTTP/1.1\r\nHost: a.test\r\nCookie: "+cookie+"\r\nConnection: close\r\n\r\n", time.Minute); !strings.Contains(got, "X-From: "+mine) {
		t.Errorf("a client pinned to %s: %q", mine, got)
	}
	t.Logf("after %v: %d requests in %v", *suspended, 58, took)
}

// The downloads that are under way while the process is stopped.
const (
	downloads  = 4
	longPiece  = 256 << 10
	longPieces = 32
)

// takeLong takes /long whole.
func takeLong(addr string, limit time.Duration) error {
	c := http.Client{Timeout: limit, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + addr + "/long")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != longPieces*longPiece {
		return fmt.Errorf("status %d, %d of %d bytes: %w", resp.StatusCode, n, longPieces*longPiece, err)
	}
	return nil
}

// keepAsking asks on one connection, one request after the other. It is an error if
// that connection ends, or any answer is another than 200.
func keepAsking(addr string, limit time.Duration, stop <-chan struct{}, asked *atomic.Int64) error {
	c, err := net.DialTimeout("tcp", addr, time.Minute)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	for in := bufio.NewReader(c); ; asked.Add(1) {
		select {
		case <-stop:
			return nil
		default:
		}
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
			return err
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != 200 || resp.Close {
			return fmt.Errorf("status %d, close %v: %w", resp.StatusCode, resp.Close, err)
		}
	}
}
