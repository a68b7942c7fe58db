package upstream

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/upstream/cause"
	"fishplate/internal/upstream/idle"
)

// leavable is a backend of n servers without limits, with a grace of a minute.
func leavable(n int, p *model.Persist) *model.Backend {
	m := limited(n, 10, 5*time.Second)
	for _, s := range m.Servers {
		s.MaxConnections = 0
	}
	m.Grace, m.Persist = time.Minute, p
	return m
}

// without is the backend without one server.
func without(m *model.Backend, name string) *model.Backend {
	less := *m
	less.Servers = nil
	for _, s := range m.Servers {
		if s.Name != name {
			less.Servers = append(less.Servers, s)
		}
	}
	return &less
}

// user is a request of somebody.
func user(name string) *Pick {
	p := pick("GET", "/")
	p.Env.Req.Add("X-User", name)
	return p
}

// listed says which servers the group has, and how they are.
func listed(s *Set, name string) (text string) {
	for _, b := range s.Status() {
		if b.Name == name {
			for _, v := range b.Servers {
				text += fmt.Sprintf("%s %s %d; ", v.Name, v.State, v.Sessions)
			}
		}
	}
	return text
}

var byUser = &model.Persist{Kind: "header", Name: "X-User", Age: 10 * time.Minute}

// TestLeaversStandIn: while all servers that took the place of others wait for
// their first check, those in their grace serve on, and pin nobody.
func TestLeaversStandIn(t *testing.T) {
	for _, p := range []*model.Persist{nil, byUser, {Kind: "cookie", Mode: "insert", Name: "SRV"}} {
		bubble(t, func(t *testing.T, s *Set, down *outage) {
			m := checked(leavable(4, p))
			b := commit(t, s, without(without(m, "s2"), "s3"))
			await(t, b, "up up", time.Second)
			next := without(without(m, "s0"), "s1")
			down.hold(true)
			b = commit(t, s, next)
			for range 4 {
				who := user(fmt.Sprint(time.Now().UnixNano()))
				srv := slot(t, b, who)
				if srv.name != "s0" && srv.name != "s1" {
					t.Fatalf("%s serves, which nobody has checked", srv.name)
				}
				b.learn(who, srv)
				var resp message.Response
				if b.PersistResponse(who, &resp, srv); resp.Len() > 0 || srv.sessions.Load() > 0 {
					t.Errorf("a client is pinned to %s", srv.name)
				}
				srv.release()
				time.Sleep(time.Millisecond)
			}
			down.hold(false)
			await(t, b, "up up", 3*time.Second)
			if srv := slot(t, b, user("late")); srv.leaving() {
				t.Errorf("%s serves on", srv.name)
			}
		})
	}
}

// TestNobodyStandsInAfterTheGrace: then a request waits for the first check.
func TestNobodyStandsInAfterTheGrace(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, down *outage) {
		m := checked(leavable(2, nil))
		m.Grace = 0
		b := commit(t, s, without(m, "s1"))
		await(t, b, "up", time.Second)
		down.hold(true)
		b = commit(t, s, without(m, "s0"))
		go func() {
			time.Sleep(time.Second)
			down.hold(false)
		}()
		if srv := slot(t, b, user("ann")); srv.name != "s1" {
			t.Errorf("%s serves", srv.name)
		}
	})
}

// TestUncounted: clients whose pin is a cookie of theirs are in no table.
func TestUncounted(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		for _, tt := range []struct {
			p    *model.Persist
			want bool
		}{
			{nil, false}, {byUser, false}, {&model.Persist{Kind: "cookie", Mode: "passive", Name: "SRV"}, false},
			{&model.Persist{Kind: "cookie", Mode: "insert", Name: "SRV"}, true},
			{byUser, true}, // who left with the cookie's servers may still come by it
		} {
			commit(t, s, leavable(2, tt.p))
			if got := s.Status()[0].Servers[1].Stateless; got != tt.want {
				t.Errorf("%+v: %v", tt.p, got)
			}
		}
	})
}

// TestGraceOfAServer: a server's own grace holds in place of the backend's, and
// the backend's may change while servers leave.
func TestGraceOfAServer(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := leavable(3, byUser)
		long := 10 * time.Minute
		m.Servers[0].Grace = &long
		b := commit(t, s, m)
		home := map[string]*Server{}
		for _, who := range []string{"ann", "bob", "cid"} {
			home[who] = slot(t, b, user(who))
			home[who].release()
		}
		less := without(without(m, "s0"), "s1")
		b = commit(t, s, less)
		at := func(who string) string {
			srv := slot(t, b, user(who))
			srv.release()
			return srv.name
		}
		time.Sleep(30 * time.Second)
		if at("ann") != home["ann"].name || at("bob") != home["bob"].name || at("cid") != home["cid"].name {
			t.Errorf("within the grace: %s %s %s", at("ann"), at("bob"), at("cid"))
		}
		for range 20 {
			if got := at(fmt.Sprint(time.Now().UnixNano())); got != "s2" {
				t.Fatalf("a new session goes to %s", got)
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(31 * time.Second)
		if got := listed(s, "app"); got != "s2 up 21; s0 removed 1; " {
			t.Errorf("after the backend's grace: %s", got)
		}
		if got := s.Status()[0].Servers[1]; got.DrainingUntil == nil || got.DrainingUntil.Sub(*got.DrainingSince) != long {
			t.Errorf("leaves from %v until %v", got.DrainingSince, got.DrainingUntil)
		}
		if at("bob") != "s2" {
			t.Errorf("after the grace bob goes to %s", at("bob"))
		}
		if at("ann") != "s0" {
			t.Error("a server's own grace does not hold")
		}
		// Graces may be shortened for those who are leaving.
		m = leavable(3, byUser)
		b = commit(t, s, without(m, "s1"))
		if srv := b.Servers()[0]; srv != home["ann"] || srv.State() != "up" {
			t.Error("a server that is named again is another one")
		}
		b = commit(t, s, less)
		shorter := *less
		shorter.Grace = time.Second
		b = commit(t, s, &shorter)
		time.Sleep(3 * time.Second)
		if got := listed(s, "app"); got != "s2 up 22; " {
			t.Errorf("after a shorter grace: %s", got)
		}
	})
}

// TestLeavesWithItsLastSession: nobody waits for the end of the grace when the
// last session or request is gone.
func TestLeavesWithItsLastSession(t *testing.T) {
	idle := &model.Persist{Kind: "cookie", Mode: "insert", Name: "SRV", Idle: 20 * time.Second}
	aged := &model.Persist{Kind: "cookie", Mode: "insert", Name: "SRV", MaxAge: 25 * time.Second}
	ever := &model.Persist{Kind: "cookie", Mode: "insert", Name: "SRV"}
	table := &model.Persist{Kind: "source", Age: 15 * time.Second}
	for _, c := range []struct {
		name    string
		persist *model.Persist
		busy    time.Duration // a request is under way so long
		least   time.Duration // the server is there
		most    time.Duration // and then no longer
	}{
		{"nothing pins", nil, 0, 0, 2 * time.Second},
		{"a long request", nil, 30 * time.Second, 29 * time.Second, 32 * time.Second},
		{"past the grace", nil, 90 * time.Second, 89 * time.Second, 92 * time.Second},
		{"rows expire", table, 0, 14 * time.Second, 18 * time.Second},
		{"cookies idle out", idle, 0, 19 * time.Second, 22 * time.Second},
		{"cookies age out", aged, 0, 24 * time.Second, 27 * time.Second},
		{"cookies without end", ever, 0, 59 * time.Second, 62 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *Set, _ *outage) {
				m := leavable(2, c.persist)
				b := commit(t, s, m)
				own := slot(t, b, pick("GET", "/"))
				b = commit(t, s, without(m, own.name))
				time.AfterFunc(c.busy, own.release)
				there := func() bool { return len(b.Status().Servers) == 2 }
				time.Sleep(c.least)
				if c.least > 0 && !there() {
					t.Errorf("gone before %v", c.least)
				}
				time.Sleep(c.most - c.least)
				if there() {
					t.Errorf("still there after %v", c.most)
				}
			})
		})
	}
}

// TestNoErrorAfterGrace: whatever on_down says, a client whose server is gone
// for good goes elsewhere, be the server still busy with others.
func TestNoErrorAfterGrace(t *testing.T) {
	for _, onDown := range []string{"rebalance", "wait", "fail"} {
		t.Run(onDown, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *Set, _ *outage) {
				m := leavable(2, &model.Persist{Kind: "source", OnDown: onDown})
				b := commit(t, s, m)
				own := slot(t, b, pick("GET", "/")) // and stays under way
				b = commit(t, s, without(m, own.name))
				time.Sleep(time.Minute - time.Nanosecond)
				if got := slot(t, b, pick("GET", "/")); got != own {
					t.Errorf("before the end it goes to %s", got.name)
				}
				time.Sleep(time.Nanosecond)
				got := slot(t, b, pick("GET", "/"))
				if got == own {
					t.Error("after the end it goes to the removed server")
				}
				if again := slot(t, b, pick("GET", "/")); again != got {
					t.Error("it is not pinned to its new server")
				}
				time.Sleep(2 * time.Second)
				if got := listed(s, "app"); got != fmt.Sprintf("%s up 1; %s removed 0; ", b.Servers()[0].name, own.name) {
					t.Error(got)
				}
			})
		})
	}
}

// TestRetryLeavesARemovedServer: who cannot reach a server that was removed, and
// perhaps stopped, is led elsewhere at once.
func TestRetryLeavesARemovedServer(t *testing.T) {
	for _, onDown := range []string{"rebalance", "wait", "fail"} {
		bubble(t, func(t *testing.T, s *Set, _ *outage) {
			m := leavable(2, &model.Persist{Kind: "source", OnDown: onDown})
			b := commit(t, s, m)
			own := slot(t, b, pick("GET", "/"))
			own.release()
			b = commit(t, s, without(m, own.name))
			p := pick("GET", "/")
			if got := slot(t, b, p); got != own {
				t.Fatalf("it goes to %s", got.name)
			}
			own.release()
			p.last = own
			if !b.MayRetry(p, Outcome{Fault: &message.Fault{Side: message.SideOrigin, Cause: cause.Refused, Retry: true}}) {
				t.Fatal("no retry")
			}
			if got, _, f := b.claim(t.Context(), p); f != nil || got == own {
				t.Errorf("%s: %v, %v", onDown, got, f)
			}
		})
	}
}

// TestReturnWithinGrace: a server that is named again has its connections,
// counters, checks and sessions.
func TestReturnWithinGrace(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := checked(leavable(2, byUser))
		b := commit(t, s, m)
		synctest.Wait()
		own := slot(t, b, user("ann"))
		closed := false
		time.Sleep(20 * time.Second)
		own.pool.Put(&UpConn{closed: func() { closed = true }, stay: idle.Stay{Born: time.Now().UnixNano(), Since: time.Now().UnixNano()}}, 10)
		own.counters.Add(0, Server2xx, 7)
		checks := own.counters.Value(ServerChecks)
		for range 3 {
			commit(t, s, without(m, own.name))
			time.Sleep(5 * time.Second)
			b = commit(t, s, m)
			time.Sleep(5 * time.Second)
		}
		own.release()
		i := 0
		if b.Servers()[1] == own {
			i = 1
		}
		if b.Servers()[i] != own || own.State() != "up" || own.pool.Len() != 1 || closed {
			t.Errorf("it came back with %d idle connections, closed %v, state %s", own.pool.Len(), closed, own.State())
		}
		if n := own.counters.Value(ServerChecks) - checks; own.counters.Value(Server2xx) != 7 || n < 29 || n > 31 {
			t.Errorf("%d answers, %d checks in 30 s", own.counters.Value(Server2xx), n)
		}
		if got := slot(t, b, user("ann")); got != own {
			t.Errorf("ann goes to %s", got.name)
		}
		// And the same with the whole backend.
		commit(t, s, &model.Backend{Name: "other"})
		if got := listed(s, "app"); got != "s0 removed 1; s1 removed 0; " && got != "s0 removed 0; s1 removed 1; " {
			t.Errorf("a removed backend lists %s", got)
		}
		b = commit(t, s, m)
		if got := slot(t, b, user("ann")); got != own || own.Counters().Value(Server2xx) != 7 {
			t.Error("a backend that comes back is another one")
		}
	})
}

// TestMovedServer: a server whose address changes is one that leaves and one
// that comes. The cookies of both tell them apart, also later and elsewhere.
func TestMovedServer(t *testing.T) {
	for _, mode := range []string{"insert", "name"} {
		t.Run(mode, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *Set, _ *outage) {
				m := leavable(1, &model.Persist{Kind: "cookie", Mode: mode, Name: "SESSION"})
				answer := []string{"SESSION=v"}
				if mode == "insert" {
					answer = nil
				}
				enter := func(b *Backend) (server *Server, cookie string) {
					p := pick("GET", "/")
					b.PersistRequest(p)
					srv := slot(t, b, p)
					srv.release()
					_, _, set := visit(t, b, "", answer...)
					return srv, pairOf(set[0])
				}
				at := func(b *Backend, cookie string) *Server {
					p := pick("GET", "/")
					p.Env.Req.Add("Cookie", cookie)
					b.PersistRequest(p)
					srv := slot(t, b, p)
					srv.release()
					return srv
				}
				b := commit(t, s, m)
				old, before := enter(b)
				moved := *m
				there := *m.Servers[0]
				there.Address = "192.0.2.99:80"
				moved.Servers = []*model.Server{&there}
				b = commit(t, s, &moved)
				now, after := enter(b)
				if now == old || before == after {
					t.Fatalf("%q and %q", before, after)
				}
				if at(b, before) != old || at(b, after) != now {
					t.Error("the cookies do not tell the servers apart")
				}
				time.Sleep(2 * time.Minute)
				if at(b, before) != now || at(b, after) != now {
					t.Error("after the grace the name does not lead to its new address")
				}
				if _, _, set := visit(t, b, after); len(set) != 0 {
					t.Errorf("a good cookie is replaced by %q", set)
				}
				fresh := NewSet(Options{Secret: []byte("of the test")})
				defer fresh.Close()
				again := commit(t, fresh, &moved)
				for _, cookie := range []string{before, after} {
					p := pick("GET", "/")
					p.Env.Req.Add("Cookie", cookie)
					if again.PersistRequest(p); p.pin.server == nil || p.pin.server.address != there.Address {
						t.Errorf("another process does not know %q", cookie)
					}
				}
			})
		})
	}
}

// TestClientsFollowTheName: when its grace is over, the clients of a server whose
// address changed are those of the server that has its name: at once, whenever they
// come, however often it moves, and in the next process.
func TestClientsFollowTheName(t *testing.T) {
	for _, p := range []*model.Persist{byUser, {Kind: "cookie", Mode: "insert", Name: "SRV"}, {Kind: "cookie", Mode: "name", Name: "SESSION"}} {
		t.Run(p.Kind+p.Mode, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *Set, _ *outage) {
				cookies := map[string]string{} // by client
				call := func(b *Backend, who string) *Server {
					pick := user(who)
					if c := cookies[who]; c != "" {
						pick.Env.Req.Add("Cookie", c)
					}
					b.PersistRequest(pick)
					srv := slot(t, b, pick)
					srv.release()
					var resp message.Response
					if p.Mode == "name" {
						resp.Add("Set-Cookie", "SESSION=v")
					}
					b.PersistResponse(pick, &resp, srv)
					if c, ok := resp.Get("Set-Cookie"); ok {
						cookies[who] = pairOf(string(c))
					}
					return srv
				}
				next := 0
				come := func(b *Backend, name string) (who string) { // a new client, of a server of that name
					for {
						next++
						if who = fmt.Sprint("user", next); call(b, who).name == name {
							return who
						}
					}
				}
				m := leavable(3, p)
				at := func(addresses ...string) *model.Backend {
					moved := *m
					moved.Servers = nil
					for i, a := range addresses {
						srv := *m.Servers[i]
						srv.Address = a
						moved.Servers = append(moved.Servers, &srv)
					}
					return &moved
				}
				expect := func(b *Backend, when, who, address string) {
					t.Helper()
					if got := call(b, who); got.address != address {
						t.Errorf("%s: %s goes to %s at %s, want %s", when, who, got.name, got.address, address)
					}
				}
				b := commit(t, s, at("a:1", "b:1", "c:1"))
				early, late := come(b, "s0"), come(b, "s0")
				b = commit(t, s, at("a:2", "b:1", "c:1"))
				expect(b, "in the grace", early, "a:1")
				during := come(b, "s0")
				expect(b, "in the grace", during, "a:2")
				time.Sleep(time.Minute)
				expect(b, "when it is over", early, "a:2")
				time.Sleep(5 * time.Second)
				expect(b, "later", early, "a:2")
				expect(b, "later", late, "a:2")
				b = commit(t, s, at("a:3", "b:1", "c:1"))
				for _, who := range []string{early, late, during} {
					expect(b, "when it moved again", who, "a:2")
				}
				time.Sleep(65 * time.Second)
				if p.Kind == "cookie" {
					_, b = heir(t, s, at("a:3", "b:1", "c:1"))
					expect(b, "in another process", during, "a:3")
					b = commit(t, s, at("a:3", "b:1", "c:1"))
				}
				for _, who := range []string{early, late, during} {
					expect(b, "behind the second grace", who, "a:3")
				}
				other := come(b, "s1")
				b = commit(t, s, at("b:1", "a:3", "c:1"))
				time.Sleep(65 * time.Second)
				expect(b, "behind an exchange of addresses", early, "b:1")
				expect(b, "behind an exchange of addresses", other, "a:3")
				b = commit(t, s, without(at("b:1", "a:3", "c:1"), "s0"))
				expect(b, "in the grace without a successor", early, "b:1")
				time.Sleep(65 * time.Second)
				if got := call(b, early); got.name == "s0" {
					t.Errorf("%s goes to a server that is gone", early)
				}
			})
		})
	}
}

// TestPersistenceIsDropped: the servers that leave with it keep their clients;
// taken back in time, it is as it was.
func TestPersistenceIsDropped(t *testing.T) {
	for _, next := range []*model.Persist{nil, {Kind: "cookie", Mode: "insert", Name: "SRV"}, {Kind: "header", Name: "X-Other"}} {
		bubble(t, func(t *testing.T, s *Set, _ *outage) {
			m := leavable(3, byUser)
			b := commit(t, s, m)
			own := slot(t, b, user("ann"))
			stays := slot(t, b, user("bob"))
			own.release()
			stays.release()
			less := without(m, own.name)
			less.Persist = next
			b = commit(t, s, less)
			for range 5 {
				p := user("ann")
				b.PersistRequest(p)
				if got := slot(t, b, p); got != own {
					t.Fatalf("ann goes to %s", got.name)
				}
				own.release()
			}
			time.Sleep(10 * time.Second)
			if e := b.Explain(user("ann")); e.Server != own.name {
				t.Errorf("explain says %+v", e)
			}
			b = commit(t, s, without(m, own.name))
			for who, want := range map[string]*Server{"ann": own, "bob": stays} {
				if got := slot(t, b, user(who)); got != want {
					t.Errorf("after it came back %s goes to %s, want %s", who, got.name, want.name)
				}
			}
			own.release()
			b = commit(t, s, less)
			time.Sleep(2 * time.Minute)
			if got := slot(t, b, user("ann")); got == own || b.group.lapsed.Load() != nil {
				t.Errorf("after the grace ann goes to %s; the old table is kept: %v", got.name, b.group.lapsed.Load() != nil)
			}
		})
	}
}

// TestEarlierViews: a request that began under an earlier generation goes to the
// servers of today; one of a backend that is gone still has its servers.
func TestEarlierViews(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := leavable(2, nil)
		old := commit(t, s, m)
		commit(t, s, without(m, "s0"))
		for range 4 {
			if got := slot(t, old, pick("GET", "/")); got.name != "s1" {
				t.Errorf("it goes to %s", got.name)
			}
		}
		if p := pick("GET", "/"); old.Prefer(p, "s0") {
			t.Error("a removed server may be preferred")
		}
		commit(t, s, &model.Backend{Name: "other"})
		if got, _, f := old.claim(t.Context(), pick("GET", "/")); f != nil || got == nil {
			t.Errorf("a request that was routed to a removed backend gets %v", f)
		}
	})
}

// TestHolds: only a session that has a server is held.
func TestHolds(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		p := *byUser
		p.Follow = "session"
		m := leavable(1, &p)
		b := commit(t, s, m)
		slot(t, b, user("ann")).release()
		commit(t, s, &model.Backend{Name: "other"})
		if !b.Follows() || b.Grace() != time.Minute || !b.Holds(user("ann")) || b.Holds(user("bob")) {
			t.Error("within the grace")
		}
		time.Sleep(61 * time.Second)
		if b.Holds(user("ann")) {
			t.Error("after the grace it is held")
		}
	})
}
