package feature

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"fishplate/test/harness"
)

// serveCatalog starts the switch with the catalog twice, as two tenants of one
// store, and returns its address.
func serveCatalog(t *testing.T, origin string) (*harness.Server, string) {
	t.Helper()
	root, err := harness.Module()
	if err != nil {
		t.Fatal(err)
	}
	addr := harness.FreeAddr(t)
	program := root + "/sdk/examples/catalog.elf"
	s := harness.Start(t, fmt.Sprintf(`
listener "web" { bind = [%q] }
backend "app" { servers = [%q] }
tenant "red" {
  program = %q
  cache {
    status = true
    purge { from = ["127.0.0.0/8"] }
  }
}
tenant "blue" {
  program = %q
  cache { status = true }
}
vhost "red" {
  hosts = ["red.test"]
  tenant = "red"
  backend = "app"
}
vhost "blue" {
  hosts = ["blue.test"]
  tenant = "blue"
  backend = "app"
}
`, addr, origin, program, program))
	return s, addr
}

func TestForgedObjects(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("origin"))
	_, addr := serveCatalog(t, o.Addr)
	for _, c := range []struct {
		what, host, path, stamp, field string
		body, cache                    string
	}{
		{"first", "red.test", "/item/7", "1", "", "item 7 in en, made for 1\n", "fwd="},
		{"again", "red.test", "/item/7", "2", "", "item 7 in en, made for 1\n", "hit"},
		{"the query is not part of the key", "red.test", "/item/7?x=1", "3", "", "item 7 in en, made for 1\n", "hit"},
		{"the language is", "red.test", "/item/7", "4", "Accept-Language: de-DE,de", "item 7 in de, made for 4\n", "fwd="},
		{"another item", "red.test", "/item/8", "5", "", "item 8 in en, made for 5\n", "fwd="},
		{"another tenant with the same key", "blue.test", "/item/7", "6", "", "item 7 in en, made for 6\n", "fwd="},
		{"and again", "blue.test", "/item/7", "7", "", "item 7 in en, made for 6\n", "hit"},
		{"by its own fields, under the URL", "red.test", "/fields?a", "8", "", "8", "fwd="},
		{"again", "red.test", "/fields?a", "9", "", "8", "hit"},
		{"another URL", "red.test", "/fields?b", "10", "", "10", "fwd="},
		{"uncacheable", "red.test", "/never", "11", "", "11", "fwd="},
		{"still", "red.test", "/never", "12", "", "12", "fwd="},
	} {
		resp, body := do(t, "GET", addr, c.host, c.path, "", "X-Stamp: "+c.stamp, c.field)
		if resp.StatusCode != 200 || body != c.body || !strings.Contains(resp.Header.Get("Cache-Status"), c.cache) {
			t.Errorf("%s: %d %q, %s", c.what, resp.StatusCode, body, resp.Header.Get("Cache-Status"))
		}
	}
	if n := o.Accepted.Load(); n != 0 {
		t.Errorf("%d connections to the origin", n)
	}
}

func TestForgedObjectsAreJudgedHere(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("origin"))
	_, addr := serveCatalog(t, o.Addr)
	page := "item 7 in en, made for 1\n"
	for round := range 2 {
		for fields, want := range map[string]string{
			"X-Stamp: 1\nIf-None-Match: \"first\"":              "304 ",
			"X-Stamp: 1\nIf-Match: \"other\"":                   "412 ",
			"X-Stamp: 1\nIf-Match: \"first\"":                   "200 " + page,
			"X-Stamp: 1\nRange: bytes=5-9":                      "206 " + page[5:10],
			"X-Stamp: 1\nRange: bytes=99-":                      "416 ",
			"X-Stamp: 1\nRange: bytes=0-3\nIf-Range: \"other\"": "200 " + page,
		} {
			resp, body := do(t, "GET", addr, "red.test", "/item/7", "", strings.Split(fields, "\n")...)
			if got := fmt.Sprint(resp.StatusCode, " ", body); got != want {
				t.Errorf("round %d, %q: %q", round, fields, got)
			}
		}
	}
	if n := o.Accepted.Load(); n != 0 {
		t.Errorf("%d connections to the origin", n)
	}
}

// TestStaleForgedObjectsAreForgedAgain serves what is stale at once; the program
// makes the next one behind that, and the origin is never asked.
func TestStaleForgedObjectsAreForgedAgain(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("origin"))
	_, addr := serveCatalog(t, o.Addr)
	ask := func(stamp string) string {
		_, body := do(t, "GET", addr, "red.test", "/rolling", "", "X-Stamp: "+stamp)
		return body
	}
	if first, second := ask("one"), ask("two"); first != "one" || second != "one" {
		t.Errorf("%q, then %q", first, second)
	}
	harness.Eventually(t, "the object is made anew", func() bool { return ask("three") != "one" })
	if n := o.Accepted.Load(); n != 0 {
		t.Errorf("%d connections to the origin", n)
	}
}

// TestForgesAreCoalesced sends many requests at once: one of them is forged for.
func TestForgesAreCoalesced(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("origin"))
	_, addr := serveCatalog(t, o.Addr)
	bodies := make([]string, 32)
	var wg sync.WaitGroup
	for i := range bodies {
		wg.Go(func() { _, bodies[i] = do(t, "GET", addr, "red.test", "/item/9", "", fmt.Sprint("X-Stamp: ", i)) })
	}
	wg.Wait()
	for _, b := range bodies[1:] {
		if b != bodies[0] || !strings.HasPrefix(b, "item 9 in en, made for ") {
			t.Errorf("%q beside %q", b, bodies[0])
		}
	}
}

func TestForgedObjectsArePurgedByTag(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("origin"))
	s, addr := serveCatalog(t, o.Addr)
	ask := func(host, path, stamp string) string {
		_, body := do(t, "GET", addr, host, path, "", "X-Stamp: "+stamp)
		return strings.TrimSpace(body[strings.LastIndexByte(body, ' ')+1:])
	}
	for _, path := range []string{"/item/7", "/item/8", "/fields"} {
		ask("red.test", path, "old")
	}
	ask("blue.test", "/item/7", "old")
	if out, errs, code := s.Run("purge", "--tag", "item-7"); code != 0 {
		t.Fatal(out, errs)
	}
	for _, c := range []struct{ host, path, want string }{
		{"red.test", "/item/7", "new"}, {"red.test", "/item/8", "old"}, {"red.test", "/fields", "old"},
	} {
		if got := ask(c.host, c.path, "new"); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.host, c.path, got, c.want)
		}
	}
	if out, errs, code := s.Run("purge", "--tag", "fields", "--tag", "catalog"); code != 0 {
		t.Fatal(out, errs)
	}
	for _, path := range []string{"/item/7", "/item/8", "/fields"} {
		if got := ask("red.test", path, "newer"); got != "newer" {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func TestProgramsLookObjectsUp(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("origin"))
	_, addr := serveCatalog(t, o.Addr)
	look := func(host, path string) string {
		_, body := do(t, "GET", addr, host, path, "")
		return body
	}
	if got := look("red.test", "/peek/7"); got != "not there\n" {
		t.Errorf("before: %q", got)
	}
	_, page := do(t, "GET", addr, "red.test", "/item/7", "", "X-Stamp: 1")
	if got := look("red.test", "/peek/7"); !strings.HasPrefix(got, "status 200, age ") || !strings.HasSuffix(got, fmt.Sprintf("size %d\n", len(page))) {
		t.Errorf("after: %q", got)
	}
	if got := look("red.test", "/peek/8"); got != "not there\n" {
		t.Errorf("another item: %q", got)
	}
	if got := look("blue.test", "/peek/7"); got != "not there\n" {
		t.Errorf("another tenant sees it: %q", got)
	}
}

// TestProgramsSetTermsOfOrigins lets on_recv decide how long a server's answer
// is kept, and passes by the cache.
func TestProgramsSetTermsOfOrigins(t *testing.T) {
	n := 0
	o := harness.NewOrigin(t, harness.Each(func(c net.Conn, _ *http.Request) bool {
		n++ // one connection at a time: the requests come one after another
		body := fmt.Sprint("answer ", n)
		_, err := fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return err == nil
	}))
	s, addr := serveCatalog(t, o.Addr)
	ask := func(path string) string {
		_, body := do(t, "GET", addr, "red.test", path, "")
		return body
	}
	if one, two := ask("/news"), ask("/news"); one != "answer 1" || two != one {
		t.Errorf("kept for half a minute: %q, %q", one, two)
	}
	if one, two := ask("/admin"), ask("/admin"); one != "answer 2" || two != "answer 3" {
		t.Errorf("passed: %q, %q", one, two)
	}
	if _, errs, code := s.Run("purge", "--tag", "news"); code != 0 {
		t.Fatal(errs)
	}
	if got := ask("/news"); got != "answer 4" {
		t.Errorf("after the purge: %q", got)
	}
}
