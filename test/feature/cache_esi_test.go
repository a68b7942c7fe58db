package feature

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/harness"
)

const esiBlock = "esi {}"

func include(src string) string { return `<esi:include src="` + src + `"/>` }

func TestESIInclude(t *testing.T) {
	c := newCached(t, esiBlock, "")
	c.text("/page", "<p>"+include("/a")+"|"+include("b?x=1&amp;y=2")+"</p>", "ETag", `"page"`, "Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
	c.text("/a", "A", "ETag", `"a"`)
	c.page("/b", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprintf(w, "B%s%d", r.URL.RawQuery, c.times("/b"))
	})
	resp := c.expect("/page", 200, "<p>A|Bx=1&y=21</p>")
	for _, name := range []string{"ETag", "Last-Modified", "Content-Length", "Accept-Ranges"} {
		if v := resp.Header.Get(name); v != "" {
			t.Errorf("%s: %s on a composed page", name, v)
		}
	}
	if len(resp.TransferEncoding) != 1 || resp.TransferEncoding[0] != "chunked" {
		t.Errorf("transfer coding %v", resp.TransferEncoding)
	}
	// The page and the first fragment come from the store, the second does not.
	c.expect("/page", 200, "<p>A|Bx=1&y=22</p>")
	if p, a, b := c.times("/page"), c.times("/a"), c.times("/b"); p != 1 || a != 1 || b != 2 {
		t.Errorf("the origin was asked %d, %d and %d times", p, a, b)
	}
	// A fragment by itself is an answer like any other.
	if resp := c.expect("/a", 200, "A"); resp.Header.Get("ETag") != `"a"` {
		t.Errorf("fragment: %v", resp.Header)
	}
	if got := c.saw("/page", "Surrogate-Capability"); got != `fishplate="ESI/1.0"` {
		t.Errorf("the origin was told %q", got)
	}
}

// TestESIConditions shows that what a client says about the page is not taken
// for the fragments, nor for the page as the origin has it.
func TestESIConditions(t *testing.T) {
	c := newCached(t, esiBlock, "")
	c.text("/page", "1"+include("/a"), "ETag", `"page"`)
	c.text("/a", "2", "ETag", `"a"`)
	c.text("/plain", "no tags", "ETag", `"plain"`)
	c.text("/as-is", include("/a"), "Cache-Control", "max-age=60, no-transform")
	c.expect("/as-is", 200, include("/a"))
	for _, fields := range [][]string{
		{"If-None-Match", `"page"`}, {"If-None-Match", `"a"`}, {"If-None-Match", "*"}, {"Range", "bytes=0-0"},
		{"If-Modified-Since", "Mon, 02 Jan 2036 15:04:05 GMT"},
	} {
		c.expect("/page", 200, "12", fields...)
		c.expect("/page", 200, "12", fields...)
	}
	resp, body, err := c.do("HEAD", "http://shop.test/page")
	if err != nil || resp.StatusCode != 200 || body != "" || resp.ContentLength > 0 || resp.Header.Get("ETag") != "" {
		t.Errorf("HEAD: %v %q %v %v", resp, body, err, resp.Header)
	}
	// A page without tags keeps what it has.
	c.get("/plain")
	if resp := c.expect("/plain", 200, "no tags"); resp.Header.Get("ETag") != `"plain"` || resp.ContentLength != 7 {
		t.Errorf("page without tags: %v", resp.Header)
	}
	c.expect("/plain", 304, "", "If-None-Match", `"plain"`)
	c.expect("/plain", 206, "no", "Range", "bytes=0-1")
}

func TestESIElements(t *testing.T) {
	c := newCached(t, esiBlock, "")
	c.text("/a", "A")
	pages := map[string]string{
		"x<esi:remove>gone</esi:remove>y":                                                                 "xy",
		`x<esi:comment text="gone"/>y`:                                                                    "xy",
		"x<!--esi " + include("/a") + "-->y":                                                              "x Ay",
		"<![CDATA[" + include("/a") + "]]>" + include("/a"):                                               "<![CDATA[" + include("/a") + "]]>A",
		"<esi:vars>$(X)</esi:vars>" + include("/a"):                                                       "<esi:vars>$(X)</esi:vars>A",
		`<esi:include src="/none" alt="/a"/>`:                                                             "A",
		`x<esi:include src="/none" alt="/none2" onerror="continue"/>y`:                                    "xy",
		"x" + include("/none") + "y":                                                                      "xy",
		"x" + include("http://evil.test/") + include("//evil.test/a") + "y":                               "xy",
		"x" + include("http://www.shop.test/a") + "y":                                                     "xAy",
		"x" + include("file:///etc/passwd") + include("http://u@shop.test/a"):                             "x",
		"x" + include("/a&#13;&#10;X: y") + "y":                                                           "xy",
		"<esi:try><esi:attempt>1" + include("/a") + "</esi:attempt><esi:except>2</esi:except></esi:try>3": "1A3",
		"<esi:try><esi:attempt>1" + include("/none") + "</esi:attempt><esi:except>2" + include("/a") + "</esi:except></esi:try>3": "2A3",
		"<esi:try><esi:attempt>1<esi:try><esi:attempt>" + include("/none") + "</esi:attempt><esi:except>i</esi:except></esi:try>" +
			include("/a") + "</esi:attempt><esi:except>2</esi:except></esi:try>3": "1iA3",
		"<esi:try><esi:attempt>1" + include("/none") + "</esi:attempt></esi:try>3": "3",
		"": "",
	}
	n := 0
	for page, want := range pages {
		n++
		path := fmt.Sprintf("/page%d", n)
		c.text(path, page)
		for _, how := range []string{"fetched", "stored"} {
			if resp, got := c.get(path); resp.StatusCode != 200 || got != want {
				t.Errorf("%s, %s: %d %q, want %q", page, how, resp.StatusCode, got, want)
			}
		}
	}
}

// TestESILimits shows the ends of depth, number and cycles.
func TestESILimits(t *testing.T) {
	c := newCached(t, "esi {\n depth = 3\n includes = 10\n}", "")
	c.text("/self", "s"+include("/self"))
	c.expect("/self", 200, "s")
	c.text("/ping", "i"+include("/pong"))
	c.text("/pong", "o"+include("/ping"))
	c.expect("/ping", 200, "io")
	c.page("/deep", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "d"+include("/deep?"+r.URL.RawQuery+"x"))
	})
	c.expect("/deep", 200, "dddd")
	c.text("/a", "a")
	c.text("/many", strings.Repeat(include("/a"), 30))
	c.expect("/many", 200, strings.Repeat("a", 10))
	c.page("/fan", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		q := r.URL.RawQuery
		io.WriteString(w, "f"+include("/fan?"+q+"a")+include("/fan?"+q+"b")+include("/fan?"+q+"c"))
	})
	_, body := c.get("/fan")
	if len(body) != 11 {
		t.Errorf("a fan of includes yields %d pages, want the client's and 10", len(body))
	}
}

// TestESILong is about pages that are far larger than what a composer holds of
// them: all of it comes, in order.
func TestESILong(t *testing.T) {
	c := newCached(t, "esi {\n includes = 10000\n}", "")
	c.text("/a", "A")
	var page, want strings.Builder
	for i := range 600 {
		fmt.Fprintf(&page, "%d<esi:try><esi:attempt>(%s</esi:attempt><esi:except>%s)</esi:except></esi:try>", i, include("/a"), include("/a"))
		fmt.Fprintf(&page, "<esi:try><esi:attempt>[%s</esi:attempt><esi:except>%s]</esi:except></esi:try>", include("/none"), include("/a"))
		fmt.Fprintf(&want, "%d(AA]", i)
		if i%100 == 0 {
			text := strings.Repeat("<b> text </b>", 10000)
			page.WriteString(text)
			want.WriteString(text)
		}
	}
	c.text("/page", page.String())
	for _, how := range []string{"fetched", "stored"} {
		if resp, got := c.get("/page"); resp.StatusCode != 200 || got != want.String() {
			t.Errorf("%s: %d bytes, want %d", how, len(got), want.Len())
		}
	}
}

// TestESIFail shows that an operator can have errors break the answer off.
func TestESIFail(t *testing.T) {
	c := newCached(t, "esi {\n on_error = \"fail\"\n}", "")
	c.text("/page", "x"+include("/none")+"y")
	_, body, err := c.do("GET", "http://shop.test/page")
	if err == nil || strings.Contains(body, "y") {
		t.Errorf("a failed include yields %q, %v", body, err)
	}
	c.text("/lenient", `x<esi:include src="/none" onerror="continue"/>y`)
	c.expect("/lenient", 200, "xy")
}

// TestESIStreams shows that the begin of a page is sent while an include is
// waited for, in order, and that later includes are fetched meanwhile.
func TestESIStreams(t *testing.T) {
	c := newCached(t, esiBlock, "")
	go1, asked2 := make(chan struct{}), make(chan struct{}, 1)
	c.text("/page", "begin"+include("/one")+"middle"+include("/two")+"end")
	c.page("/one", func(w http.ResponseWriter, r *http.Request) {
		<-go1
		io.WriteString(w, "1")
	})
	c.page("/two", func(w http.ResponseWriter, r *http.Request) {
		asked2 <- struct{}{}
		io.WriteString(w, strings.Repeat("2", 1<<20))
	})
	conn := harness.Dial(t, c.addr)
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, "GET /page HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 5)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "begin" {
		t.Fatalf("%q, %v", first, err)
	}
	<-asked2
	close(go1)
	rest, err := io.ReadAll(resp.Body)
	if want := "1middle" + strings.Repeat("2", 1<<20) + "end"; err != nil || string(rest) != want {
		t.Fatalf("%d bytes, %v", len(rest), err)
	}
}

// TestESIClientLeaves shows that a client that goes away takes the includes with
// it.
func TestESIClientLeaves(t *testing.T) {
	c := newCached(t, esiBlock, "")
	c.text("/page", strings.Repeat(include("/big"), 5))
	var busy atomic.Int32
	c.page("/big", func(w http.ResponseWriter, r *http.Request) {
		busy.Add(1)
		defer busy.Add(-1)
		w.Header().Set("Cache-Control", "no-store")
		for range 100 {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	})
	conn := harness.Dial(t, c.addr)
	io.WriteString(conn, "GET /page HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	if _, err := io.ReadFull(conn, make([]byte, 100000)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	c.text("/next", "x")
	c.expect("/next", 200, "x")
	harness.Eventually(t, "the includes end", func() bool { return busy.Load() == 0 })
}

// TestESICoded shows that coded pages and fragments are decoded.
func TestESICoded(t *testing.T) {
	c := newCached(t, esiBlock, "")
	zipped := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Cache-Control", "max-age=60")
			z := gzip.NewWriter(w)
			io.WriteString(z, body)
			z.Close()
		}
	}
	c.page("/page", zipped("x"+include("/a")+"y"))
	c.page("/a", zipped("A"))
	for range 2 {
		if resp := c.expect("/page", 200, "xAy", "Accept-Encoding", "gzip"); resp.Header.Get("Content-Encoding") != "" {
			t.Errorf("coding %s", resp.Header.Get("Content-Encoding"))
		}
	}
	if got := c.saw("/page", "Accept-Encoding"); got != "identity" {
		t.Errorf("the origin was asked for %q", got)
	}
}

// breaksOff answers with a length, and half of it.
func breaksOff(field string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Cache-Control", field)
		w.Header().Set("Content-Length", "10")
		io.WriteString(w, "<p>ha")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

// TestESIBroken shows pages and fragments that break off half-way.
func TestESIBroken(t *testing.T) {
	for _, field := range []string{"no-store", "max-age=60"} {
		c := newCached(t, esiBlock, "")
		c.page("/half", breaksOff(field))
		c.text("/b", "B")
		c.text("/page", "x"+include("/half")+"y")
		c.expect("/page", 200, "x<p>hay")
		c.text("/try", "<esi:try><esi:attempt>x"+include("/half")+"</esi:attempt><esi:except>"+include("/b")+"</esi:except></esi:try>y")
		c.expect("/try", 200, "By")
		if _, body, err := c.do("GET", "http://shop.test/half"); err == nil {
			t.Errorf("half a page is taken for whole: %q", body)
		}
		strict := newCached(t, "esi {\n on_error = \"fail\"\n}", "")
		strict.page("/half", breaksOff(field))
		strict.text("/page", "x"+include("/half")+"y")
		if _, body, err := strict.do("GET", "http://shop.test/page"); err == nil {
			t.Errorf("half a fragment is taken for whole: %q", body)
		}
	}
}

// TestESIPurge shows that fragments and page are purged apart.
func TestESIPurge(t *testing.T) {
	c := newCached(t, esiBlock+"\n purge {\n from = [\"127.0.0.0/8\"]\n }", "")
	c.text("/page", "1"+include("/a"), "Surrogate-Key", "page")
	c.text("/a", "2", "Surrogate-Key", "part")
	c.expect("/page", 200, "12")
	c.text("/page", "3"+include("/a"), "Surrogate-Key", "page")
	c.text("/a", "4", "Surrogate-Key", "part")
	c.expect("/page", 200, "12")
	for _, step := range []struct{ tag, want string }{{"part", "14"}, {"page", "34"}} {
		if resp, body, err := c.do("PURGE", "http://shop.test/", "Surrogate-Key", step.tag); err != nil || resp.StatusCode != 200 {
			t.Fatalf("PURGE: %v %q %v", resp, body, err)
		}
		c.expect("/page", 200, step.want)
	}
}

// TestESIRequests shows what a fragment's server gets to see: the client's
// cookies and address, not what it said about the page.
func TestESIRequests(t *testing.T) {
	c := newCached(t, esiBlock, "")
	c.text("/dir/page", "1"+include("part?x"))
	c.text("/dir/part", "2", "Cache-Control", "private")
	c.expect("/dir/page", 200, "12", "Cookie", "session=7", "If-None-Match", `"x"`, "Range", "bytes=0-0", "Accept-Encoding", "br", "X-Own", "1")
	for name, want := range map[string]string{
		"Cookie": "session=7", "If-None-Match": "", "Range": "", "Accept-Encoding": "identity", "X-Own": "1", "X-Forwarded-For": "127.0.0.1",
	} {
		if got := c.saw("/dir/part", name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	resp, body, err := c.do("POST", "http://shop.test/dir/page")
	if err != nil || resp.StatusCode != 200 || body != "12" {
		t.Errorf("POST: %v %q %v", resp, body, err)
	}
}

// TestESIEncoded shows composed pages coded on the way, and their fragments not.
func TestESIEncoded(t *testing.T) {
	c := newCached(t, esiBlock+"\n"+encodeBlock, "")
	text := longText(20000)
	c.text("/page", "x"+include("/a")+text+include("/a")+"y")
	c.text("/a", text)
	want := "x" + text + text + text + "y"
	for range 2 {
		for _, coding := range []string{"br", "gzip", "zstd", ""} {
			resp, body := c.get("/page", "Accept-Encoding", coding)
			if got := uncode(t, coding, body); got != want || resp.Header.Get("Content-Encoding") != coding || resp.Header.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%q: %d bytes of %d, %v", coding, len(got), len(want), resp.Header)
			}
		}
	}
}

// TestESIOtherVHost shows that a page reaches its own virtual host alone, though
// the proxy serves the other.
func TestESIOtherVHost(t *testing.T) {
	c := newCached(t, esiBlock, "vhost \"bank\" {\n hosts = [\"bank.test\"]\n backend = \"app\"\n}")
	c.text("/secret", "secret")
	c.text("/page", "x"+include("http://bank.test/secret")+"y")
	c.expect("http://bank.test/secret", 200, "secret")
	c.expect("/page", 200, "xy")
}

// TestESIOff shows that without the block tags are text.
func TestESIOff(t *testing.T) {
	c := newCached(t, "", "")
	c.text("/page", "x"+include("/a"))
	c.expect("/page", 200, "x"+include("/a"))
	c.expect("/page", 200, "x"+include("/a"))
}

// TestESIHTTP10 shows that for an old client the page ends with its connection.
func TestESIHTTP10(t *testing.T) {
	c := newCached(t, esiBlock, "")
	c.text("/page", "x"+include("/a")+"y")
	c.text("/a", "A")
	got := harness.Exchange(t, c.addr, "GET /page HTTP/1.0\r\nHost: shop.test\r\n\r\n", 20*time.Second)
	if !strings.HasSuffix(got, "\r\n\r\nxAy") || strings.Contains(got, "chunked") {
		t.Errorf("%q", got)
	}
}
