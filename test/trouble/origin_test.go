package trouble

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"fishplate/test/harness"
)

// raw answers every request with the same bytes, then closes or keeps open.
func raw(text string, stay bool) func(net.Conn) {
	return harness.Each(func(w net.Conn, _ *http.Request) bool {
		if _, err := io.WriteString(w, text); err != nil {
			return false
		}
		return stay
	})
}

func TestServersThatMisbehave(t *testing.T) {
	tests := []struct {
		name, answer  string
		stay          bool
		status, cause string
	}{
		{"closes without a byte", "", false, "502", ""},
		{"hangs", "", true, "504", "first-byte-timeout"},
		{"speaks something else", "220 mail.test ESMTP\r\n", false, "502", ""},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Le", false, "502", ""},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", true, "502", ""},
		{"length and coding", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", true, "502", ""},
		{"an endless head", "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 200_000), true, "502", ""},
		{"too many fields", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: a\r\n", 2000) + "\r\n", true, "502", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := harness.NewOrigin(t, raw(test.answer, test.stay))
			more := "" // the default gives a busy machine the time to answer at once
			if test.cause == "first-byte-timeout" {
				more = "timeouts {\n first_byte = \"500ms\"\n }"
			}
			s, addr := start(t, "", more, o.Addr)
			got := harness.Exchange(t, addr, get, time.Minute)
			if status(got) != test.status {
				t.Errorf("answer %q, want status %s", got, test.status)
			}
			line := s.WaitLine("fault of the origin", func(m map[string]any) bool { return m["cause"] != nil && m["cause"] != "" })
			if test.cause != "" && line["cause"] != test.cause {
				t.Errorf("logged cause %v, want %s", line["cause"], test.cause)
			}
		})
	}
}

// TestTooLittleBody: the client must be able to tell that the answer is cut.
func TestTooLittleBody(t *testing.T) {
	for _, head := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n0123456789",
	} {
		o := harness.NewOrigin(t, raw(head, false))
		s, addr := start(t, "", "", o.Addr)
		c := harness.Dial(t, addr)
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprint(c, get)
		got, _ := io.ReadAll(c)
		if status(string(got)) != "200" || strings.HasSuffix(string(got), "0\r\n\r\n") || strings.Count(string(got), "HTTP/1.1") != 1 {
			t.Errorf("a cut answer arrives as %q; want 200, no end, one head", got)
		}
		s.WaitLine("a cause", func(m map[string]any) bool { return m["cause"] != nil && m["cause"] != "" })
	}
}

// TestTooMuchBody: bytes after the end never reach another client.
func TestTooMuchBody(t *testing.T) {
	o := harness.NewOrigin(t, raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", true))
	_, addr := start(t, "", "", o.Addr)
	for range 20 {
		got := harness.Exchange(t, addr, get, time.Minute)
		if !strings.HasSuffix(got, "\r\n\r\nok") || strings.Contains(got, "poison") {
			t.Fatalf("answer %q, want only the two bytes that were announced", got)
		}
	}
}

// TestKilledServer opens many connections to a site, kills the one server of
// two, and expects that every later request is served by the other. Clients get less
// than half of the descriptors, of which 20,000 are usual where tests run.
func TestKilledServer(t *testing.T) {
	const connections = 8_000
	a, b := harness.NewOrigin(t, harness.Hello("from a")), harness.NewOrigin(t, harness.Hello("from b"))
	_, addr := start(t, "limits {\n per_client = 20000\n }", "retry {\n attempts = 2\n on = [\"connect\", \"reset\"]\n }", a.Addr, b.Addr)
	conns := make([]net.Conn, 0, connections)
	for range connections {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns = append(conns, c)
	}
	ask := func(c net.Conn) string {
		_ = c.SetDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
			return err.Error()
		}
		buf := make([]byte, 4096)
		n, err := c.Read(buf)
		if err != nil {
			return err.Error()
		}
		return string(buf[:n])
	}
	for _, c := range conns[:200] {
		if got := ask(c); status(got) != "200" {
			t.Fatalf("before: %q", got)
		}
	}
	a.Close()
	bad := 0
	for i, c := range conns {
		if got := ask(c); status(got) != "200" {
			if bad++; bad < 5 {
				t.Errorf("connection %d after the kill: %q", i, got)
			}
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d requests failed after the kill", bad, connections)
	}
}
