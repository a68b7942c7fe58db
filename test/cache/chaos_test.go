package cache

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fishplate/test/harness"
)

// pattern is the body of one version of a resource, which every part of it
// betrays: its lines name the resource, the version and their place.
func pattern(path string, version, size int) []byte {
	var b bytes.Buffer
	for line := 0; b.Len() < size; line++ {
		fmt.Fprintf(&b, "%s v%d %d\n", path, version, line)
	}
	return b.Bytes()[:size]
}

// A liar is an origin that misbehaves by lot. Whatever it does, what it declares
// as whole names its digest.
type liar struct {
	mu       sync.Mutex
	r        *rand.Rand
	versions map[string]int
	said     sync.Map // digests of all that was sent as a whole body
}

// size is that of a version: mostly small, some over several slices.
func size(path string, version int) int {
	h := sha256.Sum256(fmt.Append(nil, path, version))
	n := int(h[0])<<8 | int(h[1])
	if h[2]%4 == 0 {
		return 60_000 + 8*n
	}
	return 1 + n%5000
}

func (l *liar) serve(w net.Conn, r *http.Request) bool {
	l.mu.Lock()
	if l.r.IntN(12) == 0 {
		l.versions[r.URL.Path]++
	}
	version, lot, at := l.versions[r.URL.Path], l.r.IntN(28), l.r.Float64()
	l.mu.Unlock()
	body := pattern(r.URL.Path, version, size(r.URL.Path, version))
	tag := fmt.Sprintf(`"%s-%d"`, r.URL.Path, version)
	head := fmt.Sprintf("ETag: %s\r\nCache-Control: max-age=%d\r\n", tag, []int{0, 60, 60}[version%3])
	if lot == 0 { // a 304 to whoever asks, or does not
		_, err := fmt.Fprintf(w, "HTTP/1.1 304 Not Modified\r\n%s\r\n", head)
		return err == nil
	}
	if strings.Contains(r.Header.Get("If-None-Match"), tag) && r.Header.Get("Range") == "" {
		_, err := fmt.Fprintf(w, "HTTP/1.1 304 Not Modified\r\n%s\r\n", head)
		return err == nil
	}
	status := "200 OK"
	var first, last int
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); n == 2 && first < len(body) && ifRange(r, tag) {
		last = min(last, len(body)-1)
		told := fmt.Sprintf("bytes %d-%d/%d", first, last, len(body))
		switch lot {
		case 1: // says another place than it sends
			told = fmt.Sprintf("bytes %d-%d/%d", first+1, last+1, len(body)+1)
		case 2:
			told = fmt.Sprintf("bytes %d-%d/%d", first, last, last)
		case 3:
			told = "bytes 0-/*"
		}
		head += "Content-Range: " + told + "\r\n"
		status, body = "206 Partial Content", body[first:last+1]
	}
	return l.send(w, r, status, head, body, lot, at)
}

func ifRange(r *http.Request, tag string) bool {
	v := r.Header.Get("If-Range")
	return v == "" || v == tag
}

// send sends an answer, wrongly for some lots.
func (l *liar) send(w net.Conn, r *http.Request, status, head string, body []byte, lot int, at float64) bool {
	line := "HTTP/1.1 " + status + "\r\n" + head
	cut := int(at * float64(len(body)))
	switch lot {
	case 4: // dies in the middle
		fmt.Fprintf(w, "%sContent-Length: %d\r\n\r\n", line, len(body))
		_, _ = w.Write(body[:cut])
		return false
	case 5: // dies in the middle of chunks
		fmt.Fprintf(w, "%sTransfer-Encoding: chunked\r\n\r\n%x\r\n", line, len(body))
		_, _ = w.Write(body[:cut])
		return false
	case 6: // dies by reset
		fmt.Fprintf(w, "%sContent-Length: %d\r\n\r\n", line, len(body))
		_, _ = w.Write(body[:cut])
		_ = w.(*net.TCPConn).SetLinger(0)
		return false
	case 7: // says more than it declared
		fmt.Fprintf(w, "%sContent-Length: %d\r\n\r\n", line, cut)
		l.declare(body[:cut])
		_, err := w.Write(body)
		return err == nil
	case 8: // another answer behind this one
		fmt.Fprintf(w, "%sContent-Length: %d\r\n\r\n%sHTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 6\r\n\r\npoison", line, len(body), body)
		l.declare(body)
		return true
	case 9:
		fmt.Fprintf(w, "%sContent-Length: x\r\n\r\n%s", line, body)
		return false
	case 10:
		fmt.Fprintf(w, "%sContent-Length: 1\r\nContent-Length: %d\r\n\r\n%s", line, len(body), body)
		return false
	case 11:
		fmt.Fprintf(w, "%sTransfer-Encoding: chunked\r\n\r\nzz\r\n%s\r\n0\r\n\r\n", line, body)
		return false
	case 12: // no head
		return false
	case 13: // an endless head
		_, _ = io.WriteString(w, line+"X-Long: "+strings.Repeat("a", 300_000))
		return false
	case 14:
		_, err := io.WriteString(w, "HTTP/1.1 500 Broken\r\nContent-Length: 6\r\n\r\nbroken")
		return err == nil
	case 15, 16, 17:
		l.declare(body)
		_, err := fmt.Fprintf(w, "%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", line, len(body), body)
		return err == nil
	}
	l.declare(body)
	fmt.Fprintf(w, "%sContent-Length: %d\r\n\r\n", line, len(body))
	_, err := w.Write(body)
	return err == nil
}

// declare notes a body that was sent whole by the origin's own account.
func (l *liar) declare(body []byte) { l.said.Store(sha256.Sum256(body), true) }

// judge says what is wrong with an answer that a client got as whole.
func (l *liar) judge(path string, c *reader, body []byte) string {
	if c.resp.Request != nil {
		return "" // not ours
	}
	tag := strings.Trim(c.resp.Header.Get("Etag"), `"`)
	version, err := strconv.Atoi(tag[strings.LastIndexByte(tag, '-')+1:])
	switch {
	case bytes.Contains(body, []byte("poison")):
		return "bytes after the end of an answer became an answer"
	case c.resp.StatusCode >= 400:
		return ""
	case err != nil || !strings.HasPrefix(tag, path+"-"):
		return "another resource's tag: " + tag
	}
	whole := pattern(path, version, size(path, version))
	switch c.resp.StatusCode {
	case 200:
		if _, ok := l.said.Load(sha256.Sum256(body)); !bytes.Equal(body, whole) && (!ok || !bytes.HasPrefix(whole, body)) {
			return fmt.Sprintf("%d bytes that are not version %d, of %d bytes", len(body), version, len(whole))
		}
	case 206:
		var first, last, total int
		if n, _ := fmt.Sscanf(c.resp.Header.Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total); n != 3 || last-first+1 != len(body) || last >= len(whole) {
			return fmt.Sprintf("%d bytes as %q of %d", len(body), c.resp.Header.Get("Content-Range"), len(whole))
		}
		if !bytes.Equal(body, whole[first:last+1]) {
			return fmt.Sprintf("bytes %d-%d are not those of version %d", first, last, version)
		}
	default:
		return "status " + c.resp.Status
	}
	return ""
}

// TestNothingWrongIsServed asks a liar's origin for wholes and parts, many at
// once, with a store that is too small for all: every answer that looks whole
// must be one version of what was asked for.
func TestNothingWrongIsServed(t *testing.T) {
	for name, text := range map[string]string{
		"whole":  "",
		"pass":   "    range = \"pass\"\n",
		"slices": "    slice = \"64KiB\"\n    prefetch = 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			const clients, requests = 6, 120
			l := &liar{r: rand.New(rand.NewPCG(4, 4)), versions: map[string]int{}}
			text := "  cache {\n    keep = \"1h\"\n    stale_if_error = \"1h\"\n" + text + "  }\n"
			_, addr, _ := launch(t, text, l.serve)
			var wg sync.WaitGroup
			var whole, broken, refused atomic.Int64
			for i := range clients {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(uint64(i), 5))
					for range requests {
						path := fmt.Sprintf("/r%d", r.IntN(6))
						var fields []string
						if r.IntN(3) == 0 {
							from := r.IntN(4000)
							fields = append(fields, fmt.Sprintf("Range: bytes=%d-%d", from, from+r.IntN(150_000)))
						}
						if r.IntN(6) == 0 {
							fields = append(fields, "Cache-Control: no-cache")
						}
						c, err := begin(addr, path, fields...)
						if err != nil {
							broken.Add(1)
							continue
						}
						body, err := c.rest(1 << 15)
						switch {
						case err != nil:
							broken.Add(1)
						case c.resp.StatusCode >= 500 || c.resp.StatusCode == 416:
							refused.Add(1)
						default:
							whole.Add(1)
							lying := name == "pass" && c.resp.StatusCode == 206 && c.resp.Header.Get("Age") == ""
							if wrong := l.judge(path, c, body); wrong != "" && !lying {
								t.Errorf("%s %v: %s; %s %v", path, fields, wrong, c.resp.Status, c.resp.Header)
							}
						}
					}
				})
			}
			wg.Wait()
			t.Logf("%d whole, %d visibly broken, %d refused", whole.Load(), broken.Load(), refused.Load())
			if whole.Load() < clients*requests/3 {
				t.Errorf("only %d of %d answers were whole", whole.Load(), clients*requests)
			}
		})
	}
}

// TestVersionsDoNotMixInSlices: the origin changes the resource between two
// slices of one client's range.
func TestVersionsDoNotMixInSlices(t *testing.T) {
	const total = 400_000
	var asked atomic.Int64
	_, addr, _ := launch(t, "  cache {\n    slice = \"64KiB\"\n  }\n", func(w net.Conn, r *http.Request) bool {
		version := 1
		if asked.Add(1) > 3 {
			version = 2
		}
		body := pattern(r.URL.Path, version, total)
		tag := fmt.Sprintf(`"%s-%d"`, r.URL.Path, version)
		var first, last int
		status, extra := "200 OK", ""
		if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); n == 2 && ifRange(r, tag) {
			last = min(last, total-1)
			status, extra = "206 Partial Content", fmt.Sprintf("Content-Range: bytes %d-%d/%d\r\n", first, last, total)
			body = body[first : last+1]
		}
		_, err := fmt.Fprintf(w, "HTTP/1.1 %s\r\nETag: %s\r\nCache-Control: max-age=60\r\n%sContent-Length: %d\r\n\r\n%s", status, tag, extra, len(body), body)
		return err == nil
	})
	for round := range 4 {
		c, err := begin(addr, "/v", "Range: bytes=0-399999")
		if err != nil {
			t.Fatal(err)
		}
		body, err := c.rest(1 << 15)
		one, two := pattern("/v", 1, total), pattern("/v", 2, total)
		whole := bytes.Equal(body, one) || bytes.Equal(body, two)
		if err == nil && !whole || !bytes.HasPrefix(one, body) && !bytes.HasPrefix(two, body) {
			t.Errorf("round %d: %d bytes that are neither version, %v", round, len(body), err)
		}
		if round == 3 && (err != nil || !bytes.Equal(body, two)) {
			t.Errorf("at last the second version should be there: %d bytes, %v", len(body), err)
		}
	}
}

// TestStaleWhenTheOriginIsGone: its process is killed, its port refuses.
func TestStaleWhenTheOriginIsGone(t *testing.T) {
	_, addr, o := launch(t, "  cache {\n    stale_if_error = \"1h\"\n  }\n", func(w net.Conn, r *http.Request) bool {
		control := "max-age=1"
		if r.URL.Path == "/must" {
			control += ", must-revalidate"
		}
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: %s\r\nAge: 100\r\nETag: \"a\"\r\nContent-Length: 3\r\n\r\nold", control)
		return err == nil
	})
	for _, path := range []string{"/may", "/must"} {
		if got, err := ask(addr, "x.plain.test", message{first: "GET", target: path}); err != nil || got.body != "old" {
			t.Fatalf("%s: %v %v", path, got, err)
		}
	}
	o.Close()
	for range 5 {
		got, err := ask(addr, "x.plain.test", message{first: "GET", target: "/may"})
		if err != nil || got.first != "200" || got.body != "old" {
			t.Errorf("stale: %+v %v, want the old answer", got, err)
		}
		got, err = ask(addr, "x.plain.test", message{first: "GET", target: "/must"})
		if err != nil || got.first != "502" && got.first != "503" && got.first != "504" {
			t.Errorf("must-revalidate: %+v %v, want an error", got, err)
		}
	}
}

// TestReloadInMidFlight: readers of a growing object and objects at rest live
// through reloads that change the policy and the store's size.
func TestReloadInMidFlight(t *testing.T) {
	body := pattern("/big", 1, 500_000)
	gate := make(chan struct{})
	var asked atomic.Int64
	o := harness.NewOrigin(t, harness.Each(func(w net.Conn, r *http.Request) bool {
		asked.Add(1)
		if r.URL.Path != "/big" {
			_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 5\r\n\r\nsmall")
			return err == nil
		}
		fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:1000])
		<-gate
		_, err := w.Write(body[1000:])
		return err == nil
	}))
	addr := harness.FreeAddr(t)
	text := func(round int) string {
		s := site(addr, o.Addr, profile{name: "plain", text: fmt.Sprintf("  cache {\n    keep = \"%dm\"\n    tags = [\"round%d\"]\n  }\n", round+1, round)})
		return strings.Replace(s, "64MiB", fmt.Sprintf("%dMiB", 32+8*(round%3)), 1)
	}
	s := harness.Start(t, text(0))
	if got, err := ask(addr, "x.plain.test", message{first: "GET", target: "/small"}); err != nil || got.body != "small" {
		t.Fatalf("%v %v", got, err)
	}
	var readers []*reader
	for round := range 6 {
		c, err := begin(addr, "/big")
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, c)
		s.Apply(text(round + 1))
		if got, err := ask(addr, "x.plain.test", message{first: "GET", target: "/small"}); err != nil || got.body != "small" || got.header.Get("Age") == "" {
			t.Errorf("round %d: the small object is not in store: %v %v", round, got, err)
		}
	}
	close(gate)
	for i, c := range readers {
		if got, err := c.rest(1 << 14); err != nil || !bytes.Equal(got, body) {
			t.Errorf("reader %d got %d bytes, %v", i, len(got), err)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("the origin was asked %d times, want 2", n)
	}
}
