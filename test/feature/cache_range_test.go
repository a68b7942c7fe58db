package feature

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fishplate/test/harness"
)

// A mirage is an origin with one representation, of which it can lie.
type mirage struct {
	mu     sync.Mutex
	body   []byte
	etag   string
	asked  []string // Range fields of the requests, "" for none
	whole  bool     // ranges are not known to it
	lie    func(first, last int64, body []byte) (field string, part []byte)
	header string // more fields
	status int    // instead of an answer, when it is not 0
	chunks bool   // parts are sent in chunked coding
}

func newMirage(t *testing.T, length int) (*mirage, *harness.Origin) {
	m := &mirage{body: make([]byte, length), etag: `"one"`, header: "Cache-Control: max-age=60\r\n"}
	for i := range m.body {
		m.body[i] = byte('a' + i*7%23 + i>>10%3)
	}
	return m, harness.NewOrigin(t, harness.Each(m.answer))
}

func (m *mirage) answer(c net.Conn, r *http.Request) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	field := r.Header.Get("Range")
	m.asked = append(m.asked, field)
	if m.status != 0 {
		_, err := fmt.Fprintf(c, "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n", m.status)
		return err == nil
	}
	if r.Header.Get("If-None-Match") == m.etag {
		_, err := fmt.Fprintf(c, "HTTP/1.1 304 Not Modified\r\nETag: %s\r\n%s\r\n", m.etag, m.header)
		return err == nil
	}
	head := "ETag: " + m.etag + "\r\nContent-Type: text/plain\r\n" + m.header
	first, last, ok := m.within(field)
	switch {
	case field == "" || m.whole || !ok:
		_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s", head, len(m.body), m.body)
		return err == nil
	case first > last:
		_, err := fmt.Fprintf(c, "HTTP/1.1 416 X\r\nContent-Range: bytes */%d\r\nContent-Length: 0\r\n\r\n", len(m.body))
		return err == nil
	}
	content, part := fmt.Sprintf("bytes %d-%d/%d", first, last, len(m.body)), m.body[first:last+1]
	if m.lie != nil {
		content, part = m.lie(first, last, m.body)
	}
	if content != "" {
		head += "Content-Range: " + content + "\r\n"
	}
	if m.chunks {
		_, err := fmt.Fprintf(c, "HTTP/1.1 206 X\r\n%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", head, len(part), part)
		return err == nil
	}
	_, err := fmt.Fprintf(c, "HTTP/1.1 206 X\r\n%sContent-Length: %d\r\n\r\n%s", head, len(part), part)
	return err == nil
}

// within reads a range with one member.
func (m *mirage) within(field string) (first, last int64, ok bool) {
	from, to, ok := strings.Cut(strings.TrimPrefix(field, "bytes="), "-")
	first, last = 0, int64(len(m.body))-1
	if !ok || strings.Contains(to, ",") {
		return first, last, false
	}
	if n, err := strconv.ParseInt(to, 10, 64); err == nil {
		if from == "" {
			return max(0, last+1-n), last, true
		}
		last = min(last, n)
	}
	first, _ = strconv.ParseInt(from, 10, 64)
	return first, last, true
}

// requests returns the Range fields since the last call.
func (m *mirage) requests() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.asked
	m.asked = nil
	return list
}

func (m *mirage) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// serveRanges starts the switch before an origin with a cache block.
func serveRanges(t *testing.T, origin *harness.Origin, block string) (*harness.Server, string) {
	t.Helper()
	addr := harness.FreeAddr(t)
	s := harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
vhost "any" {
  backend = "app"
  cache {
    status = true
    %s
  }
}
`, addr, origin.Addr, block))
	return s, addr
}

// fetch is do without the end of the test on a broken body.
func fetch(t *testing.T, addr, path string, fields ...string) (*http.Response, string, error) {
	t.Helper()
	r, err := http.NewRequest("GET", "http://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func TestRangesOfAnObject(t *testing.T) {
	m, o := newMirage(t, 100_000)
	_, addr := serveRanges(t, o, "")
	body := string(m.body)
	for round := range 2 { // the first time it is fetched, then it is there
		for _, c := range []struct {
			fields string
			status int
			cr     string
			want   string
		}{
			{"Range: bytes=0-99", 206, "bytes 0-99/100000", body[:100]},
			{"Range: bytes=99990-", 206, "bytes 99990-99999/100000", body[99990:]},
			{"Range: bytes=-5", 206, "bytes 99995-99999/100000", body[99995:]},
			{"Range: bytes=50000-70000", 206, "bytes 50000-70000/100000", body[50000:70001]},
			{"Range: bytes=100000-", 416, "bytes */100000", ""},
			{"Range: bytes=9-1", 200, "", body},
			{"Range: pages=1-2", 200, "", body},
			{"", 200, "", body},
			{"Range: bytes=0-9\nIf-Range: \"one\"", 206, "bytes 0-9/100000", body[:10]},
			{"Range: bytes=0-9\nIf-Range: \"two\"", 200, "", body},
			{"Range: bytes=0-9\nIf-Range: W/\"one\"", 200, "", body},
			{"If-None-Match: \"one\"", 304, "", ""},
			{"If-None-Match: W/\"one\", \"two\"\nRange: bytes=0-9", 304, "", ""},
			{"If-None-Match: \"two\"", 200, "", body},
		} {
			var fields []string
			if c.fields != "" {
				fields = strings.Split(c.fields, "\n")
			}
			resp, text, err := fetch(t, addr, "/r", fields...)
			if err != nil || resp.StatusCode != c.status || resp.Header.Get("Content-Range") != c.cr || text != c.want {
				t.Errorf("round %d, %q: %v, %d %q, %d bytes of %d", round, c.fields, err, resp.StatusCode, resp.Header.Get("Content-Range"), len(text), len(c.want))
			}
		}
	}
	if got := m.requests(); len(got) != 1 || got[0] != "" {
		t.Errorf("the origin was asked %q", got)
	}
}

func TestSeveralRangesOfAnObject(t *testing.T) {
	m, o := newMirage(t, 50_000)
	_, addr := serveRanges(t, o, "")
	for range 2 {
		resp, text, err := fetch(t, addr, "/r", "Range: bytes=0-9, 20000-20099,-10")
		if err != nil || resp.StatusCode != 206 || resp.ContentLength != int64(len(text)) {
			t.Fatal(err, resp.StatusCode, resp.ContentLength, len(text))
		}
		_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts := multipart.NewReader(strings.NewReader(text), params["boundary"])
		for _, at := range [][2]int{{0, 10}, {20000, 20100}, {49990, 50000}} {
			part, err := parts.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(part)
			want := fmt.Sprintf("bytes %d-%d/50000", at[0], at[1]-1)
			if !bytes.Equal(got, m.body[at[0]:at[1]]) || part.Header.Get("Content-Range") != want || part.Header.Get("Content-Type") != "text/plain" {
				t.Errorf("part %v: %v, %d bytes", at, part.Header, len(got))
			}
		}
	}
}

// TestPlainAfterRange asks for the whole on the connection that had a range.
func TestPlainAfterRange(t *testing.T) {
	m, o := newMirage(t, 9000)
	_, addr := serveRanges(t, o, "")
	for _, f := range []string{"X: y", "Range: bytes=1-2", "X: y", "Range: bytes=1-2,5000-5001", "X: y"} {
		resp, text, err := fetch(t, addr, "/", f)
		if err != nil {
			t.Fatal(err)
		}
		if f == "X: y" && (resp.StatusCode != 200 || text != string(m.body)) {
			t.Fatalf("%d, %d bytes", resp.StatusCode, len(text))
		}
	}
}

func TestStretchesAreJoined(t *testing.T) {
	m, o := newMirage(t, 10_000)
	_, addr := serveRanges(t, o, `range = "pass"`)
	body := string(m.body)
	for _, c := range []struct {
		field, want string
		asked       string // of the origin; "-" nothing
	}{
		{"bytes=100-199", body[100:200], "bytes=100-199"},
		{"bytes=100-199", body[100:200], "-"},
		{"bytes=150-159", body[150:160], "-"},
		{"bytes=150-299", body[150:300], "bytes=150-299"}, // goes on behind what is kept
		{"bytes=100-299", body[100:300], "-"},
		{"bytes=50-149", body[50:150], "bytes=50-149"}, // ends within
		{"bytes=50-299", body[50:300], "-"},
		{"bytes=300-", body[300:], "bytes=300-"}, // touches, to the end
		{"bytes=60-", body[60:], "-"},
		{"bytes=-20", body[9980:], "-"},
		{"bytes=0-60", body[:61], "bytes=0-60"}, // and now it is whole
		{"", body, "-"},
		{"bytes=0-0,9999-9999", "", "-"},
	} {
		var fields []string
		if c.field != "" {
			fields = []string{"Range: " + c.field}
		}
		resp, text, err := fetch(t, addr, "/r", fields...)
		if err != nil || c.want != "" && text != c.want {
			t.Fatalf("%s: %v, %d, %d bytes", c.field, err, resp.StatusCode, len(text))
		}
		got := "-"
		if list := m.requests(); len(list) > 0 {
			got = strings.Join(list, " ")
		}
		if got != c.asked {
			t.Errorf("%s: the origin was asked %s, want %s", c.field, got, c.asked)
		}
	}
}

func TestStretchesOfAnotherRepresentationAreNotJoined(t *testing.T) {
	m, o := newMirage(t, 10_000)
	_, addr := serveRanges(t, o, `range = "pass"`)
	if _, text, err := fetch(t, addr, "/r", "Range: bytes=0-99"); err != nil || text != string(m.body[:100]) {
		t.Fatal(err)
	}
	m.set(func() {
		m.etag = `"two"`
		m.body = bytes.ToUpper(m.body)
	})
	if _, text, err := fetch(t, addr, "/r", "Range: bytes=100-199"); err != nil || text != string(m.body[100:200]) {
		t.Fatal(err)
	}
	m.requests()
	resp, text, err := fetch(t, addr, "/r", "Range: bytes=0-199")
	if err != nil || text != string(m.body[:200]) || resp.Header.Get("ETag") != `"two"` {
		t.Errorf("%v: %d bytes of %s", err, len(text), resp.Header.Get("ETag"))
	}
	if len(m.requests()) != 1 {
		t.Error("two representations were joined")
	}
}

func TestSlices(t *testing.T) {
	m, o := newMirage(t, 400_000)
	_, addr := serveRanges(t, o, `slice = "64KiB"`)
	body := string(m.body)
	slice := func(i int) string { return fmt.Sprintf("bytes=%d-%d", i*65536, (i+1)*65536-1) }
	for _, c := range []struct {
		field, want string
		asked       []string
	}{
		{"bytes=100-199", body[100:200], []string{slice(0)}},
		{"bytes=200-65535", body[200:65536], nil},
		{"bytes=65000-66000", body[65000:66001], []string{slice(1)}},
		{"bytes=80000-200000", body[80000:200001], []string{slice(2), slice(3)}},
		{"bytes=-10", body[399990:], []string{slice(6)}},
		{"bytes=340000-", body[340000:], []string{slice(5)}},
		{"bytes=0-", body, []string{slice(4)}},
		{"bytes=5-399998", body[5:399999], nil},
	} {
		resp, text, err := fetch(t, addr, "/r", "Range: "+c.field)
		if err != nil || resp.StatusCode != 206 || text != c.want {
			t.Fatalf("%s: %v, %d, %d bytes", c.field, err, resp.StatusCode, len(text))
		}
		if got := m.requests(); fmt.Sprint(got) != fmt.Sprint(c.asked) {
			t.Errorf("%s: the origin was asked %q, want %q", c.field, got, c.asked)
		}
	}
	// Conditions come first, and an If-Range that does not hold gives the whole.
	for fields, want := range map[string]int{
		"Range: bytes=80000-200000\nIf-None-Match: \"one\"": 304,
		"Range: bytes=80000-200000\nIf-Range: \"two\"":      200,
		"Range: bytes=400000-":                              416,
	} {
		resp, text, err := fetch(t, addr, "/r", strings.Split(fields, "\n")...)
		if err != nil || resp.StatusCode != want || want == 200 && text != body {
			t.Errorf("%q: %v, %d, %d bytes", fields, err, resp.StatusCode, len(text))
		}
	}
}

func TestSlicesAhead(t *testing.T) {
	m, o := newMirage(t, 400_000)
	_, addr := serveRanges(t, o, "slice = \"64KiB\"\nprefetch = 2")
	if _, text, err := fetch(t, addr, "/r", "Range: bytes=0-9"); err != nil || text != string(m.body[:10]) {
		t.Fatal(err)
	}
	var asked []string
	harness.Eventually(t, "two slices are fetched ahead", func() bool {
		asked = append(asked, m.requests()...)
		return len(asked) == 3
	})
	if _, text, err := fetch(t, addr, "/r", "Range: bytes=65536-196607"); err != nil || text != string(m.body[65536:196608]) {
		t.Fatal(err)
	}
	for _, a := range append(asked, m.requests()...)[1:3] {
		if a != "bytes=65536-131071" && a != "bytes=131072-196607" {
			t.Errorf("ahead came %s", a)
		}
	}
}

// TestManyReadersOfSlices compares every answer with the body.
func TestManyReadersOfSlices(t *testing.T) {
	m, o := newMirage(t, 1_200_000)
	_, addr := serveRanges(t, o, "slice = \"64KiB\"\nprefetch = 1")
	var wg sync.WaitGroup
	var wrong atomic.Int64
	for i := range 24 {
		wg.Go(func() {
			for j := range 6 {
				first := (i*52_345 + j*254_321) % 1_190_000
				last := min(first+i*16_000, 1_199_999)
				_, text, err := fetch(t, addr, "/r", fmt.Sprintf("Range: bytes=%d-%d", first, last))
				if err != nil || text != string(m.body[first:last+1]) {
					wrong.Add(1)
					t.Errorf("%d-%d: %v, %d bytes", first, last, err, len(text))
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]int{}
	for _, r := range m.requests() {
		seen[r]++
	}
	if len(seen) > 19 {
		t.Errorf("%d different ranges were asked for, of 19 slices", len(seen))
	}
}

// TestManyReadersOfStretches joins stretches while others read them.
func TestManyReadersOfStretches(t *testing.T) {
	m, o := newMirage(t, 300_000)
	_, addr := serveRanges(t, o, `range = "pass"`)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 12 {
				first := (i%4)*9_000 + j*20_000
				last := min(first+30_000, 299_999)
				_, text, err := fetch(t, addr, "/r", fmt.Sprintf("Range: bytes=%d-%d", first, last))
				if err != nil || text != string(m.body[first:last+1]) {
					t.Errorf("%d-%d: %v, %d bytes", first, last, err, len(text))
				}
			}
		})
	}
	wg.Wait()
}

// TestStalePartsAreConfirmed asks the origin about a part by its validator, and
// gets either word of it or the part anew.
func TestStalePartsAreConfirmed(t *testing.T) {
	for _, block := range []string{`range = "pass"`, `slice = "64KiB"`} {
		m, o := newMirage(t, 150_000)
		m.header = "Cache-Control: max-age=0\r\n"
		_, addr := serveRanges(t, o, block)
		for round := range 3 {
			if round == 2 {
				m.set(func() {
					m.etag = `"two"`
					m.body = bytes.ToUpper(m.body)
				})
			}
			resp, text, err := fetch(t, addr, "/r", "Range: bytes=100000-100999")
			want := string(m.body[100000:101000])
			if err != nil || resp.StatusCode != 206 || text != want || resp.Header.Get("ETag") != m.etag {
				t.Errorf("%s, round %d: %v, %d, %d bytes", block, round, err, resp.StatusCode, len(text))
			}
			if n := len(m.requests()); n != 1 {
				t.Errorf("%s, round %d: the origin was asked %d times", block, round, n)
			}
		}
	}
}

// TestStalePartsInGrace are served at once, and renewed behind the client.
func TestStalePartsInGrace(t *testing.T) {
	for _, block := range []string{`range = "pass"`, `slice = "64KiB"`} {
		m, o := newMirage(t, 150_000)
		m.header = "Cache-Control: max-age=0, stale-while-revalidate=60\r\n"
		_, addr := serveRanges(t, o, block)
		want := string(m.body[100000:101000])
		for range 2 {
			if _, text, err := fetch(t, addr, "/r", "Range: bytes=100000-100999"); err != nil || text != want {
				t.Fatalf("%s: %v, %d bytes", block, err, len(text))
			}
		}
		asked := 0
		harness.Eventually(t, "the part is renewed", func() bool {
			// One that came before the first was stored has joined it: ask again.
			if _, text, err := fetch(t, addr, "/r", "Range: bytes=100000-100999"); err != nil || text != want {
				t.Fatalf("%s: %v, %d bytes", block, err, len(text))
			}
			asked += len(m.requests())
			return asked >= 2
		})
	}
}

// TestLyingOrigins never serves bytes that are not those of the representation.
func TestLyingOrigins(t *testing.T) {
	cut := func(f string, b func(first, last int64, body []byte) []byte) func(int64, int64, []byte) (string, []byte) {
		return func(first, last int64, body []byte) (string, []byte) {
			return fmt.Sprintf(f, first, last, len(body)), b(first, last, body)
		}
	}
	right := func(first, last int64, body []byte) []byte { return body[first : last+1] }
	for name, lie := range map[string]func(int64, int64, []byte) (string, []byte){
		"no Content-Range": func(first, last int64, body []byte) (string, []byte) { return "", body[first : last+1] },
		"other bytes":      cut("bytes 7-%[2]d/%[3]d", func(_, last int64, body []byte) []byte { return body[7 : last+1] }),
		"fewer than asked": func(first, last int64, body []byte) (string, []byte) {
			return fmt.Sprintf("bytes %d-%d/%d", first, first+1, len(body)), body[first : first+2]
		},
		"shorter than said":   cut("bytes %d-%d/%d", func(first, last int64, body []byte) []byte { return body[first:last] }),
		"longer than said":    cut("bytes %d-%d/%d", func(first, last int64, body []byte) []byte { return body[first : last+5] }),
		"beyond its own end":  cut("bytes %d-%d/12", right),
		"not a Content-Range": cut("bytes=%d-%d/%d", right),
		"total unknown": func(first, last int64, body []byte) (string, []byte) {
			return fmt.Sprintf("bytes %d-%d/*", first, last), body[first : last+1]
		},
	} {
		for _, block := range []string{`range = "pass"`, `slice = "64KiB"`, ``} {
			for _, chunks := range []bool{false, true} {
				t.Run(fmt.Sprint(name, " ", block, " ", chunks), func(t *testing.T) {
					t.Parallel()
					m, o := newMirage(t, 150_000)
					m.lie, m.chunks = lie, chunks
					_, addr := serveRanges(t, o, block)
					for _, r := range [][2]int{{100, 199}, {150, 70_000}, {100, 199}, {69_000, 69_047}} {
						resp, text, err := fetch(t, addr, "/r", fmt.Sprintf("Range: bytes=%d-%d", r[0], r[1]))
						want := string(m.body[r[0] : r[1]+1])
						switch {
						case err != nil: // broken off: the client knows
							if !strings.HasPrefix(want, text) && !strings.HasPrefix(string(m.body), text) {
								t.Errorf("%v: wrong bytes before the end", r)
							}
						case resp.StatusCode >= 500:
						case resp.StatusCode == 200 && text == string(m.body):
						case resp.StatusCode == 206 && text == want && resp.Header.Get("Content-Range") == fmt.Sprintf("bytes %d-%d/150000", r[0], r[1]):
						default:
							t.Errorf("%v: %d %q, %d bytes", r, resp.StatusCode, resp.Header.Get("Content-Range"), len(text))
						}
					}
				})
			}
		}
	}
}

// TestChangeBetweenSlices changes the representation while a client reads it in
// slices: what is sent is one of them, or is broken off.
func TestChangeBetweenSlices(t *testing.T) {
	m, o := newMirage(t, 200_000)
	_, addr := serveRanges(t, o, `slice = "64KiB"`)
	old := string(m.body)
	if _, text, err := fetch(t, addr, "/r", "Range: bytes=0-9"); err != nil || text != old[:10] {
		t.Fatal(err)
	}
	m.set(func() {
		m.etag = `"two"`
		m.body = bytes.ToUpper(m.body)
	})
	resp, text, err := fetch(t, addr, "/r", "Range: bytes=0-199999")
	if err == nil || !strings.HasPrefix(old, text) {
		t.Errorf("%d, %d bytes, ETag %s: two representations were put together", resp.StatusCode, len(text), resp.Header.Get("ETag"))
	}
}

// TestOriginsWithoutRanges answer with the whole, which is kept.
func TestOriginsWithoutRanges(t *testing.T) {
	for _, block := range []string{`range = "pass"`, `slice = "64KiB"`} {
		m, o := newMirage(t, 9000)
		m.whole = true
		_, addr := serveRanges(t, o, block)
		for _, r := range [][2]int{{5000, 5099}, {0, 10}} {
			resp, text, err := fetch(t, addr, "/r", fmt.Sprintf("Range: bytes=%d-%d", r[0], r[1]))
			if err != nil || resp.StatusCode != 206 || text != string(m.body[r[0]:r[1]+1]) {
				t.Errorf("%s %v: %v, %d, %d bytes", block, r, err, resp.StatusCode, len(text))
			}
		}
		if got := m.requests(); len(got) != 1 {
			t.Errorf("%s: the origin was asked %q", block, got)
		}
	}
}

// TestRangesOfWhatIsNotStored reach the origin as they came.
func TestRangesOfWhatIsNotStored(t *testing.T) {
	for _, block := range []string{`range = "pass"`, `slice = "64KiB"`, ``} {
		m, o := newMirage(t, 9000)
		m.header = "Cache-Control: private\r\n"
		_, addr := serveRanges(t, o, block)
		for range 3 {
			resp, text, err := fetch(t, addr, "/r", "Range: bytes=5000-6500")
			whole := resp.StatusCode == 200 && text == string(m.body) // right, too, while nobody knows
			if err != nil || !whole && (resp.StatusCode != 206 || text != string(m.body[5000:6501])) {
				t.Errorf("%s: %v, %d, %d bytes", block, err, resp.StatusCode, len(text))
			}
		}
		if got := m.requests(); got[len(got)-1] != "bytes=5000-6500" {
			t.Errorf("%s: the origin was asked %q", block, got)
		}
	}
}

// TestPurgeStrikesParts removes slices and stretches with their URL.
func TestPurgeStrikesParts(t *testing.T) {
	for _, block := range []string{`range = "pass"`, `slice = "64KiB"`} {
		m, o := newMirage(t, 9000)
		_, addr := serveRanges(t, o, block+"\npurge { from = [\"127.0.0.0/8\"] }")
		ask := func() int {
			if _, text, err := fetch(t, addr, "/r", "Range: bytes=5000-5099"); err != nil || text != string(m.body[5000:5100]) {
				t.Fatalf("%s: %v", block, err)
			}
			return len(m.requests())
		}
		for i, want := range []int{1, 0} {
			if n := ask(); n != want {
				t.Errorf("%s: request %d: the origin was asked %d times", block, i, n)
			}
		}
		if resp, _ := do(t, "PURGE", addr, addr, "/r", ""); resp.StatusCode != 200 {
			t.Errorf("purge: %d", resp.StatusCode)
		}
		if n := ask(); n != 1 {
			t.Errorf("%s: after the purge the origin was asked %d times", block, n)
		}
	}
}
