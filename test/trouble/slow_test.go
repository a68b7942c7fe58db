package trouble

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"fishplate/test/harness"
)

const shortTimeouts = `
  timeouts {
    head  = "1s"
    body  = "1s"
    idle  = "2s"
    write = "1s"
  }`

// drip sends text byte by byte until the peer closes, and returns what it sent back.
func drip(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	answer := make(chan string, 1)
	go func() {
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		got, _ := io.ReadAll(c)
		answer <- string(got)
	}()
	for i := 0; ; i++ {
		select {
		case got := <-answer:
			return got
		case <-time.After(50 * time.Millisecond):
			_, _ = io.WriteString(c, text[i%len(text):i%len(text)+1])
		}
	}
}

func TestSlowHeadIsCutOff(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	s, addr := start(t, shortTimeouts, "", o.Addr)
	got := drip(t, harness.Dial(t, addr), "GET / HTTP/1.1\r\nHost: a.test\r\nX-A: "+strings.Repeat("a", 1000))
	if status(got) != "408" {
		t.Errorf("a head that never ends is answered %q, want 408", got)
	}
	if n := o.Accepted.Load(); n != 0 {
		t.Errorf("the origin saw %d connections", n)
	}
	s.WaitLine("status 408", func(m map[string]any) bool { return m["status"] == 408.0 })
	served(t, addr)
}

// TestAnswerBeforeTheUpload: a server that answers before it has the whole body, and a
// client that sends all of that before it reads. Nothing of the answer is lost by the
// end of the connection, nor is that of requests with something behind the last.
func TestAnswerBeforeTheUpload(t *testing.T) {
	body := strings.Repeat("a", 300_000)
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	o := harness.NewOrigin(t, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, answer)
		}
		_, _ = io.Copy(io.Discard, c)
	})
	_, addr := start(t, "", "", o.Addr)
	for _, tt := range []struct {
		name, head string
		more       int
	}{
		{"upload", "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nContent-Length: 2000000\r\n\r\n", 2_000_000},
		{"something behind the last request", "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", 400_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := harness.Dial(t, addr)
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err := io.WriteString(c, tt.head+strings.Repeat("b", 16<<10)); err != nil {
				t.Fatal(err)
			}
			for left := tt.more - 16<<10; left > 0; left -= 1000 {
				if _, err := c.Write(make([]byte, min(left, 1000))); err != nil {
					t.Fatalf("%d bytes are left to be sent: %v", left, err)
				}
			}
			got, err := io.ReadAll(c)
			if status(string(got)) != "200" || err != nil || !strings.HasSuffix(string(got), "\r\n\r\n"+body) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

func TestSlowBodyIsCutOff(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	_, addr := start(t, shortTimeouts+"\n limits {\n body_rate = \"1000B\"\n }", "", o.Addr)
	c := harness.Dial(t, addr)
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if got := drip(t, c, "x"); status(got) != "408" {
		t.Errorf("a body that drips is answered %q, want 408", got)
	}
	served(t, addr)
}

func TestSlowReaderIsCutOff(t *testing.T) {
	ended := make(chan struct{}, 1)
	big := strings.Repeat("x", 1<<20)
	o := harness.NewOrigin(t, harness.Each(func(w net.Conn, r *http.Request) bool {
		if r.URL.Path != "/big" {
			_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			return err == nil
		}
		_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
		for range 1024 {
			if _, err := io.WriteString(w, big); err != nil {
				ended <- struct{}{}
				return false
			}
		}
		return true
	}))
	s, addr := start(t, shortTimeouts, "", o.Addr)
	c := harness.Dial(t, addr)
	if _, err := io.WriteString(c, "GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Fatal("a client that never reads keeps its origin connection for a minute")
	}
	s.WaitLine("write timeout", func(m map[string]any) bool { return m["cause"] == "write-timeout" })
	served(t, addr)
}

func TestIdleConnectionIsClosed(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	_, addr := start(t, shortTimeouts, "", o.Addr)
	c := harness.Dial(t, addr)
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c) // ends when the proxy closes
	if err != nil || status(string(got)) != "200" || strings.Count(string(got), "HTTP/1.1") != 1 {
		t.Errorf("idle close: got %q, error %v; want one 200 and a clean end", got, err)
	}
}
