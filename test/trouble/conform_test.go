package trouble

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/conform"
	"fishplate/test/harness"
)

// deliver sends raw bytes, ends the client's stream, and returns what came back.
func deliver(t *testing.T, addr string, raw []byte) string {
	t.Helper()
	c := harness.Dial(t, addr)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = c.Write(raw) // the answer may come before all is written
	_ = c.(*net.TCPConn).CloseWrite()
	text, _ := io.ReadAll(c)
	return string(text)
}

// before reports that the defect lies before the body, so that the server must
// not be reached at all.
func before(row conform.Row) bool {
	head, _, _ := strings.Cut(string(row.Raw), "\r\n\r\n")
	return !strings.Contains(strings.ToLower(head), "\r\ntransfer-encoding: chunked")
}

// TestMalformedRequests replays the table of requests through the real proxy:
// the status is as written, no malformed one reaches the server, and every
// cause is counted as often as the table has it.
func TestMalformedRequests(t *testing.T) {
	rows, err := conform.Requests()
	if err != nil {
		t.Fatal(err)
	}
	var reached atomic.Int64
	o := harness.NewOrigin(t, harness.Each(func(w net.Conn, _ *http.Request) bool {
		reached.Add(1)
		_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		return err == nil
	}))
	s, addr := start(t, "", "", o.Addr)
	// Rows whose server must not be reached come first: a server that is still
	// at an earlier row's body must not be mistaken for one that they reached.
	slices.SortStableFunc(rows, func(a, b conform.Row) int {
		switch {
		case before(a) == before(b):
			return 0
		case before(a):
			return -1
		}
		return 1
	})
	want := map[string]int{}
	bad := 0
	for _, row := range rows {
		if row.Cause == "ok" {
			continue
		}
		bad++
		if row.Cause != "eof" {
			want[row.Cause]++
		}
		whole := before(row)
		seen := reached.Load()
		got := status(deliver(t, addr, row.Raw))
		expected := fmt.Sprint(row.Status)
		if row.Status == 0 {
			expected = ""
		}
		if got != expected {
			t.Errorf("%s: status %q, want %q", row.Name, got, expected)
		}
		if reached.Load() != seen && whole {
			t.Errorf("%s: the server saw it", row.Name)
		}
	}
	if bad < 150 {
		t.Errorf("the table has %d malformed requests, fewer than 150", bad)
	}
	for cause, n := range want {
		counted := 0
		harness.Eventually(t, fmt.Sprintf("%s is counted %d times", cause, n), func() bool {
			counted = 0
			for _, line := range s.Lines() {
				if line["cause"] == cause {
					counted++
				}
			}
			return counted >= n
		})
	}
	served(t, addr)
}

// TestGoodRequests replays the rows that must reach the server.
func TestGoodRequests(t *testing.T) {
	rows, err := conform.Requests()
	if err != nil {
		t.Fatal(err)
	}
	o := harness.NewOrigin(t, harness.Hello("ok"))
	_, addr := start(t, "", "", o.Addr)
	for _, row := range rows {
		if row.Cause != "ok" {
			continue
		}
		if got := deliver(t, addr, row.Raw); status(got) != "200" && status(got) != "100" {
			t.Errorf("%s: %.200q, want 200", row.Name, got)
		}
	}
}

// TestMalformedResponses replays the table of responses: each is a 502, or for a
// defect in a body a visible break, and nothing of it is forwarded as it was.
func TestMalformedResponses(t *testing.T) {
	rows, err := conform.Responses()
	if err != nil {
		t.Fatal(err)
	}
	next := make(chan []byte, 1)
	o := harness.NewOrigin(t, harness.Each(func(w net.Conn, _ *http.Request) bool {
		_, _ = w.Write(<-next)
		return false
	}))
	_, addr := start(t, "", "retry {\n attempts = 0\n }\n timeouts {\n first_byte = \"20s\"\n }", o.Addr)
	bad := 0
	for _, row := range rows {
		if row.Cause == "ok" {
			continue
		}
		bad++
		next <- row.Raw
		got := harness.Exchange(t, addr, row.Method+" / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", 20*time.Second)
		body := strings.Contains(row.Cause, "chunk") || strings.Contains(row.Cause, "trailer") || strings.Contains(row.Cause, "body")
		switch {
		case status(got) == "502":
		case body && !strings.HasSuffix(got, "0\r\n\r\n"):
		default:
			t.Errorf("%s (%s): %.200q, want 502", row.Name, row.Cause, got)
		}
		select {
		case <-next: // the server was not asked; take the answer back
			t.Errorf("%s: the server was not reached", row.Name)
		default:
		}
	}
	if bad < 40 {
		t.Errorf("the table has %d malformed responses, fewer than 40", bad)
	}
}
