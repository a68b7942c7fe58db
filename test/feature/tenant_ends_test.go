package feature

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"fishplate/test/harness"
)

// serveEnding starts the switch with the program that streams, under limits that
// a stream runs into: those of "io" by its instructions and memory, those of
// "late" by its time.
func serveEnding(t *testing.T, origin string) (*harness.Server, string) {
	t.Helper()
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	addr := harness.FreeAddr(t)
	s := harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
tenant "io" {
  program  = %[3]q
  memory   = "24MiB"
  instructions = 20000000
  time     = "10m"
  backends = ["app"]
  cache { status = true }
}
tenant "late" {
  program  = %[3]q
  memory   = "64MiB"
  instructions = 1000000000000
  time = "1s"
  backends = ["app"]
}
vhost "io" {
  hosts = ["io.test"]
  tenant = "io"
  backend = "app"
}
vhost "late" {
  hosts = ["late.test"]
  tenant = "late"
  backend = "app"
}
`, addr, origin, root+"/test/guests/io_ask.elf"))
	return s, addr
}

// everything reads a connection to its end.
func everything(t *testing.T, addr, raw string) (string, error) {
	t.Helper()
	c := harness.Dial(t, addr)
	defer c.Close()
	if _, err := io.WriteString(c, raw); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	return string(b), err
}

// TestStreamsThatBreakOff ends a streamed answer in every way that is not its
// end: no client may take what it has got for the whole.
func TestStreamsThatBreakOff(t *testing.T) {
	o := newAsked(t)
	s, addr := serveEnding(t, o.addr())
	asks := 0
	for _, end := range []struct{ host, path, cause string }{
		{"io.test", "/s/abort", "guest-fault"},
		{"io.test", "/s/exit", "guest-fault"},
		{"io.test", "/s/spin", "guest-budget"},
		{"io.test", "/s/hog", "guest-memory"},
		{"late.test", "/s/spin", "guest-time"},
		{"io.test", "/s/half", "guest-fault"},
		{"io.test", "/s/late", "guest-fault"},
		{"io.test", "/s/short", "guest-response"},
		{"io.test", "/s/cached/not", "guest-fault"},
		{"io.test", "/s/cached/not", "guest-fault"}, // it was not stored
	} {
		for _, how := range []struct{ name, head string }{
			{"HTTP/1.1", "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n"},
			{"HTTP/1.0", "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n"},
			{"HEAD", "HEAD %s HTTP/1.1\r\nHost: %s\r\n\r\n"},
			{"a body that waits", "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n"},
		} {
			what := end.path + " " + how.name
			query := fmt.Sprintf("?%d", asks)
			asks++
			text, err := everything(t, addr, fmt.Sprintf(how.head, end.path+query, end.host))
			for end.cause == "guest-time" && strings.HasPrefix(text, "HTTP/1.1 500 ") {
				// On a busy machine the time may be over before the answer has begun.
				text, err = everything(t, addr, fmt.Sprintf(how.head, end.path+query, end.host))
			}
			head, body, _ := strings.Cut(text, "\r\n\r\n")
			switch how.name {
			case "HTTP/1.0":
				// The end of the connection is that of the body: what has come may be lost.
				if end.path != "/s/short" && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("%s: %q, %v", what, text, err)
				}
				if end.path == "/s/short" && !strings.Contains(head, "Content-Length: 10") {
					t.Errorf("%s: %q", what, text)
				}
			case "HEAD":
				if !strings.HasPrefix(head, "HTTP/1.1 200 ") || body != "" || err != nil {
					t.Errorf("%s: %q, %v", what, text, err)
				}
			default:
				whole := strings.HasSuffix(body, "\r\n0\r\n\r\n") || end.path == "/s/short" && len(body) >= 10
				if !strings.HasPrefix(head, "HTTP/1.1 200 ") || body == "" || whole || err != nil && !errors.Is(err, syscall.ECONNRESET) {
					t.Errorf("%s: %q, %v", what, text, err)
				}
			}
			line := s.WaitLine(what, func(m map[string]any) bool { return m["query"] == query[1:] && m["status"] == 200.0 })
			if how.name != "HEAD" || end.path != "/s/short" {
				if line["cause"] != end.cause || line["side"] != "guest" || line["detail"] == nil {
					t.Errorf("%s: %v", what, line)
				}
			}
		}
	}
	if _, body := do(t, "POST", addr, "io.test", "/s/echo", "x"); body != "xagain -8\n" {
		t.Errorf("afterwards: %q", body)
	}
	harness.Eventually(t, "every fault is counted", func() bool {
		text := counters(t, s)
		for _, want := range []string{
			`fishplate_tenant_active{tenant="io"} 0`, `fishplate_tenant_active{tenant="late"} 0`,
			`fishplate_faults_total{cause="guest-budget"} 4`, `fishplate_faults_total{cause="guest-memory"} 4`,
			`fishplate_tenant_stops_total{reason="budget",tenant="io"} 4`, `fishplate_tenant_stops_total{reason="memory",tenant="io"} 4`,
		} {
			if !strings.Contains(text, want) {
				return false
			}
		}
		return true
	})
}

// TestOriginsThatBreakOff is for bodies that no program makes.
func TestOriginsThatBreakOff(t *testing.T) {
	o := newAsked(t)
	addr := harness.FreeAddr(t)
	origin := harness.NewOrigin(t, func(c net.Conn) {
		_, _ = io.ReadAtLeast(c, make([]byte, 4096), 1)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n")
	})
	s := harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
backend "other" { servers = [%q] }
vhost "io" {
  hosts = ["io.test"]
  backend = "app"
}
vhost "other" {
  hosts = ["other.test"]
  backend = "other"
}
`, addr, origin.Addr, o.addr()))
	if text, err := everything(t, addr, "GET /?0 HTTP/1.0\r\nHost: io.test\r\n\r\n"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("HTTP/1.0: %q, %v", text, err)
	}
	if text, _ := everything(t, addr, "GET /?1 HTTP/1.1\r\nHost: io.test\r\n\r\n"); !strings.Contains(text, "some") || strings.HasSuffix(text, "0\r\n\r\n") {
		t.Errorf("HTTP/1.1: %q", text)
	}
	for _, query := range []string{"0", "1"} {
		if line := s.WaitLine(query, func(m map[string]any) bool { return m["query"] == query }); line["side"] != "origin" {
			t.Error(line)
		}
	}
	if text, err := everything(t, addr, "GET /stamp HTTP/1.0\r\nHost: other.test\r\n\r\n"); !strings.HasSuffix(text, "\r\n\r\n1") || err != nil {
		t.Errorf("a whole one: %q, %v", text, err)
	}
}

// TestClientsThatLeaveWaiters breaks off while programs wait for others: the
// fork is given back, and the other side sees that nobody waits any more.
func TestClientsThatLeaveWaiters(t *testing.T) {
	o := newAsked(t)
	s, addr := serveEnding(t, o.addr())
	const each = 4
	for _, path := range []string{"/stay/read", "/stay/head"} {
		var conns []net.Conn
		for range each {
			c := harness.Dial(t, addr)
			conns = append(conns, c)
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: io.test\r\n\r\n", path)
			<-o.hung
		}
		if !strings.Contains(counters(t, s), fmt.Sprintf(`fishplate_tenant_active{tenant="io"} %d`, each)) {
			t.Errorf("%s: the programs do not wait", path)
		}
		for _, c := range conns {
			c.Close()
		}
		for range each {
			<-o.left
		}
		harness.Eventually(t, "the programs have ended", func() bool {
			return strings.Contains(counters(t, s), `fishplate_tenant_active{tenant="io"} 0`)
		})
		line := s.WaitLine(path, func(m map[string]any) bool { return m["path"] == path })
		if line["cause"] != "guest-cancelled" || line["status"] != 0.0 {
			t.Error(line)
		}
	}
}
