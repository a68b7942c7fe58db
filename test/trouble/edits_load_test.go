package trouble

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"fishplate/internal/admin"
	"fishplate/test/harness"
)

// serversOf returns the servers of the backend "app" as status tells them.
func serversOf(t *testing.T, s *harness.Server) map[string]admin.ServerStatus {
	t.Helper()
	out, text, code := s.Run("status", "--json")
	var st admin.Status
	if code != 0 || json.Unmarshal([]byte(out), &st) != nil {
		t.Fatal(text, out)
	}
	list := map[string]admin.ServerStatus{}
	for _, b := range st.Backends {
		for _, v := range b.Servers {
			list[v.Name] = v
		}
	}
	return list
}

// pinned asks as a client with that cookie, and returns who answered and the
// cookie that it holds then.
func pinned(t *testing.T, addr, cookie string) (name, next string) {
	t.Helper()
	field := ""
	if cookie != "" {
		field = "Cookie: " + cookie + "\r\n"
	}
	got := harness.Exchange(t, addr, "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n"+field+"\r\n", time.Minute)
	if status(got) != "200" {
		t.Fatalf("pinned client: %q", got)
	}
	_, rest, _ := strings.Cut(got, "X-From: ")
	name, _, _ = strings.Cut(rest, "\r")
	if _, set, ok := strings.Cut(got, "Set-Cookie: "); ok {
		cookie, _, _ = strings.Cut(set, ";")
	}
	return name, cookie
}

// TestEditsFailNothing edits a backend by the API while requests arrive: weights,
// states, servers that come, that go, that come back within their grace, and all
// of them replaced at once by ones that nobody has checked. No request fails, and
// a pinned client stays until the grace is over and moves then.
func TestEditsFailNothing(t *testing.T) {
	a, b, c, d := named(t, "a"), named(t, "b"), named(t, "c"), named(t, "d")
	addr := harness.FreeAddr(t)
	app := func(grace string, servers ...string) string {
		text := fmt.Sprintf("listener \"web\" { bind = [%q] }\nvhost \"any\" { backend = \"app\" }\nbackend \"app\" {\n  grace = %q\n  persist \"cookie\" { name = \"S\" }\n  check \"http\" {\n    path = \"/\"\n    interval = \"1s\"\n  }\n", addr, grace)
		for _, s := range servers {
			name, at, _ := strings.Cut(s, "=")
			text += fmt.Sprintf("  server %q { address = %q }\n", name, at)
		}
		return text + "}\n"
	}
	s := harness.Start(t, app("1h", "a="+a, "b="+b))
	finish := underLoad(t, addr, 4)
	edit := func(args ...string) {
		t.Helper()
		if _, text, code := s.Run(args...); code != 0 {
			t.Fatalf("%v: %s", args, text)
		}
	}
	home, cookie := "", ""
	for home != "a" {
		home, cookie = pinned(t, addr, "")
	}
	stays := func(when string) {
		t.Helper()
		if who, _ := pinned(t, addr, cookie); who != "a" {
			t.Errorf("%s: the pinned client is at %s", when, who)
		}
	}
	for i := range 3 {
		edit("server", "set", "app/b", fmt.Sprint("weight=", 50+i))
		edit("server", "add", "app/c", "address="+c)
		before := serversOf(t, s)["a"]
		edit("server", "remove", "app/a")
		stays("a was removed")
		gone := serversOf(t, s)["a"]
		if gone.DrainingUntil == nil || gone.Sessions != nil || gone.State != "removed" || gone.Requests < before.Requests {
			t.Errorf("the removed server: %+v", gone)
		}
		edit("server", "add", "app/a", "address="+a)
		back := serversOf(t, s)["a"]
		if back.DrainingSince != nil || back.Requests < gone.Requests || back.State != "up" || back.Check != "up" {
			t.Errorf("it came back as another: %+v, was %+v", back, gone)
		}
		stays("a came back")
		edit("server", "remove", "app/c")
	}
	// All at once, by one that was never checked.
	for range 3 {
		s.Apply(app("1h", "d="+d))
		stays("all were replaced")
		s.Apply(app("1h", "a="+a, "b="+b))
	}
	// The grace of who leaves is taken away: the client moves, without an error.
	s.Apply(app("1h", "b="+b))
	stays("a leaves")
	s.Apply(app("0s", "b="+b))
	if who, moved := pinned(t, addr, cookie); who != "b" || moved == cookie {
		t.Errorf("after the grace the client is at %s with %s", who, moved)
	}
	harness.Eventually(t, "the server is forgotten", func() bool { _, there := serversOf(t, s)["a"]; return !there })
	finish()
}
