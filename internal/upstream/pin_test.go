package upstream

import (
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/upstream/persist"
)

// visit makes one exchange without a network: the request with its cookies, the
// server's answer, and what the client gets back.
func visit(t *testing.T, b *Backend, cookie string, answer ...string) (server, seen string, set []string) {
	t.Helper()
	p := pick("GET", "/")
	if cookie != "" {
		p.Env.Req.Add("Cookie", cookie)
	}
	b.PersistRequest(p)
	s := slot(t, b, p)
	s.release()
	v, _ := p.Env.Req.Get("Cookie")
	var resp message.Response
	for _, a := range answer {
		resp.Add("Set-Cookie", a)
	}
	b.PersistResponse(p, &resp, s)
	for i := range resp.Len() {
		set = append(set, string(resp.Value(i)))
	}
	return s.name, string(v), set
}

// pinned is a backend of three servers with a persistence.
func pinned(p model.Persist) *model.Backend {
	m := limited(3, 10, time.Minute)
	for _, s := range m.Servers {
		s.MaxConnections = 0
	}
	m.Persist = &p
	return m
}

// pairOf returns "name=value" of a Set-Cookie field.
func pairOf(field string) string {
	pair, _, _ := strings.Cut(field, ";")
	return pair
}

func TestCookieInsert(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, pinned(model.Persist{Kind: "cookie", Mode: "insert", Name: "SRV", HTTPOnly: true}))
		first, _, set := visit(t, b, "")
		if len(set) != 1 || !strings.HasPrefix(set[0], "SRV=") || !strings.HasSuffix(set[0], "; Path=/; HttpOnly") || strings.Contains(set[0], first) {
			t.Fatalf("%q", set)
		}
		for range 5 {
			server, seen, again := visit(t, b, "a=1; "+pairOf(set[0]))
			if server != first || len(again) != 0 || seen != "a=1" {
				t.Fatalf("%s, the server sees %q, the client gets %q", server, seen, again)
			}
		}
		// Nobody can choose a server by its name, or by another backend's cookie.
		for _, forged := range []string{"SRV=s2", "SRV=" + persist.NewTagger(nil).Tag("app", "s2"), "SRV="} {
			if _, seen, again := visit(t, b, forged); len(again) != 1 || seen != "" {
				t.Errorf("%s: the server sees %q, the client gets %q", forged, seen, again)
			}
		}
	})
}

// TestCookieSurvivesRestart: with the same secret, another process knows the
// cookies.
func TestCookieSurvivesRestart(t *testing.T) {
	var cookies []string
	for range 2 {
		s := newSet(t, Options{Secret: []byte("house secret")})
		b := commit(t, s, pinned(model.Persist{Kind: "cookie", Mode: "insert", Name: "SRV"}))
		if len(cookies) == 0 {
			for range 3 {
				_, _, set := visit(t, b, "")
				cookies = append(cookies, pairOf(set[0]))
			}
			continue
		}
		for i, want := range []string{"s0", "s1", "s2"} {
			if got, _, set := visit(t, b, cookies[i]); got != want || len(set) != 0 {
				t.Errorf("%s leads to %s, want %s", cookies[i], got, want)
			}
		}
	}
}

func TestCookieDates(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, pinned(model.Persist{Kind: "cookie", Mode: "insert", Name: "SRV", MaxAge: time.Hour, Idle: 10 * time.Minute}))
		first, _, set := visit(t, b, "")
		value := pairOf(set[0])
		time.Sleep(time.Minute)
		if server, _, set := visit(t, b, value); server != first || len(set) != 0 {
			t.Errorf("after a minute: %s, %q", server, set)
		}
		time.Sleep(4 * time.Minute)
		server, _, set := visit(t, b, value)
		if server != first || len(set) != 1 {
			t.Fatalf("after five minutes: %s, renewed by %q", server, set)
		}
		value = pairOf(set[0])
		time.Sleep(9 * time.Minute)
		if server, _, set = visit(t, b, value); server != first || len(set) != 1 {
			t.Errorf("nine minutes after renewal: %s, %q", server, set)
		}
		time.Sleep(10 * time.Minute)
		if _, _, set := visit(t, b, value); len(set) != 1 {
			t.Error("an idle pin still holds")
		}
		// Renewing does not go on past max_age.
		_, _, set = visit(t, b, "")
		for at := time.Duration(0); at < time.Hour; at += 5 * time.Minute {
			value = pairOf(set[0])
			time.Sleep(5 * time.Minute)
			_, _, set = visit(t, b, value)
			if len(set) != 1 {
				t.Fatalf("not renewed after %v", at)
			}
		}
		pin, ok := s.tagger.Parse([]byte(strings.TrimPrefix(pairOf(set[0]), "SRV=")))
		if !ok || time.Since(pin.Issued) > time.Second {
			t.Errorf("after an hour of use the pin is still of %v ago", time.Since(pin.Issued))
		}
	})
}

func TestCookieRewrite(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, pinned(model.Persist{Kind: "cookie", Mode: "rewrite", Name: "SRV"}))
		if _, _, set := visit(t, b, "", "other=1"); len(set) != 1 || set[0] != "other=1" {
			t.Errorf("a cookie appears by itself: %q", set)
		}
		first, _, set := visit(t, b, "", "SRV=placeholder; Path=/x")
		if len(set) != 1 || strings.Contains(set[0], "placeholder") || !strings.HasSuffix(set[0], "; Path=/x") {
			t.Fatalf("%q", set)
		}
		for range 4 {
			if server, seen, _ := visit(t, b, pairOf(set[0])); server != first || seen != pairOf(set[0]) {
				t.Errorf("%s, sees %q", server, seen)
			}
		}
	})
}

func TestCookiePrefix(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, pinned(model.Persist{Kind: "cookie", Mode: "prefix", Name: "sid"}))
		first, _, set := visit(t, b, "", "sid=abc~1; HttpOnly")
		if len(set) != 1 || !strings.HasSuffix(set[0], "~abc~1; HttpOnly") {
			t.Fatalf("%q", set)
		}
		for range 4 {
			if server, seen, _ := visit(t, b, pairOf(set[0])); server != first || seen != "sid=abc~1" {
				t.Errorf("%s, sees %q", server, seen)
			}
		}
		// The mark of a server that is gone is hidden all the same.
		gone := "sid=" + s.tagger.Tag("app", "gone") + "~v"
		if _, seen, _ := visit(t, b, gone); seen != "sid=v" {
			t.Errorf("sees %q", seen)
		}
		if _, seen, _ := visit(t, b, "sid=own~value"); seen != "sid=own~value" {
			t.Errorf("the application's value becomes %q", seen)
		}
	})
}

func TestCookieName(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, pinned(model.Persist{Kind: "cookie", Mode: "name", Name: "PHPSESSION"}))
		first, _, set := visit(t, b, "", "PHPSESSION=v; Path=/")
		if len(set) != 1 || len(set[0]) != len("PHPSESSION=v; Path=/") || strings.HasPrefix(set[0], "PHPSESSION") {
			t.Fatalf("%q", set)
		}
		for range 4 {
			if server, seen, _ := visit(t, b, pairOf(set[0])); server != first || seen != "PHPSESSION=v" {
				t.Errorf("%s, sees %q", server, seen)
			}
		}
		gone, _ := s.tagger.Name("PHPSESSION", "app", "gone")
		if _, seen, _ := visit(t, b, gone+"=v"); seen != "PHPSESSION=v" {
			t.Errorf("after its server went, the application sees %q", seen)
		}
	})
}

func TestCookiePassive(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, pinned(model.Persist{Kind: "cookie", Mode: "passive", Name: "sid", Age: time.Hour}))
		first, _, set := visit(t, b, "", "sid=abc")
		if len(set) != 1 || set[0] != "sid=abc" {
			t.Errorf("the answer was changed: %q", set)
		}
		for range 4 {
			if server, seen, _ := visit(t, b, "sid=abc"); server != first || seen != "sid=abc" {
				t.Errorf("%s, sees %q", server, seen)
			}
		}
		if list := b.Sessions(10); len(list) != 1 || list[0].Key != "abc" || list[0].Server != first {
			t.Errorf("%+v", list)
		}
		before := b.Sessions(10)
		time.Sleep(time.Minute)
		asked := pick("GET", "/")
		asked.Env.Req.Add("Cookie", "sid=abc")
		if e := b.Explain(asked); e.Server != first || b.Sessions(10)[0] != before[0] {
			t.Errorf("to explain is to use: %+v, %+v", e, b.Sessions(10))
		}
		// The table survives a reload, and loses its use with another name.
		b = commit(t, s, pinned(model.Persist{Kind: "cookie", Mode: "passive", Name: "sid", Age: 2 * time.Hour}))
		if len(b.Sessions(10)) != 1 || b.Status().Sessions != 1 {
			t.Error("a reload lost the table")
		}
		time.Sleep(90 * time.Minute)
		if server, _, _ := visit(t, b, "sid=abc"); server != first {
			t.Error("the new age is not in force")
		}
		if n := b.ClearSessions(); n != 1 || len(b.Sessions(10)) != 0 {
			t.Errorf("cleared %d", n)
		}
		b = commit(t, s, pinned(model.Persist{Kind: "cookie", Mode: "passive", Name: "other"}))
		if len(b.Sessions(10)) != 0 {
			t.Error("another cookie's table is used")
		}
	})
}

func TestTableKinds(t *testing.T) {
	for _, c := range []struct {
		kind, name string
		same       []func(*message.Request)
		other      func(*message.Request)
	}{
		{"header", "X-User", []func(*message.Request){
			func(r *message.Request) { r.Add("X-User", "ann") },
			func(r *message.Request) { r.Add("x-user", "ann") },
		}, func(r *message.Request) { r.Add("X-User", "bob") }},
		{"query", "user", []func(*message.Request){
			func(r *message.Request) { r.Query, r.HasQuery = []byte("user=ann&x=1"), true },
			func(r *message.Request) { r.Query, r.HasQuery = []byte("y&user=ann"), true },
		}, func(r *message.Request) { r.Query, r.HasQuery = []byte("user=bob"), true }},
		{"parameter", "sid", []func(*message.Request){
			func(r *message.Request) { r.Target = []byte("/a;sid=ann?x;sid=z") },
			func(r *message.Request) { r.Target = []byte("/a;b;sid=ann/c") },
		}, func(r *message.Request) { r.Target = []byte("/a;sid=bob;c") }},
		{"source", "", []func(*message.Request){
			func(r *message.Request) {},
			func(r *message.Request) { r.ClientIP = r.ClientIP.Next() }, // within /24
		}, func(r *message.Request) {
			r.ClientIP = r.ClientIP.Next()
			for range 300 {
				r.ClientIP = r.ClientIP.Next()
			}
		}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *Set, _ *outage) {
				b := commit(t, s, pinned(model.Persist{Kind: c.kind, Name: c.name, Mask: 24, Mask6: 64}))
				at := func(edit func(*message.Request)) string {
					p := pick("GET", "/")
					edit(p.Env.Req)
					srv := slot(t, b, p)
					srv.release()
					return srv.name
				}
				home := at(c.same[0])
				if other := at(c.other); other == home {
					t.Errorf("another key goes to %s too", other)
				}
				for range 4 {
					for i, edit := range c.same {
						if got := at(edit); got != home {
							t.Errorf("form %d goes to %s, want %s", i, got, home)
						}
					}
				}
				if n := len(b.Sessions(10)); n != 2 {
					t.Errorf("%d rows, want 2", n)
				}
			})
		})
	}
}

// TestHeaderLearnedFromAnswer: a value that the server hands out leads back to it.
func TestHeaderLearnedFromAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, pinned(model.Persist{Kind: "header", Name: "X-Session"}))
		p := pick("GET", "/")
		srv := slot(t, b, p)
		var resp message.Response
		resp.Add("X-Session", "token")
		b.PersistResponse(p, &resp, srv)
		for range 4 {
			p := pick("GET", "/")
			p.Env.Req.Add("X-Session", "token")
			if got := slot(t, b, p); got != srv {
				t.Errorf("goes to %s, want %s", got.name, srv.name)
			}
		}
	})
}

// session is one row of a persistence table.
type session struct {
	Key, Server string
	Used        time.Time
}

// Sessions lists up to limit rows of the persistence table, the latest used
// first.
func (b *Backend) Sessions(limit int) []session {
	list := []session{}
	if t := b.group.sessions.Load(); t != nil {
		for _, e := range t.List(limit) {
			list = append(list, session{e.Key, e.Value.name, e.Used})
		}
	}
	return list
}

// ClearSessions forgets the persistence table and returns how many rows it had.
func (b *Backend) ClearSessions() int {
	if t := b.group.sessions.Load(); t != nil {
		return t.Clear()
	}
	return 0
}
