package reloads

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"math/big"
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

var (
	generations = flag.Int("generations", usual, "changes of TestMemoryReturns, and downloads that begin under each")
	profiles    = flag.String("profiles", "", "folder for heap profiles of TestMemoryReturns")
)

// estate is a site of some size: a copy of any part of it that a generation leaves
// behind would be seen.
type estate struct {
	dir, web, tls, origin, program string
	vhosts                         int
	turn                           int // of what differs from change to change
}

// patience is a listener's with clients that do not read on for long.
const patience = "timeouts {\n    idle  = \"1h\"\n    write = \"1h\"\n  }\n"

const (
	piece = 64 << 10 // of a download that comes before the rest is held back
	whole = 1 << 20
	large = 16 << 20 // more than sockets hold: it is in the cache at once
)

func newEstate(t *testing.T, vhosts int, origin string) *estate {
	t.Helper()
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	e := &estate{
		dir: t.TempDir(), web: harness.FreeAddr(t), tls: harness.FreeAddr(t), origin: origin,
		program: filepath.Join(root, "test/guests/hooks.elf"), vhosts: vhosts,
	}
	for i := range vhosts {
		e.certify(t, i, 1)
	}
	return e
}

// certify writes the certificate of a virtual host.
func (e *estate) certify(t *testing.T, i, serial int) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("v%d.test", i)
	template := x509.Certificate{
		SerialNumber: big.NewInt(int64(serial)), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(1000 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})...)
	if err := os.WriteFile(filepath.Join(e.dir, fmt.Sprintf("%d.pem", i)), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// text is the site after so many changes. Most change one route; some what every
// route depends on, what listeners say, a backend, a tenant.
func (e *estate) text() string {
	every := func(n int) int { return e.turn / n }
	var b strings.Builder
	var names []string
	for i := range e.vhosts {
		names = append(names, fmt.Sprintf("%q", fmt.Sprint("c", i)))
	}
	fmt.Fprintf(&b, "locals {\n  turn = \"%d\"\n}\n", every(20))
	fmt.Fprintf(&b, "listener \"web\" {\n  bind = [%q]\n  limits {\n    fields = %d\n  }\n  %s}\n", e.web, 100+every(10), patience)
	fmt.Fprintf(&b, "listener \"tls\" {\n  bind = [%q]\n  limits {\n    fields = %d\n  }\n  tls {\n    certificates = [%s]\n  }\n  %s}\n", e.tls, 100+every(10), strings.Join(names, ", "), patience)
	fmt.Fprintf(&b, "cache \"main\" {\n  memory = \"128MiB\"\n  max_object = \"32MiB\"\n}\n")
	for i := range 10 {
		fmt.Fprintf(&b, "backend \"b%d\" {\n  server \"a\" {\n    address = %q\n    weight  = %d\n  }\n  persist \"cookie\" {\n    name = \"sid\"\n  }\n  timeouts {\n    idle = \"1h\"\n  }\n}\n", i, e.origin, 100+every(5)%50)
	}
	for i := range 4 {
		fmt.Fprintf(&b, "tenant \"t%d\" {\n  program   = %q\n  arguments = [\"nothing\", \"%d\"]\n}\n", i, e.program, every(25))
	}
	for i := range e.vhosts {
		mark := 0
		if i == e.turn%e.vhosts {
			mark = e.turn
		}
		fmt.Fprintf(&b, "certificate \"c%[1]d\" {\n  cert = \"%[2]s/%[1]d.pem\"\n  key  = \"%[2]s/%[1]d.pem\"\n}\n", i, e.dir)
		fmt.Fprintf(&b, `vhost "v%[1]d" {
  hosts = ["v%[1]d.test"]
  route "cached" {
    path    = "/cached/*"
    backend = "b%[2]d"
    cache {
      ttl        = "10h"
      max_object = "32MiB"
      key {
        drop = ["utm_*"]
      }
    }
  }
  route "program" {
    path    = "/program/*"
    tenant  = "t%[3]d"
    backend = "b%[2]d"
  }
  route "beta" {
    path    = "/beta/*"
    when    = cookie("beta") == "%[1]d"
    backend = "b%[2]d"
    request {
      set = { X-Turn = local.turn }
    }
  }
  route "old" {
    path = "/old/*"
    redirect {
      status = 308
      to     = "/mark/%[4]d"
    }
  }
  route "all" {
    backend = "b%[2]d"
    response {
      set = { X-Site = "v%[1]d" }
    }
  }
}
`, i, i%10, i%4, mark)
	}
	return b.String()
}

// gate holds back the rest of answers until it is opened.
type gate struct{ shut atomic.Pointer[chan struct{}] }

func newGate() *gate {
	g, shut := &gate{}, make(chan struct{})
	g.shut.Store(&shut)
	return g
}

// open lets go what waits; who comes later waits again.
func (g *gate) open() {
	shut := make(chan struct{})
	close(*g.shut.Swap(&shut))
}

// holder is an origin that holds back the rest of each answer. Its connections end
// with their answers: none that idles is counted for a leak.
func holder(t *testing.T, g *gate) string {
	t.Helper()
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, rest := whole, *g.shut.Load()
		if strings.HasPrefix(r.URL.Path, "/cached/") {
			size = large
		}
		w.Header().Set("Connection", "close")
		w.Header().Set("Content-Length", fmt.Sprint(size))
		if size == large || r.URL.Path == "/now" {
			_, _ = w.Write(make([]byte, size)) // the client is told by what is missing
			return
		}
		_, _ = w.Write(make([]byte, piece))
		_ = http.NewResponseController(w).Flush()
		<-rest
		_, _ = w.Write(make([]byte, size-piece))
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	return l.Addr().String()
}

// download is an answer of which the client has the beginning.
type download struct {
	c    net.Conn
	resp *http.Response
	read bool // nothing is left of it: the connection rests
}

// kinds of downloads: from an origin, over TLS, behind a program, from the cache; and
// a connection that rests after an answer.
var kinds = []string{"/plain/%d", "/tls/%d", "/program/%d", "/plain/%d", "/tls/%d", "/program/%d", "/plain/%d", "/cached/one", "/now", "/tls/now"}

// begin asks for the i-th download and reads its head.
func (e *estate) begin(t *testing.T, i int) *download {
	t.Helper()
	path := kinds[i%len(kinds)]
	if strings.Contains(path, "%d") {
		path = fmt.Sprintf(path, i)
	}
	addr, host := e.web, fmt.Sprintf("v%d.test", i%e.vhosts)
	if path == "/cached/one" {
		host = "v0.test" // one object for all
	}
	overTLS := strings.HasPrefix(path, "/tls/")
	if path == "/tls/now" {
		path = "/now"
	}
	if overTLS {
		addr = e.tls
	}
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { // else the kernel takes a good part of the body
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 8<<10)
		})
	}}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if overTLS {
		c = tls.Client(c, &tls.Config{ServerName: host, InsecureSkipVerify: true})
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, host); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReaderSize(c, 4096)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("download %d: %v %v", i, resp, err)
	}
	if path == "/now" {
		if n, err := io.Copy(io.Discard, resp.Body); n != resp.ContentLength || err != nil {
			t.Fatalf("answer %d: %d of %d bytes, %v", i, n, resp.ContentLength, err)
		}
	}
	return &download{c, resp, path == "/now"}
}

// end reads the rest.
func (d *download) end(t *testing.T) {
	t.Helper()
	defer d.c.Close()
	if d.read {
		return
	}
	if n, err := io.Copy(io.Discard, d.resp.Body); err != nil || n != d.resp.ContentLength {
		t.Errorf("a download ended after %d bytes of %d: %v", n, d.resp.ContentLength, err)
	}
}

// change makes the next change.
func (e *estate) change(t *testing.T, s *insight) {
	t.Helper()
	e.turn++
	if e.turn%15 == 0 {
		e.certify(t, e.turn%e.vhosts, e.turn)
	}
	s.Write(e.text())
	if code, text := s.Admin("POST", "/v1/reload", nil); code != 200 {
		t.Fatalf("change %d: %d %s", e.turn, code, text)
	}
}

// What the heap may differ by. A download holds its buffers, and of its generation
// what it was begun by: its listener, its route, its backend. A copy of anything that
// all virtual hosts have would be some hundred KiB, the whole site 15 MiB.
const (
	slack    = 3 << 20  // of one look and another
	remember = 6 << 20  // of the history: a thousand entries
	retained = 12 << 10 // of a generation by each download that began under it
	pipes    = 2 * 64   // descriptors: those that bodies are moved by are kept for the next ones
)

// TestMemoryReturns makes a thousand changes (some, under the race detector), twice: with nothing else going on, and
// with a download that begins under each of them and goes on until all are made.
func TestMemoryReturns(t *testing.T) {
	g := newGate()
	e := newEstate(t, 500, holder(t, g))
	s := look(t, e.text())
	count := *generations
	report := func(what string, within func(holding) bool) holding {
		h := s.held(t, within)
		t.Logf("%-26s heap %6d KiB, %7d objects, %5d goroutines, %5d descriptors, %4d MiB resident", what, h.Heap>>10, h.Objects, h.Goroutines, h.Descriptors, harness.Memory(t, s.PID(), "VmRSS")>>20)
		if *profiles != "" {
			s.profile(t, filepath.Join(*profiles, strings.ReplaceAll(what, " ", "-")+".pprof"))
		}
		return h
	}
	begin := func(after func()) func() {
		var list []*download
		for i := range count {
			list = append(list, e.begin(t, i))
			after()
		}
		return func() {
			g.open()
			for _, d := range list {
				d.end(t)
			}
		}
	}
	whatever := func(holding) bool { return true }
	// returned reports what must not exceed base by more than heap.
	returned := func(what string, base holding, heap int64) holding {
		t.Helper()
		heapOK := func(h holding) bool { return h.Heap <= base.Heap+heap }
		piecesOK := func(h holding) bool {
			return h.Goroutines <= base.Goroutines && h.Descriptors <= base.Descriptors+pipes
		}
		h := report(what, func(h holding) bool { return heapOK(h) && piecesOK(h) })
		if !heapOK(h) {
			t.Errorf("%s: %d KiB of heap, %d at base", what, h.Heap>>10, base.Heap>>10)
		}
		if !piecesOK(h) {
			t.Errorf("%s: %d goroutines and %d descriptors, %d and %d at base", what, h.Goroutines, h.Descriptors, base.Goroutines, base.Descriptors)
		}
		return h
	}

	// What is kept for the next one is there from now on: an object in the cache, and
	// the pipes that bodies are moved by.
	begin(func() {})()
	for range cycle {
		e.change(t, s)
	}
	first := report("base", whatever)
	for range count {
		e.change(t, s)
	}
	base := returned("after the changes", first, remember)

	end := begin(func() {})
	one := report("downloads under one", whatever)
	end()
	rest := returned("they ended", base, slack)

	end = begin(func() { e.change(t, s) })
	most := int64(count) * retained
	each := report("downloads under each", func(h holding) bool { return h.Heap <= one.Heap+2*most }) // the history has its part
	end()
	last := returned("at the end", base, slack)
	// What the history has of the changes is there when the downloads have ended.
	if under, without := each.Heap-last.Heap, one.Heap-min(base.Heap, rest.Heap); under > without+most {
		t.Errorf("downloads that began under as many generations hold %d KiB, and %d under one: %.1f KiB more for each", under>>10, without>>10, float64(under-without)/float64(count)/1024)
	}
}
