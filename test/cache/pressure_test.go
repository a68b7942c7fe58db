package cache

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fishplate/test/harness"
)

// narrow serves with a store of 4 MiB.
func narrow(t *testing.T, serve func(net.Conn, *http.Request) bool, options ...harness.Option) (*harness.Server, string) {
	t.Helper()
	o := harness.NewOrigin(t, harness.Each(serve))
	addr := harness.FreeAddr(t)
	text := strings.Replace(site(addr, o.Addr, profile{name: "plain", text: ordinary}), "64MiB", "4MiB", 1)
	return harness.Start(t, text, options...), addr
}

// TestMoreInFlightThanFits: objects that are still growing are many times the
// store together. Every client gets its own whole, and the process does not grow
// by what does not fit.
func TestMoreInFlightThanFits(t *testing.T) {
	const clients, each = 48, 1 << 20
	gate := make(chan struct{})
	s, addr := narrow(t, func(w net.Conn, r *http.Request) bool {
		body := pattern(r.URL.Path, 1, each)
		fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n", each)
		if _, err := w.Write(body[:each-1]); err != nil {
			return false
		}
		<-gate
		_, err := w.Write(body[each-1:])
		return err == nil
	}, plain(t))
	before := harness.Memory(t, s.PID(), "VmRSS")
	var wg, ready sync.WaitGroup
	ready.Add(clients)
	for i := range clients {
		wg.Go(func() {
			path := fmt.Sprintf("/f%d", i)
			c, err := begin(addr, path)
			if err != nil {
				t.Errorf("%s: %v", path, err)
				ready.Done()
				return
			}
			most := make([]byte, each-1)
			_, err = io.ReadFull(c.resp.Body, most)
			ready.Done()
			rest, err2 := c.rest(64)
			if err != nil || err2 != nil || !bytes.Equal(append(most, rest...), pattern(path, 1, each)) {
				t.Errorf("%s: %v, %v, %d bytes", path, err, err2, len(most)+len(rest))
			}
		})
	}
	ready.Wait()
	grown := harness.Memory(t, s.PID(), "VmRSS") - before
	close(gate)
	wg.Wait()
	t.Logf("%d objects of %d KiB in flight, a store of 4 MiB: grown by %d MiB", clients, each>>10, grown>>20)
	if grown > 28<<20 {
		t.Errorf("the process grew by %d MiB for %d MiB in flight, with a store of 4 MiB", grown>>20, clients*each>>20)
	}
}

// TestEvictedWhileItIsSent: clients that do not read hold an object that a flood
// pushes out. When they read at last, it is what they asked for.
func TestEvictedWhileItIsSent(t *testing.T) {
	const big = 1 << 20
	var asked atomic.Int64
	_, addr := narrow(t, func(w net.Conn, r *http.Request) bool {
		n := 20_000
		if r.URL.Path == "/big" {
			asked.Add(1)
			n = big
		}
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n%s", n, pattern(r.URL.Path, 1, n))
		return err == nil
	})
	c, err := begin(addr, "/big")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.rest(1 << 14); err != nil {
		t.Fatal(err)
	}
	var slow []*reader
	for range 4 {
		c, err := begin(addr, "/big") // its head is read, its body waits
		if err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	for i := range 600 {
		path := fmt.Sprintf("/n%d", i)
		if got, err := ask(addr, "x.plain.test", message{first: "GET", target: path}); err != nil || got.body != string(pattern(path, 1, 20_000)) {
			t.Fatalf("%s: %v", path, err)
		}
	}
	for i, c := range slow {
		if got, err := c.rest(1 << 12); err != nil || !bytes.Equal(got, pattern("/big", 1, big)) {
			t.Errorf("slow client %d: %d bytes that are not it, %v", i, len(got), err)
		}
	}
	c, err = begin(addr, "/big")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.rest(1 << 14); err != nil || !bytes.Equal(got, pattern("/big", 1, big)) {
		t.Errorf("afterwards: %d bytes, %v", len(got), err)
	}
	t.Logf("the big one was fetched %d times", asked.Load())
}

// TestPurgedWhileItIsFetched: what is purged while it grows is not served to who
// comes after the purge.
func TestPurgedWhileItIsFetched(t *testing.T) {
	var asked atomic.Int64
	gate := make(chan struct{})
	text := "  cache {\n    purge {\n      from = [\"127.0.0.0/8\"]\n    }\n  }\n"
	_, addr, _ := launch(t, text, func(w net.Conn, r *http.Request) bool {
		n := asked.Add(1)
		if n == 1 {
			fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nX-Kind: it\r\nSurrogate-Key: tag\r\nContent-Length: 4\r\n\r\nol")
			<-gate
			_, err := io.WriteString(w, "d\n")
			return err == nil
		}
		_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\nnew\n")
		return err == nil
	})
	first, err := begin(addr, "/")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ask(addr, "x.plain.test", message{first: "BAN", target: "/", fields: []string{`X-Ban: obj.header("X-Kind") == "it"`}}); err != nil || got.first != "200" {
		t.Fatalf("ban: %+v, %v", got, err)
	}
	after, err := ask(addr, "x.plain.test", message{first: "GET", target: "/"})
	if err != nil || after.body != "new\n" {
		t.Errorf("after the ban: %+v, %v; want the new answer", after, err)
	}
	close(gate)
	if got, err := first.rest(64); err != nil || string(got) != "old\n" {
		t.Errorf("the first client got %q, %v", got, err)
	}
	after, err = ask(addr, "x.plain.test", message{first: "GET", target: "/"})
	if err != nil || after.body != "new\n" {
		t.Errorf("when the old fetch has ended: %+v, %v; want the new answer", after, err)
	}
}
