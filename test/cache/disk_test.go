package cache

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"fishplate/test/harness"
)

// A lasting one is a process with a disk behind its cache, which can be followed by
// another one on the same directory.
type lasting struct {
	t      *testing.T
	server *harness.Server
	addr   string
	text   string // the configuration, with the disk
	bare   string // without it
}

func keep(t *testing.T, serve func(net.Conn, *http.Request) bool) *lasting {
	t.Helper()
	o := harness.NewOrigin(t, harness.Each(serve))
	k := &lasting{t: t, addr: harness.FreeAddr(t)}
	k.bare = site(k.addr, o.Addr, profile{name: "plain", text: "  cache {\n    keep = \"1h\"\n    purge { from = [\"127.0.0.0/8\"] }\n  }\n"})
	disk := fmt.Sprintf("memory = \"64MiB\"\n  disk {\n    path = %q\n    size = \"256MiB\"\n  }", filepath.Join(t.TempDir(), "disk"))
	k.text = strings.Replace(k.bare, "memory = \"64MiB\"", disk, 1)
	k.server = harness.Start(t, k.text)
	return k
}

// restart ends the process in good order, so that memory is empty and the disk
// holds what was written.
func (k *lasting) restart() {
	k.t.Helper()
	k.server.Signal(syscall.SIGTERM)
	<-k.server.Exited()
	k.server = harness.Start(k.t, k.text)
}

func (k *lasting) get(path string, fields ...string) string {
	k.t.Helper()
	got, err := ask(k.addr, "x.plain.test", message{first: "GET", target: path, fields: fields})
	if err != nil {
		k.t.Fatalf("GET %s: %v", path, err)
	}
	return got.body
}

// TestLargeObjectsAreRenewedWhole: a body that would go out of the file is stale
// and in grace; the server confirms it. What is renewed has its body.
func TestLargeObjectsAreRenewedWhole(t *testing.T) {
	const total = 3 << 20
	var confirmed atomic.Int64
	k := keep(t, func(w net.Conn, r *http.Request) bool {
		if r.Header.Get("If-None-Match") != "" {
			confirmed.Add(1)
			_, err := fmt.Fprint(w, "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nCache-Control: max-age=600\r\n\r\n")
			return err == nil
		}
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nAge: 100\r\nCache-Control: max-age=1, stale-while-revalidate=6000\r\nContent-Length: %d\r\n\r\n%s", total, pattern("/large", 1, total))
		return err == nil
	})
	read := func() {
		t.Helper()
		c, err := begin(k.addr, "/large")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.rest(1 << 16); err != nil || !bytes.Equal(got, pattern("/large", 1, total)) {
			t.Fatalf("%d bytes that are not it, %v", len(got), err)
		}
	}
	read()
	k.restart()
	harness.Eventually(t, "the server confirms the object", func() bool { read(); return confirmed.Load() > 0 })
	for range 3 {
		read()
	}
	k.restart()
	read()
}

// TestDiskFollowsMemory: what took an object out of memory keeps the disk's copy
// from coming back.
func TestDiskFollowsMemory(t *testing.T) {
	var version atomic.Int64
	k := keep(t, func(w net.Conn, r *http.Request) bool {
		how, body := "Cache-Control: max-age=6000", fmt.Sprintf("v%d", version.Load())
		switch {
		case version.Load() == 1:
		case r.URL.Path == "/varies":
			how, body = how+"\r\nVary: Accept-Language", body+r.Header.Get("Accept-Language")
		case r.URL.Path == "/no-store":
			how = "Cache-Control: no-store"
		}
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\n%s\r\nContent-Length: %d\r\n\r\n%s", how, len(body), body)
		return err == nil
	})
	for _, tt := range []struct {
		path   string
		change func()
		ask    string // Accept-Language
		want   string
	}{
		{"/varies", func() { k.get("/varies", "Cache-Control: no-cache", "Accept-Language: en"); k.restart() }, "fr", "v2fr"},
		{"/no-store", func() { k.get("/no-store", "Cache-Control: no-cache"); k.restart() }, "", "v2"},
		{"/away", func() { // a purge that the disk cannot hear
			k.server.Apply(k.bare)
			if out, errs, code := k.server.Run("purge", "http://x.plain.test/away"); code != 0 {
				t.Fatalf("purge: exit %d\n%s%s", code, out, errs)
			}
			harness.Eventually(t, "the disk is given back", func() bool {
				k.server.Write(k.text)
				_, _, code := k.server.Run("reload")
				return code == 0
			})
		}, "", "v2"},
	} {
		version.Store(1)
		if got := k.get(tt.path); got != "v1" {
			t.Fatalf("%s: %q at first", tt.path, got)
		}
		k.restart() // it is on the disk now
		if got := k.get(tt.path); got != "v1" {
			t.Fatalf("%s: %q out of the disk", tt.path, got)
		}
		version.Store(2)
		tt.change()
		if got := k.get(tt.path, "Accept-Language: "+tt.ask); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.path, got, tt.want)
		}
	}
}

// TestBansKeepToTheirHost: a request bans in its own virtual host, and without
// an expression its own URL.
func TestBansKeepToTheirHost(t *testing.T) {
	var asked atomic.Int64
	o := harness.NewOrigin(t, harness.Each(func(w net.Conn, _ *http.Request) bool {
		body := fmt.Sprint(asked.Add(1))
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return err == nil
	}))
	addr := harness.FreeAddr(t)
	text := fmt.Sprintf("listener \"web\" { bind = [%q] }\nbackend \"app\" { servers = [%q] }\ncache \"main\" { memory = \"8MiB\" }\n", addr, o.Addr)
	for _, name := range []string{"a", "b"} {
		text += fmt.Sprintf("vhost %q {\n  hosts = [\"%s.test\"]\n  cache {\n    purge { from = [\"127.0.0.0/8\"] }\n  }\n  route \"all\" { backend = \"app\" }\n}\n", name, name)
	}
	harness.Start(t, text)
	do := func(method, host, path string, fields ...string) string {
		t.Helper()
		got, err := ask(addr, host, message{first: method, target: path, fields: fields})
		if err != nil || got.first != "200" {
			t.Fatalf("%s %s%s: %v, %v", method, host, path, got, err)
		}
		return got.body
	}
	for _, tt := range []struct {
		path, ban string
	}{{"/p", ""}, {`/q?x="\`, ""}, {"/%22?a=%5C", ""}, {"/p", "X-Ban: obj.status == 200"}} {
		own, others, beside := do("GET", "a.test", tt.path), do("GET", "b.test", tt.path), do("GET", "a.test", "/beside")
		var fields []string
		if tt.ban != "" {
			fields = append(fields, tt.ban)
		}
		do("BAN", "a.test", tt.path, fields...)
		if do("GET", "a.test", tt.path) == own {
			t.Errorf("BAN %s %s: what it means is still there", tt.path, tt.ban)
		}
		if do("GET", "b.test", tt.path) != others {
			t.Errorf("BAN %s %s: another virtual host's object is gone", tt.path, tt.ban)
		}
		if tt.ban == "" && do("GET", "a.test", "/beside") != beside {
			t.Errorf("BAN %s: another URL's object is gone", tt.path)
		}
	}
}

// TestOtherRulesMeanOtherObjects: after a change of the rules that tell answers
// apart, none that was stored by the old ones is given.
func TestOtherRulesMeanOtherObjects(t *testing.T) {
	var asked atomic.Int64
	o := harness.NewOrigin(t, harness.Each(func(w net.Conn, _ *http.Request) bool {
		body := fmt.Sprint(asked.Add(1))
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nSet-Cookie: u=%s\r\nVary: X-User\r\nContent-Length: %d\r\n\r\n%s", body, len(body), body)
		return err == nil
	}))
	addr := harness.FreeAddr(t)
	text := func(rules string) string {
		return site(addr, o.Addr, profile{name: "plain", text: "  cache {\n    keep = \"1h\"\n    " + rules + "\n  }\n"})
	}
	const strip = "set_cookie = \"strip\"\n    "
	s := harness.Start(t, text(strip))
	get := func(path string, fields ...string) string {
		t.Helper()
		got, err := ask(addr, "x.plain.test", message{first: "GET", target: path, fields: fields})
		if err != nil || got.first != "200" {
			t.Fatalf("GET %s: %v, %v", path, got, err)
		}
		return got.body
	}
	for _, tt := range []struct {
		name, path, before, after string
		ask                       []string
		then                      string // path that is asked for after the change
	}{
		{"header", "/h", strip + `key { headers = ["X-Lang"] }`, strip + `key { headers = ["X-Id"] }`, []string{"X-Lang: 1", "X-Id: 1"}, "/h"},
		{"cookie", "/c", strip + `key { cookies = ["lang"] }`, strip + `key { cookies = ["sid"] }`, []string{"Cookie: lang=1; sid=1"}, "/c"},
		{"value", "/v", strip + `key { value = header("X-Lang") }`, strip + `key { value = header("X-Id") }`, []string{"X-Lang: 1", "X-Id: 1"}, "/v"},
		{"query", "/q?user=1", strip + `key { query = "ignore" }`, strip, nil, "/q"},
		{"kept cookie", "/s", `set_cookie = "keep"`, strip, nil, "/s"},
		{"ignored variant", "/i", strip + `vary { ignore = ["X-User"] }`, strip, []string{"X-User: 1"}, "/i"},
	} {
		s.Apply(text(tt.before))
		first := get(tt.path, tt.ask...)
		if get(tt.path, tt.ask...) != first {
			t.Errorf("%s: not stored", tt.name)
		}
		s.Apply(text(tt.after))
		if get(tt.then, tt.ask...) == first {
			t.Errorf("%s: what the old rules stored is given by the new ones", tt.name)
		}
	}
}

// TestNobodyInheritsAName: what a virtual host stored goes with it.
func TestNobodyInheritsAName(t *testing.T) {
	var asked atomic.Int64
	k := keep(t, func(w net.Conn, _ *http.Request) bool {
		body := fmt.Sprint(asked.Add(1))
		_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		return err == nil
	})
	for range 2 { // first with the object in memory, then with it on the disk alone
		first := k.get("/p")
		if k.get("/p") != first {
			t.Error("not stored")
		}
		k.server.Apply(strings.Replace(k.text, "vhost \"plain\"", "vhost \"other\"", 1))
		k.server.Apply(k.text)
		if k.get("/p") == first {
			t.Error("an object of the earlier virtual host of that name is given")
		}
		k.restart()
	}
}
