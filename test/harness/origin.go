package harness

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Origin is a server whose every byte the test decides.
type Origin struct {
	Addr     string
	Accepted atomic.Int64 // connections so far

	listener net.Listener
	mu       sync.Mutex
	conns    map[net.Conn]bool
	wg       sync.WaitGroup
}

// NewOrigin starts an origin that gives each connection to serve, which owns it
// until it returns.
func NewOrigin(t testing.TB, serve func(net.Conn)) *Origin {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &Origin{Addr: l.Addr().String(), listener: l, conns: map[net.Conn]bool{}}
	o.wg.Go(func() { o.accept(serve) })
	t.Cleanup(func() {
		o.Close()
		o.wg.Wait()
	})
	return o
}

func (o *Origin) accept(serve func(net.Conn)) {
	for {
		c, err := o.listener.Accept()
		if err != nil {
			return
		}
		o.Accepted.Add(1)
		o.mu.Lock()
		o.conns[c] = true
		o.mu.Unlock()
		o.wg.Go(func() {
			defer func() {
				c.Close()
				o.mu.Lock()
				delete(o.conns, c)
				o.mu.Unlock()
			}()
			serve(c)
		})
	}
}

// Close stops listening and resets every connection, as a killed process does.
func (o *Origin) Close() {
	o.listener.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	for c := range o.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		c.Close()
	}
}

// Hello returns a connection handler that answers every request with 200 and
// body, keep-alive, after reading the request's body.
func Hello(body string) func(net.Conn) {
	return Each(func(w net.Conn, _ *http.Request) bool {
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return err == nil
	})
}

// Each returns a connection handler that reads whole requests by net/http and
// calls answer for each, whose bytes go to the wire as they are; false ends the
// connection.
func Each(answer func(w net.Conn, r *http.Request) bool) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if _, err := io.Copy(io.Discard, req.Body); err != nil || !answer(c, req) {
				return
			}
		}
	}
}

// FreeAddr returns a loopback address that nobody listens on. Its port lies
// below those that the kernel gives to outgoing connections, one of which could
// take a port of that range before the test does.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := ListenLow()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// ListenLow listens on a loopback port between 15000 and 31999, which no other test
// of this machine gets while this process lives: who frees it finds it free.
func ListenLow() (l net.Listener, err error) {
	for range 100 {
		port := 15000 + rand.IntN(17000)
		if err = claim(port); err != nil {
			continue
		}
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// Dial connects to addr for the length of the test.
func Dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Exchange sends raw bytes on a new connection and returns everything that
// comes back until the peer closes or the time is up.
func Exchange(t testing.TB, addr, raw string, limit time.Duration) string {
	t.Helper()
	c := Dial(t, addr)
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(limit))
	// The peer may answer and close before all is written: the answer counts.
	_, _ = io.WriteString(c, raw)
	text, _ := io.ReadAll(c)
	return string(text)
}

// Eventually waits until ok holds.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never happened: %s", what)
}
