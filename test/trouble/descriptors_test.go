package trouble

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fishplate/test/harness"
)

// files is how many descriptors the processes of these tests may have: fewer than
// their clients, servers and pipes would take.
const files = 100

// largest is a body that no socket buffers hold.
const largest = 4 << 20

// sizes starts an origin whose answer to "/big" is large.
func sizes(t *testing.T) *harness.Origin {
	large := strings.Repeat("x", largest)
	return harness.NewOrigin(t, harness.Each(func(w net.Conn, r *http.Request) bool {
		body := "ok"
		if r.URL.Path == "/big" {
			body = large
		}
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return err == nil
	}))
}

// A caller is a client that keeps its connection.
type caller struct {
	net.Conn
	*bufio.Reader
}

// ask sends a request and returns the status, 0 when the connection ended. The body
// is left to the caller.
func (c *caller) ask(path string) int {
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c.Conn, "GET %s HTTP/1.1\r\nHost: a.test\r\n\r\n", path)
	resp, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}

// skip reads n bytes of a body, and returns how many there were.
func (c *caller) skip(n int64) int64 {
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	got, _ := io.CopyN(io.Discard, c.Reader, n)
	return got
}

// callers connects n clients, and returns those that were served.
func callers(t *testing.T, addr string, n int) (in []*caller) {
	t.Helper()
	little := net.Dialer{Timeout: time.Minute, Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 2048) })
	}}
	for range n {
		c, err := little.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		k := &caller{c, bufio.NewReader(c)}
		switch got := k.ask("/"); got {
		case 200:
			k.skip(2)
			in = append(in, k)
		case 0: // let go
			c.Close()
		default:
			t.Fatalf("a client is answered with %d", got)
		}
	}
	if len(in) < 5 {
		t.Fatalf("%d clients of %d are served with %d descriptors", len(in), n, files)
	}
	return in
}

// blameless fails the test when a line of the access log blames the server.
func blameless(t *testing.T, s *harness.Server) {
	t.Helper()
	for _, line := range s.Lines() {
		if line["side"] == "origin" {
			t.Fatalf("the server is blamed: %v", line)
		}
	}
}

// TestDownloadsWithFewDescriptors: who was let in, and asks for more than anybody has
// descriptors for, gets it whole, however slowly it is read; orders are taken meanwhile.
func TestDownloadsWithFewDescriptors(t *testing.T) {
	o := sizes(t)
	addr := harness.FreeAddr(t)
	s := harness.Start(t, site(addr, "", "", o.Addr), harness.Files(files))
	in := callers(t, addr, 60)
	for i, c := range in {
		if got := c.ask("/big"); got != 200 {
			t.Fatalf("client %d of %d: status %d", i, len(in), got)
		}
	}
	if _, stderr, code := s.Run("status"); code != 0 {
		t.Errorf("status: %s", stderr)
	}
	var all sync.WaitGroup
	for i, c := range in {
		all.Go(func() {
			_ = c.Conn.(*net.TCPConn).SetReadBuffer(1 << 20)
			if got := c.skip(largest); got != largest {
				t.Errorf("client %d of %d: the body ends at %d of %d", i, len(in), got, largest)
			}
		})
	}
	all.Wait()
	blameless(t, s)
}

// TestServerIsNotBlamedForDescriptors: while some clients hold downloads the others
// are answered, and nobody is ejected; afterwards everybody is served.
func TestServerIsNotBlamedForDescriptors(t *testing.T) {
	o := sizes(t)
	addr := harness.FreeAddr(t)
	eject := "eject {\n errors = 5\n window = \"10s\"\n for = \"30s\"\n max = \"100%\"\n }"
	s := harness.Start(t, site(addr, "", eject, o.Addr), harness.Files(files))
	in := callers(t, addr, 60)
	some := len(in) / 2
	for _, c := range in[:some] {
		if got := c.ask("/big"); got != 200 {
			t.Errorf("a download: status %d", got)
		}
	}
	for _, c := range in[some:] {
		if got := c.ask("/"); got != 200 && got != 503 {
			t.Errorf("beside the downloads: status %d", got)
		}
	}
	for _, c := range in {
		c.Close()
	}
	for range 5 {
		harness.Eventually(t, "a client is let in", func() bool {
			got := status(harness.Exchange(t, addr, get, 10*time.Second))
			if got != "200" && got != "" {
				t.Fatalf("afterwards: status %s", got)
			}
			return got == "200"
		})
	}
	blameless(t, s)
	if strings.Contains(s.Stderr(), "ejected") {
		t.Error("the server was ejected")
	}
}
