package feature

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/test/harness"
)

const encodeBlock = `encode {}`

// longText is a page that is worth coding.
func longText(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "<li>item %d of the list</li>\n", i)
	}
	return b.String()
}

// uncode has a program of others decode a body.
func uncode(t *testing.T, coding, body string) string {
	t.Helper()
	name := map[string]string{"br": "brotli", "zstd": "zstd", "gzip": "gzip"}[coding]
	if name == "" {
		return body
	}
	peer := exec.Command(name, "-d", "-c")
	peer.Stdin = strings.NewReader(body)
	out, err := peer.Output()
	if err != nil {
		t.Fatalf("%s: %v of %d bytes", name, err, len(body))
	}
	return string(out)
}

func TestEncodeVariants(t *testing.T) {
	c := newCached(t, encodeBlock, "")
	page := longText(20000)
	c.text("/page", page, "ETag", `"v1"`)
	c.get("/page") // what grows while it is coded gets weak tags
	tests := []struct{ accept, coding, tag string }{
		{"gzip, deflate, br, zstd", "br", `"v1--br"`},
		{"gzip", "gzip", `"v1--gzip"`},
		{"zstd;q=0.9, gzip;q=0.8", "zstd", `"v1--zstd"`},
		{"identity", "", `"v1"`},
		{"", "", `"v1"`},
		{"br;q=0, gzip;q=0", "", `"v1"`},
		{"compress", "", `"v1"`},
	}
	for range 2 {
		for _, tt := range tests {
			fields := []string{"Accept-Encoding", tt.accept}
			if tt.accept == "" {
				fields = nil
			}
			resp, body := c.get("/page", fields...)
			h := resp.Header
			if h.Get("Content-Encoding") != tt.coding || h.Get("ETag") != tt.tag || h.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%q: %v", tt.accept, h)
			}
			if got := uncode(t, tt.coding, body); got != page {
				t.Errorf("%q: %d bytes, want %d", tt.accept, len(got), len(page))
			}
			if tt.coding != "" && len(body) > len(page)/3 {
				t.Errorf("%q: %d bytes of %d", tt.accept, len(body), len(page))
			}
			if resp.ContentLength != int64(len(body)) {
				t.Errorf("%q: length %d of %d", tt.accept, resp.ContentLength, len(body))
			}
			// Its own tag confirms it, and no other's.
			if tt.coding != "" {
				c.expect("/page", 304, "", append(fields, "If-None-Match", tt.tag)...)
				if resp, _ := c.get("/page", append(fields, "If-None-Match", `"v1"`)...); resp.StatusCode != 200 {
					t.Errorf("%q: the base's tag yields %d", tt.accept, resp.StatusCode)
				}
				// A range is one of the coded bytes.
				resp := c.expect("/page", 206, body[10:20], append(fields, "Range", "bytes=10-19")...)
				if want := fmt.Sprintf("bytes 10-19/%d", len(body)); resp.Header.Get("Content-Range") != want {
					t.Errorf("%q: %s, want %s", tt.accept, resp.Header.Get("Content-Range"), want)
				}
				head, _, err := c.do("HEAD", "http://shop.test/page", fields...)
				if err != nil || head.ContentLength != int64(len(body)) || head.Header.Get("ETag") != tt.tag {
					t.Errorf("%q: HEAD: %v, %v", tt.accept, head, err)
				}
			}
		}
	}
	if n := c.times("/page"); n != 1 {
		t.Errorf("%d fetches", n)
	}
	if got := c.saw("/page", "Accept-Encoding"); got != "identity" {
		t.Errorf("the origin was asked for %q", got)
	}
}

// TestEncodeGrowing shows that what the origin sends slowly is coded on the way,
// and nothing is held back.
func TestEncodeGrowing(t *testing.T) {
	c := newCached(t, encodeBlock, "")
	more := make(chan struct{})
	c.page("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("ETag", `"v1"`)
		io.WriteString(w, "begin")
		w.(http.Flusher).Flush()
		<-more
		io.WriteString(w, longText(5000))
	})
	conn := harness.Dial(t, c.addr)
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(conn, "GET /page HTTP/1.1\r\nHost: shop.test\r\nAccept-Encoding: gzip\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if h := resp.Header; h.Get("Content-Encoding") != "gzip" || h.Get("ETag") != `W/"v1"` {
		t.Fatalf("%v", h)
	}
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 5)
	if _, err := io.ReadFull(z, first); err != nil || string(first) != "begin" {
		t.Fatalf("%q, %v", first, err)
	}
	close(more)
	if rest, err := io.ReadAll(z); err != nil || string(rest) != longText(5000) {
		t.Fatalf("%d bytes, %v", len(rest), err)
	}
	c.expect("/page", 304, "", "Accept-Encoding", "gzip", "If-None-Match", `W/"v1"`)
}

// TestEncodeCurl has curl ask and decode by itself.
func TestEncodeCurl(t *testing.T) {
	c := newCached(t, encodeBlock, "")
	page := longText(50000)
	c.text("/page", page)
	for range 3 {
		out, err := exec.Command("curl", "-s", "--compressed", "-H", "Host: shop.test", "http://"+c.addr+"/page").Output()
		if err != nil || string(out) != page {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
	}
}

// TestEncodeLeavesAlone lists what is not coded.
func TestEncodeLeavesAlone(t *testing.T) {
	c := newCached(t, encodeBlock, "")
	page := longText(5000)
	c.text("/small", "small")
	c.text("/image", page, "Content-Type", "image/png")
	c.text("/keep", page, "Cache-Control", "max-age=60, no-transform")
	c.text("/digest", page, "Repr-Digest", "sha-256=:AA==:")
	c.text("/foreign", page, "Content-Encoding", "dcb")
	for _, path := range []string{"/small", "/image", "/keep", "/digest", "/foreign"} {
		for range 2 {
			resp, body := c.get(path, "Accept-Encoding", "br, gzip")
			if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "dcb" || body != page && body != "small" {
				t.Errorf("%s: %q, %d bytes", path, coding, len(body))
			}
		}
	}
}

// TestEncodeCodedOrigin shows an origin that codes although it was not asked to.
func TestEncodeCodedOrigin(t *testing.T) {
	c := newCached(t, encodeBlock, "")
	page := longText(200000)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, page)
	z.Close()
	c.page("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("ETag", `"z"`)
		w.Write(zipped.Bytes())
	})
	for range 2 {
		resp, body := c.get("/page", "Accept-Encoding", "gzip")
		if body != zipped.String() || resp.Header.Get("ETag") != `"z"` {
			t.Errorf("who takes gzip gets %d bytes, %v", len(body), resp.Header)
		}
		resp, body = c.get("/page", "Accept-Encoding", "gzip;q=0")
		if body != page || resp.Header.Get("Content-Encoding") != "" || resp.Header.Get("ETag") != `"z--identity"` {
			t.Errorf("who does not gets %d bytes, %v", len(body), resp.Header)
		}
	}
	if n := c.times("/page"); n != 1 {
		t.Errorf("%d fetches", n)
	}
	c.page("/broken", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Cache-Control", "max-age=60")
		w.Write(zipped.Bytes()[:zipped.Len()/2])
	})
	c.get("/broken", "Accept-Encoding", "gzip")
	if _, body, err := c.do("GET", "http://shop.test/broken", "Accept-Encoding", "identity"); err == nil {
		t.Errorf("a broken body is taken for whole: %d bytes", len(body))
	}
}

// TestEncodeFollowsBase shows that variants live and go with their base.
func TestEncodeFollowsBase(t *testing.T) {
	c := newCached(t, encodeBlock+"\n purge {\n from = [\"127.0.0.0/8\"]\n }", "")
	first, second := longText(9000), strings.ToUpper(longText(9000))
	gzip := []string{"Accept-Encoding", "gzip"}
	get := func() string {
		t.Helper()
		resp, body := c.get("/page", gzip...)
		return uncode(t, resp.Header.Get("Content-Encoding"), body)
	}
	// A tag that stays the same while the body changes must not matter.
	c.text("/page", first, "ETag", `"same"`)
	for range 2 {
		if get() != first {
			t.Fatal("the first page")
		}
	}
	c.text("/page", second, "ETag", `"same"`)
	if get() != first {
		t.Fatal("the first page is stored")
	}
	if resp, _, err := c.do("PURGE", "http://shop.test/page"); err != nil || resp.StatusCode != 200 {
		t.Fatalf("PURGE: %v, %v", resp, err)
	}
	for range 2 {
		if get() != second {
			t.Fatal("after the purge there is another page")
		}
	}
	// A page that is confirmed keeps its variants; its new fields are theirs.
	n := 0
	c.page("/again", func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", `"e"`)
		w.Header().Set("X-Turn", fmt.Sprint(n))
		if r.Header.Get("If-None-Match") == `"e"` {
			w.WriteHeader(304)
			return
		}
		io.WriteString(w, first)
	})
	for turn := 1; turn <= 3; turn++ {
		resp, body := c.get("/again", gzip...)
		if uncode(t, resp.Header.Get("Content-Encoding"), body) != first || resp.Header.Get("X-Turn") != fmt.Sprint(turn) {
			t.Errorf("turn %d: %v", turn, resp.Header)
		}
		if turn > 1 && resp.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("turn %d: not coded", turn)
		}
	}
}

// TestEncodeVary shows variants of a page that varies by itself.
func TestEncodeVary(t *testing.T) {
	c := newCached(t, encodeBlock, "")
	c.page("/page", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Cache-Control", "max-age=60")
		w.Header().Set("Vary", "Accept-Language, Accept-Encoding")
		io.WriteString(w, r.Header.Get("Accept-Language")+longText(5000))
	})
	for range 2 {
		for _, language := range []string{"de", "en"} {
			for _, coding := range []string{"br", "gzip", "identity"} {
				resp, body := c.get("/page", "Accept-Language", language, "Accept-Encoding", coding)
				if !strings.HasPrefix(uncode(t, resp.Header.Get("Content-Encoding"), body), language) {
					t.Errorf("%s in %s: another language", language, coding)
				}
			}
		}
	}
	if n := c.times("/page"); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

// TestEncodeMany shows that many who want one variant at once all get it whole.
func TestEncodeMany(t *testing.T) {
	c := newCached(t, encodeBlock, "")
	page := longText(3 << 20)
	c.text("/page", page)
	var all sync.WaitGroup
	bodies := make(chan string, 60)
	for i := range cap(bodies) {
		all.Go(func() {
			accept := []string{"br", "gzip", "zstd", "identity"}[i%4]
			resp, body, err := c.do("GET", "http://shop.test/page", "Accept-Encoding", accept)
			if err != nil {
				t.Error(err)
				return
			}
			bodies <- resp.Header.Get("Content-Encoding") + "\x00" + body
		})
	}
	all.Wait()
	close(bodies)
	known := map[string]bool{}
	for b := range bodies {
		if known[b] {
			continue
		}
		known[b] = true
		coding, body, _ := strings.Cut(b, "\x00")
		if got := uncode(t, coding, body); got != page {
			t.Errorf("%s: %d bytes of %d", coding, len(got), len(page))
		}
	}
	if len(known) > 4 {
		t.Errorf("%d different bodies for 4 codings", len(known))
	}
	if n := c.times("/page"); n != 1 {
		t.Errorf("%d fetches", n)
	}
}
