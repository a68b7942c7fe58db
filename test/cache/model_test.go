package cache

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/test/harness"
)

var histories = flag.Int("histories", 60, "random histories in TestRandomHistories")

// A world is an origin with a few resources, each with a manner of answering
// that may change. Two caches in front of it are told apart by the host.
type world struct {
	mu    sync.Mutex
	pages map[string]*page
	asked map[string][]string // by host: the conditions of every request
}

type page struct {
	version int
	manner  manner
}

// A manner is the fields of an answer; {now±n} counts from the history's begin.
type manner struct {
	status int
	fields []string
	tag    bool // it has an ETag, and If-None-Match is honoured
}

var manners = []manner{
	{200, []string{"Cache-Control: max-age=1000"}, false},
	{200, []string{"Cache-Control: max-age=1000"}, true},
	{200, []string{"Cache-Control: max-age=60", "Age: 300"}, false},
	{200, []string{"Cache-Control: max-age=60", "Age: 300"}, true},
	{200, []string{"Cache-Control: max-age=60, must-revalidate", "Age: 300"}, true},
	{200, []string{"Cache-Control: no-store, max-age=100"}, true},
	{200, []string{"Cache-Control: private, max-age=100"}, false},
	{200, []string{"Cache-Control: no-cache, max-age=100"}, true},
	{200, []string{"Cache-Control: public, max-age=1000"}, true},
	{200, []string{"Cache-Control: s-maxage=1000, max-age=0"}, false},
	{200, []string{"Cache-Control: max-age=1000", "Vary: X-A"}, true},
	{200, []string{"Cache-Control: public, max-age=1000", "Vary: X-A, X-B"}, false},
	{200, []string{"Cache-Control: max-age=60", "Age: 300", "Vary: X-A"}, true},
	{200, []string{"Cache-Control: max-age=1000", "Vary: Cookie"}, false},
	{200, []string{"Cache-Control: max-age=1000", "Vary: *"}, false},
	{200, []string{"Cache-Control: max-age=1000", "Set-Cookie: a=1"}, false},
	{200, []string{"Cache-Control: max-age=1000", "Age: 600"}, true},
	{200, []string{"Cache-Control: max-age=1000, private=\"X-Mine\"", "X-Mine: 1"}, false},
	{200, []string{"Expires: Thu, 01 Jan 2099 00:00:00 GMT"}, true},
	{200, []string{"Expires: 0"}, true},
	{200, []string{"Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT"}, false},
	{200, nil, false},
	{404, []string{"Cache-Control: max-age=1000"}, false},
	{404, nil, false},
	{301, []string{"Location: /elsewhere", "Cache-Control: max-age=1000"}, false},
	{500, nil, false},
	{503, []string{"Cache-Control: max-age=1000"}, false},
}

// serve answers as the page's manner says; the body names all that it may
// depend on.
func (w *world) serve(c net.Conn, r *http.Request) bool {
	w.mu.Lock()
	p := w.pages[r.URL.Path]
	inm := r.Header.Get("If-None-Match")
	w.asked[r.Host] = append(w.asked[r.Host], r.Method+" "+r.URL.Path+" "+inm)
	version, m := p.version, p.manner
	w.mu.Unlock()
	body := fmt.Sprintf("%s version %d", r.URL.Path, version)
	for _, f := range m.fields {
		if list, ok := strings.CutPrefix(f, "Vary: "); ok {
			for _, name := range strings.Split(list, ", ") {
				body += fmt.Sprintf(" %s=%s", name, r.Header.Get(name))
			}
		}
	}
	if auth := r.Header.Get("Authorization"); auth != "" {
		body += " for " + auth
	}
	var b strings.Builder
	tag := fmt.Sprintf("%q", fmt.Sprintf("%x", body))
	status := m.status
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		status = 200
	} else if m.tag && strings.Contains(inm, tag) {
		status, body = 304, ""
	}
	fmt.Fprintf(&b, "HTTP/1.1 %d Said\r\nDate: %s\r\n", status, time.Now().UTC().Format(http.TimeFormat))
	for _, f := range m.fields {
		fmt.Fprintf(&b, "%s\r\n", f)
	}
	if m.tag {
		fmt.Fprintf(&b, "ETag: %s\r\n", tag)
	}
	if status != 304 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	if r.Method != http.MethodHead {
		b.WriteString(body)
	}
	_, err := c.Write([]byte(b.String()))
	return err == nil
}

// taken returns and forgets what a host's cache asked.
func (w *world) taken(host string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.asked[host]
	delete(w.asked, host)
	return list
}

// pick returns one of the list.
func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// request draws a request for one of the pages.
func draw(r *rand.Rand, path, lastTag string) message {
	m := message{first: pick(r, "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "GET", "POST", "DELETE", "OPTIONS"), target: path}
	add := func(one int, name string, values ...string) {
		if r.IntN(one) == 0 {
			m.fields = append(m.fields, name+": "+pick(r, values...))
		}
	}
	add(2, "X-A", "1", "2")
	add(3, "X-B", "1", "2")
	add(3, "Cookie", "u=1", "u=2")
	add(8, "Authorization", "Bearer 1", "Bearer 2")
	add(4, "Cache-Control", "no-cache", "max-age=0", "max-stale", "max-stale=10", "max-stale=10000", "min-fresh=500", "only-if-cached", "no-store", "max-age=700")
	if m.first == "GET" {
		add(5, "If-None-Match", `"none"`, "*", lastTag)
		add(8, "Range", "bytes=0-3", "bytes=-4", "bytes=100000-")
	}
	return m
}

// TestRandomHistories plays random histories through the product and the naive
// cache at once: at every step the two must say the same, and ask the same of
// the origin.
func TestRandomHistories(t *testing.T) {
	const steps = 80
	w := &world{pages: map[string]*page{}, asked: map[string][]string{}}
	o := harness.NewOrigin(t, harness.Each(w.serve))
	reference := httptest.NewServer(newNaive(o.Addr))
	defer reference.Close()
	addr := harness.FreeAddr(t)
	harness.Start(t, site(addr, o.Addr, profile{name: "plain", text: "  cache {\n    keep = \"1h\"\n  }\n"}))
	for seed := range uint64(*histories) {
		if trace := history1(w, addr, reference.Listener.Addr().String(), seed, steps); trace != nil {
			t.Errorf("seed %d:\n%s", seed, strings.Join(trace, "\n"))
		}
	}
}

// history1 plays one history and returns it when the two differed.
func history1(w *world, product, reference string, seed uint64, steps int) (trace []string) {
	r := rand.New(rand.NewPCG(seed, 9111))
	hostA, hostB := fmt.Sprintf("h%d.plain.test", seed), fmt.Sprintf("h%d.naive.test", seed)
	mine, other := &play{history: &history{}, host: hostA}, &play{history: &history{}, host: hostB}
	defer mine.line.close()
	defer other.line.close()
	var paths []string
	for i := range 4 {
		path := fmt.Sprintf("/%d/%d", seed, i)
		paths = append(paths, path)
		w.mu.Lock()
		w.pages[path] = &page{manner: pick(r, manners...)}
		w.mu.Unlock()
	}
	say := func(format string, args ...any) { trace = append(trace, fmt.Sprintf(format, args...)) }
	lastTag := `"x"`
	for i := range steps {
		path := pick(r, paths...)
		m := draw(r, path, lastTag)
		unsafe := m.first == "POST" || m.first == "DELETE"
		w.mu.Lock()
		if p := w.pages[path]; unsafe || r.IntN(6) == 0 {
			p.version++
			// Another manner comes by an unsafe request, which invalidates all
			// there is: whether answers that vary by other things than the newest
			// does are still used is left open by the standard.
			if unsafe {
				p.manner = pick(r, manners...)
			}
		}
		manner := w.pages[path].manner
		w.mu.Unlock()
		say("%d: %s %s %v  (origin: %d %v tag=%t)", i, m.first, path, m.fields, manner.status, manner.fields, manner.tag)
		a, err := mine.ask(&step{ask: m}, subject{addr: product})
		if err != nil {
			say("product: %v", err)
			return trace
		}
		b, err := other.ask(&step{ask: m}, subject{addr: reference})
		if err != nil {
			say("reference: %v", err)
			return trace
		}
		if tag := b.header.Get("Etag"); tag != "" {
			lastTag = tag
		}
		askedA, askedB := w.taken(hostA), w.taken(hostB)
		if found := differ(m, a, b, askedA, askedB); found != "" {
			say("%s", found)
			say("  product  %s %q %v asked %q", a.first, a.body, a.header, askedA)
			say("  naive    %s %q %v asked %q", b.first, b.body, b.header, askedB)
			return trace
		}
	}
	return nil
}

// differ says what the product did otherwise than the naive cache.
func differ(m message, a, b *seen, askedA, askedB []string) string {
	text := strings.Join(m.fields, "\n")
	ranged, conditional := strings.Contains(text, "Range: "), strings.Contains(text, "If-None-Match: ")
	switch {
	case len(askedA) > 0 && len(askedB) == 0:
		return "the product asked without need"
	case len(askedA) == 0 && len(askedB) > 0:
		return "the product did not ask"
	case ranged && len(askedA) > 0:
		// What is not stored may be sent whole to who asked for a part.
		return ""
	case conditional && len(askedA) > 0 && (a.first == "200" || a.first == "304"):
		// Nor need a condition be judged for the origin.
		return ""
	case a.first != b.first:
		return "other status"
	case a.first == "504":
		return "" // each says it in its own words
	case a.body != b.body:
		return "other body"
	}
	for _, name := range []string{"Etag", "Vary", "Cache-Control", "Set-Cookie", "Content-Range", "X-Mine"} {
		if x, y := a.header.Get(name), b.header.Get(name); x != y && a.first != "304" && a.first != "416" {
			return "other " + name
		}
	}
	return ""
}

// ask sends one request to a cache.
func ask(addr, host string, m message) (*seen, error) {
	p := &play{history: &history{}, host: host}
	defer p.line.close()
	return p.ask(&step{ask: m}, subject{addr: addr})
}
