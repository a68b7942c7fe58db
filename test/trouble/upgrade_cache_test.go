package trouble

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/harness"
)

// editions is an origin of which every answer to a path is a new edition, which
// says its number; the answers were 100 s old when they came, and are of the size
// that ?size= asks for.
type editions struct {
	mu   sync.Mutex
	last map[string]int
}

func (e *editions) of(path string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last[path]
}

func (e *editions) total() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, v := range e.last {
		n += v
	}
	return n
}

func (e *editions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	e.last[r.URL.Path]++
	n := e.last[r.URL.Path]
	e.mu.Unlock()
	if r.URL.Path == "/hang" {
		<-r.Context().Done()
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "max-age=100000")
	h.Set("Age", "100")
	h.Set("Surrogate-Key", "all "+strings.Trim(r.URL.Path, "/"))
	h.Set("Vary", "Accept-Language")
	size, _ := strconv.Atoi(r.URL.Query().Get("size")) // 0 is none
	_, _ = io.WriteString(w, strconv.Itoa(n)+"\n"+strings.Repeat("x", size))
}

// cached starts a process with a cache of that memory before an origin.
func cached(t *testing.T, memory, more string, options ...harness.Option) (s *harness.Server, addr string, origin *editions) {
	t.Helper()
	origin = &editions{last: map[string]int{}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inner := &http.Server{Handler: origin}
	go inner.Serve(l)
	t.Cleanup(func() { inner.Close() })
	addr = harness.FreeAddr(t)
	s = upgradable(t, fmt.Sprintf(`
listener "web" {
  bind = [%q]
  limits { per_client = 10000 }
}
backend "app" { servers = [%q] }
cache "main" {
  memory = %q
  %s
}
vhost "any" {
  route "all" {
    backend = "app"
    cache {}
  }
}
`, addr, l.Addr(), memory, more), options...)
	return s, addr, origin
}

// edition asks for a path, and returns which edition came, and the head.
func edition(t *testing.T, addr, path string) (n int, head string) {
	t.Helper()
	return editionIn(t, addr, path, "en")
}

func editionIn(t *testing.T, addr, path, language string) (n int, head string) {
	t.Helper()
	got := harness.Exchange(t, addr, "GET "+path+" HTTP/1.1\r\nHost: a.test\r\nAccept-Language: "+language+"\r\nConnection: close\r\n\r\n", 20*time.Second)
	head, body, _ := strings.Cut(got, "\r\n\r\n")
	line, _, _ := strings.Cut(body, "\n")
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Errorf("%s: %.200q", path, got)
	}
	return n, head
}

// purged asks for a purge by the admin API, and reports whether it was answered.
// The process that leaves may cut the connection that it took last.
func purged(s *harness.Server, text string) bool {
	c := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.Socket)
	}}}
	resp, err := c.Post("http://admin/v1/purge", "application/json", strings.NewReader(text))
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == 200
}

// TestUpgradeKeepsTheCache: what is in memory is a hit in the new process, as old
// as it was, each variant by itself; what was purged, or banned, is not.
func TestUpgradeKeepsTheCache(t *testing.T) {
	s, addr, origin := cached(t, "64MiB", "")
	for i := range 200 {
		edition(t, addr, fmt.Sprint("/k", i))
	}
	editionIn(t, addr, "/k0", "de")
	for _, text := range []string{`{"urls":["http://a.test/k1"]}`, `{"tags":["k2"]}`, `{"prefix":"http://a.test/k3"}`, `{"ban":"obj.url == \"http://a.test/k4\""}`} {
		if !purged(s, text) {
			t.Fatal(text)
		}
	}
	fetched := origin.total()
	for range 2 {
		if out, errs, code := s.Run("upgrade"); code != 0 {
			t.Fatalf("upgrade: %d %s%s", code, out, errs)
		}
	}
	for _, language := range []string{"en", "de"} {
		n, head := editionIn(t, addr, "/k0", language)
		_, rest, _ := strings.Cut(head, "\r\nAge: ")
		age, _ := strconv.Atoi(strings.SplitN(rest, "\r\n", 2)[0])
		if n == 0 || !strings.Contains(head, "; hit") || age < 100 || age > 200 {
			t.Errorf("in %s: edition %d, %q", language, n, head)
		}
	}
	for i := 40; i < 200; i++ { // k3 was a prefix
		edition(t, addr, fmt.Sprint("/k", i))
	}
	if n := origin.total(); n != fetched {
		t.Errorf("%d were fetched again", n-fetched)
	}
	for i := 1; i < 5; i++ {
		if n, head := edition(t, addr, fmt.Sprint("/k", i)); n != 2 || strings.Contains(head, "; hit") {
			t.Errorf("k%d was purged, and is edition %d: %q", i, n, head)
		}
	}
	if !purged(s, `{"tags":["k50"]}`) {
		t.Fatal("not purged")
	}
	if n, _ := edition(t, addr, "/k50"); n != 2 {
		t.Error("a tag that came from the process before is not purged")
	}
}

// TestUpgradeLosesNoPurge: while processes follow each other, with memory alone and
// with a disk, somebody purges in every way, and asks: an answer is never one that
// was purged before it was asked for.
func TestUpgradeLosesNoPurge(t *testing.T) {
	for _, more := range []string{"", "disk {\n path = %q\n size = \"256MiB\"\n }"} {
		if more != "" {
			more = fmt.Sprintf(more, t.TempDir()+"/cache")
		}
		s, addr, origin := cached(t, "64MiB", more)
		for i := range 1000 {
			edition(t, addr, fmt.Sprint("/k", i, "?size=2000"))
		}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		var rounds, stale atomic.Int64
		for part := range 4 {
			wg.Go(func() {
				for i := part; ; i = (i + 4) % 1000 {
					select {
					case <-stop:
						return
					default:
					}
					path := fmt.Sprint("/k", i)
					before := origin.of(path)
					text := [...]string{`{"urls":["http://a.test%s?size=2000"]}`, `{"prefix":"http://a.test%s?"}`, `{"ban":"obj.url == \"http://a.test%s?size=2000\""}`}[i/4%3]
					if !purged(s, fmt.Sprintf(text, path)) {
						continue
					}
					if n, head := edition(t, addr, path+"?size=2000"); n <= before {
						if stale.Add(1) < 10 {
							t.Errorf("%s: edition %d came, %d was purged: %q", path, n, before, head)
						}
					}
					rounds.Add(1)
				}
			})
		}
		for i := range 6 {
			seen := rounds.Load()
			if out, errs, code := s.Run("upgrade"); code != 0 {
				t.Fatalf("upgrade %d: %d %s%s", i, code, out, errs)
			}
			harness.Eventually(t, "purges go on", func() bool { return rounds.Load() > seen+20 })
		}
		close(stop)
		wg.Wait()
		t.Logf("%d purges during 6 upgrades, %d stale answers", rounds.Load(), stale.Load())
	}
}

// TestUpgradeWithALargeCache prints how long it takes with 256 MiB in memory, and
// what memory the two processes have.
func TestUpgradeWithALargeCache(t *testing.T) {
	s, addr, origin := cached(t, "512MiB", "", harness.Plain(t))
	const objects, size = 1024, 256 << 10
	for i := range objects {
		edition(t, addr, fmt.Sprintf("/k%d?size=%d", i, size))
	}
	first, _ := who(t, s)
	stays, err := net.Dial("tcp", addr) // the old process waits for its answer
	if err != nil {
		t.Fatal(err)
	}
	defer stays.Close()
	if _, err := io.WriteString(stays, "GET /hang HTTP/1.1\r\nHost: a.test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the origin is asked", func() bool { return origin.of("/hang") == 1 })
	before := harness.Memory(t, first, "VmRSS")
	out, errs, code := s.Run("upgrade", "--json")
	if code != 0 {
		t.Fatalf("upgrade: %d %s%s", code, out, errs)
	}
	var r struct{ Seconds, Pause float64 }
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	second, _ := who(t, s)
	after := harness.Memory(t, second, "VmRSS")
	both := harness.Memory(t, first, "VmHWM") + harness.Memory(t, second, "VmHWM")
	harness.Eventually(t, "the old process gives its memory back", func() bool { return harness.Memory(t, first, "VmRSS") < before*3/4 })
	fetched := origin.total()
	for i := range objects {
		edition(t, addr, fmt.Sprintf("/k%d?size=%d", i, size))
	}
	if n := origin.total() - fetched; n > objects/100 {
		t.Errorf("%d of %d objects were fetched again", n, objects)
	}
	t.Logf("%d MiB in memory: upgraded in %.2f s, nobody accepted for %.1f ms; resident %d MiB before, %d MiB in the new process, %d MiB in both at most, %d MiB left in the old one",
		objects*size>>20, r.Seconds, r.Pause*1000, before>>20, after>>20, both>>20, harness.Memory(t, first, "VmRSS")>>20)
	if after > before+before/4 {
		t.Errorf("the new process has %d MiB, the old one had %d", after>>20, before>>20)
	}
}
