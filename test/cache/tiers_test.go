package cache

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"fishplate/test/harness"
)

// TestWaitIsBounded: who waits for another's fetch that hangs fetches alone
// after the policy's time.
func TestWaitIsBounded(t *testing.T) {
	var asked atomic.Int64
	gate := make(chan struct{})
	_, addr, _ := launch(t, "  cache {\n    wait = \"50ms\"\n  }\n", func(w net.Conn, _ *http.Request) bool {
		if asked.Add(1) == 1 {
			<-gate
		}
		_, err := fmt.Fprint(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok")
		return err == nil
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if c, err := begin(addr, "/"); err != nil {
			t.Error(err)
		} else if body, err := c.rest(64); err != nil || string(body) != "ok" {
			t.Errorf("the first got %q, %v", body, err)
		}
	})
	harness.Eventually(t, "the origin is asked", func() bool { return asked.Load() == 1 })
	for range 3 { // while the first still hangs
		c, err := begin(addr, "/")
		if err != nil {
			t.Fatal(err)
		}
		if body, err := c.rest(64); err != nil || string(body) != "ok" {
			t.Errorf("a later one got %q, %v", body, err)
		}
	}
	close(gate)
	wg.Wait()
}

// TestSlices: ranges of a large resource are fetched in slices of one grid, each
// once, and every part is right.
func TestSlices(t *testing.T) {
	const total, slice = 900_000, 64 << 10
	body := pattern("/s", 1, total)
	var mu sync.Mutex
	ranges := map[string]int{}
	_, addr, _ := launch(t, "  cache {\n    slice = \"64KiB\"\n  }\n", func(w net.Conn, r *http.Request) bool {
		mu.Lock()
		ranges[r.Header.Get("Range")]++
		mu.Unlock()
		var first, last int
		status, extra, part := "200 OK", "", body
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); n == 2 {
			last = min(last, total-1)
			status, extra, part = "206 Partial Content", fmt.Sprintf("Content-Range: bytes %d-%d/%d\r\n", first, last, total), body[first:last+1]
		}
		_, err := fmt.Fprintf(w, "HTTP/1.1 %s\r\nETag: \"1\"\r\nCache-Control: max-age=60\r\n%sContent-Length: %d\r\n\r\n%s", status, extra, len(part), part)
		return err == nil
	})
	for _, want := range [][2]int{{0, 10}, {65_530, 65_545}, {100_000, 400_000}, {0, 899_999}, {899_990, 899_999}, {65_536, 131_071}, {131_071, 131_072}} {
		c, err := begin(addr, "/s", fmt.Sprintf("Range: bytes=%d-%d", want[0], want[1]))
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.rest(1 << 15)
		if err != nil || c.resp.StatusCode != 206 || !bytes.Equal(got, body[want[0]:want[1]+1]) {
			t.Errorf("%v: %s, %d bytes, %v", want, c.resp.Status, len(got), err)
		}
		if told := fmt.Sprintf("bytes %d-%d/%d", want[0], want[1], total); c.resp.Header.Get("Content-Range") != told {
			t.Errorf("%v: Content-Range %q, want %q", want, c.resp.Header.Get("Content-Range"), told)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for what, n := range ranges {
		var first, last int
		fmt.Sscanf(what, "bytes=%d-%d", &first, &last)
		if n != 1 || first%slice != 0 || last != first+slice-1 {
			t.Errorf("the origin was asked %d times for %q", n, what)
		}
	}
}

// TestDiskOutlivesTheProcess: what was stored is served by the next process,
// whether the last one ended well or was killed; and what it serves is whole.
func TestDiskOutlivesTheProcess(t *testing.T) {
	var asked atomic.Int64
	o := harness.NewOrigin(t, harness.Each(func(w net.Conn, r *http.Request) bool {
		asked.Add(1)
		body := pattern(r.URL.Path, 1, size(r.URL.Path, 1))
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nCache-Control: max-age=6000\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return err == nil
	}))
	disk := filepath.Join(t.TempDir(), "disk")
	const objects = 100
	read := func(addr string) {
		t.Helper()
		for i := range objects {
			path := fmt.Sprintf("/d%d", i)
			c, err := begin(addr, path)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.rest(1 << 14); err != nil || !bytes.Equal(got, pattern(path, 1, size(path, 1))) {
				t.Errorf("%s: %d bytes that are not it, %v", path, len(got), err)
			}
		}
	}
	for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		addr := harness.FreeAddr(t)
		text := site(addr, o.Addr, profile{name: "plain", text: ordinary})
		text = strings.Replace(text, "memory = \"64MiB\"", fmt.Sprintf("memory = \"64MiB\"\n  disk {\n    path = %q\n    size = \"256MiB\"\n  }", disk), 1)
		s := harness.Start(t, text)
		read(addr)
		s.Signal(end)
		<-s.Exited()
		if end == syscall.SIGTERM {
			if n := asked.Load(); n != objects {
				t.Errorf("the first process asked %d times for %d objects", n, objects)
			}
			continue
		}
		// After the orderly end all was there; after a kill, what is there is right.
		if n := asked.Load(); n != objects {
			t.Errorf("the second process asked again for %d of %d objects", n-objects, objects)
		}
		again := harness.Start(t, text)
		read(addr)
		again.Signal(syscall.SIGTERM)
		<-again.Exited()
		if n := asked.Load(); n > objects {
			t.Errorf("after a kill, %d of %d objects that an earlier process had written were asked for again", n-objects, objects)
		}
	}
}

// TestLargeObjectsComeFromTheFile: a body that is sent out of the segment, whole
// and in ranges, after a restart; then purged.
func TestLargeObjectsComeFromTheFile(t *testing.T) {
	const total = 3 << 20
	var asked atomic.Int64
	o := harness.NewOrigin(t, harness.Each(func(w net.Conn, r *http.Request) bool {
		asked.Add(1)
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nCache-Control: max-age=6000\r\nContent-Length: %d\r\n\r\n%s", total, pattern(r.URL.Path, 1, total))
		return err == nil
	}))
	addr := harness.FreeAddr(t)
	text := site(addr, o.Addr, profile{name: "plain", text: strings.Replace(ordinary, "cache {", "cache {\n    purge { from = [\"127.0.0.0/8\"] }", 1)})
	text = strings.Replace(text, "memory = \"64MiB\"", fmt.Sprintf("memory = \"64MiB\"\n  disk {\n    path = %q\n    size = \"256MiB\"\n  }", filepath.Join(t.TempDir(), "disk")), 1)
	read := func(from, to int, fields ...string) {
		t.Helper()
		c, err := begin(addr, "/large", fields...)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.rest(1 << 16); err != nil || !bytes.Equal(got, pattern("/large", 1, total)[from:to]) {
			t.Errorf("%v: %d bytes that are not it, %v", fields, len(got), err)
		}
	}
	s := harness.Start(t, text)
	read(0, total)
	s.Signal(syscall.SIGTERM)
	<-s.Exited()
	s = harness.Start(t, text)
	for range 3 {
		read(0, total)
		read(total-5, total, "Range: bytes=-5")
		read(1<<20, 2<<20, fmt.Sprintf("Range: bytes=%d-%d", 1<<20, 2<<20-1))
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the origin was asked %d times, want once", n)
	}
	if _, err := ask(addr, "x.plain.test", message{first: "PURGE", target: "/large"}); err != nil {
		t.Fatal(err)
	}
	read(0, total)
	if n := asked.Load(); n != 2 {
		t.Errorf("after a purge the origin was asked %d times, want twice", n)
	}
	s.Signal(syscall.SIGTERM)
	<-s.Exited()
}

// TestQuotaKeepsNeighboursApart: one site floods the store; another's object
// stays.
func TestQuotaKeepsNeighboursApart(t *testing.T) {
	o := harness.NewOrigin(t, harness.Each(func(w net.Conn, r *http.Request) bool {
		body := pattern(r.URL.Path, 1, 10_000)
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return err == nil
	}))
	addr := harness.FreeAddr(t)
	text := fmt.Sprintf("listener \"web\" { bind = [%q] }\nbackend \"app\" { servers = [%q] }\ncache \"main\" { memory = \"8MiB\" }\n", addr, o.Addr)
	for _, name := range []string{"loud", "quiet"} {
		text += fmt.Sprintf("vhost %q {\n  hosts = [\"%s.test\"]\n  cache {\n    quota = \"3MiB\"\n  }\n  route \"all\" { backend = \"app\" }\n}\n", name, name)
	}
	harness.Start(t, text)
	get := func(host, path string) *seen {
		t.Helper()
		got, err := ask(addr, host, message{first: "GET", target: path})
		if err != nil || got.first != "200" || got.body != string(pattern(path, 1, 10_000)) {
			t.Fatalf("%s%s: %v, %v", host, path, got, err)
		}
		return got
	}
	const own = 50
	for i := range own {
		get("quiet.test", fmt.Sprintf("/q%d", i))
	}
	for i := range 3000 {
		get("loud.test", fmt.Sprintf("/l%d", i))
	}
	lost := 0
	for i := range own {
		if get("quiet.test", fmt.Sprintf("/q%d", i)).header.Get("Age") == "" {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("the loud neighbour took %d of %d objects of the quiet one", lost, own)
	}
}
