package service

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// ask is one request on a connection. Its answer says whether that goes on.
func ask(c net.Conn, r *bufio.Reader, path string) (body string, last bool, err error) {
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a.test\r\n\r\n", path); err != nil {
		return "", true, err
	}
	return answer(r)
}

func answer(r *bufio.Reader) (body string, last bool, err error) {
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return "", true, err
	}
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", resp.StatusCode)
	}
	return string(text), resp.Close, err
}

// wants makes a request on a new connection, and compares the answer.
func (m *machine) wants(addr, path, want string) {
	m.t.Helper()
	if got, err := m.get(addr, path); err != nil || got != want {
		m.t.Fatalf("%s%s: %q, %v; want %q", addr, path, got, err, want)
	}
}

func (m *machine) get(addr, path string) (body string, err error) {
	c, err := m.dial(addr)
	if err != nil {
		return "", err
	}
	defer c.Close()
	body, _, err = ask(c, bufio.NewReader(c), path)
	return body, err
}

// waiting is a request whose answer is awaited.
type waiting struct {
	c net.Conn
	r *bufio.Reader
}

func (m *machine) begin(addr, path string) waiting {
	m.t.Helper()
	c, err := m.dial(addr)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { c.Close() })
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a.test\r\n\r\n", path); err != nil {
		m.t.Fatal(err)
	}
	return waiting{c, bufio.NewReader(c)}
}

func (w waiting) ends(t *testing.T, what, want string) {
	t.Helper()
	if got, _, err := answer(w.r); err != nil || got != want {
		t.Errorf("%s: %q, %v; want %q", what, got, err, want)
	}
}

// load makes requests without a pause, on connections of one and of many.
type load struct {
	stop  atomic.Bool
	loops sync.WaitGroup
	done  atomic.Int64

	mu   sync.Mutex
	lost []string
}

func (m *machine) load(addr string) *load {
	l := &load{}
	for i := range 4 {
		l.loops.Go(func() {
			for !l.stop.Load() {
				if err := l.client(m, addr, 1+i*20); err != nil {
					l.mu.Lock()
					l.lost = append(l.lost, err.Error())
					l.mu.Unlock()
				}
			}
		})
	}
	return l
}

func (l *load) client(m *machine, addr string, requests int) error {
	c, err := m.dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	r := bufio.NewReader(c)
	for n := range requests {
		body, last, err := ask(c, r, "/")
		switch {
		case err != nil:
			return fmt.Errorf("request %d of a connection: %w", n+1, err)
		case body != hello:
			return fmt.Errorf("request %d of a connection: %q", n+1, body)
		}
		if l.done.Add(1); last || l.stop.Load() {
			break
		}
	}
	return nil
}

// end ends it, when n more requests were answered, and reports what was lost.
func (l *load) end(m *machine, n int64) {
	m.t.Helper()
	begun := l.done.Load()
	m.until("requests are answered", func() bool { return l.done.Load() >= begun+n })
	l.stop.Store(true)
	l.loops.Wait()
	if len(l.lost) > 0 {
		m.t.Errorf("%d requests were lost, %d answered:\n%s", len(l.lost), l.done.Load(), strings.Join(l.lost, "\n"))
	}
}
