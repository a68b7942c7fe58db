package upstream

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fishplate/internal/model"
	"fishplate/internal/upstream/balance"
	"fishplate/internal/upstream/idle"
)

func checked(m *model.Backend) *model.Backend {
	m.Check = &model.Check{Kind: "http", Path: "/", StatusLow: 200, StatusHigh: 399, Interval: time.Second, Timeout: time.Second, Rise: 2, Fall: 3}
	return m
}

// states returns the servers' states in order.
func states(b *Backend) string {
	var list []string
	for _, s := range b.Servers() {
		list = append(list, s.State())
	}
	return strings.Join(list, " ")
}

// await sleeps in the bubble until the states are as wanted.
func await(t *testing.T, b *Backend, want string, within time.Duration) {
	t.Helper()
	for start := time.Now(); states(b) != want; time.Sleep(50 * time.Millisecond) {
		if time.Since(start) > within {
			t.Fatalf("states %q after %v, want %q", states(b), within, want)
		}
	}
}

func TestChecks(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, down *outage) {
		down.set("s1", true)
		b := commit(t, s, checked(limited(2, 10, time.Minute)))
		synctest.Wait()
		await(t, b, "up down", 0) // the first answer decides
		down.set("s1", false)
		await(t, b, "up up", 3*time.Second) // rise 2
		down.set("s0", true)
		time.Sleep(1500 * time.Millisecond)
		if got := states(b); got != "up up" {
			t.Errorf("after fewer than three failures: %s", got)
		}
		await(t, b, "down up", 3*time.Second)
		h := b.Status().Servers[0].Check
		if h == nil || h.State != "down" || len(h.History) < 4 || h.History[len(h.History)-1].Cause != "scripted" {
			t.Errorf("status %+v", h)
		}
	})
}

// TestFirstRequestAwaitsFirstCheck: at start nobody is refused because the
// checks have not answered yet.
func TestFirstRequestAwaitsFirstCheck(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, down *outage) {
		m := checked(limited(2, 10, time.Minute))
		m.Queue = nil
		down.set("s0", true)
		b := commit(t, s, m)
		out := make(chan claimed, 1)
		claim(t.Context(), b, "x", pick("GET", "/"), out)
		if c := <-out; c.fault != nil || c.server.name != "s1" || c.after != 0 {
			t.Errorf("%+v", c)
		}
	})
}

// TestAllDownReleasesWaiters: who waits for a first check learns that it failed.
func TestAllDownReleasesWaiters(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, down *outage) {
		down.set("s0", true)
		down.set("s1", true)
		b := commit(t, s, checked(limited(2, 10, time.Minute)))
		out := make(chan claimed, 1)
		claim(t.Context(), b, "x", pick("GET", "/"), out)
		if c := <-out; c.fault == nil || c.fault.Cause != "no-server" || c.after > time.Second {
			t.Errorf("%+v", c)
		}
	})
}

func TestCheckChanges(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, down *outage) {
		m := checked(limited(1, 10, time.Minute))
		b := commit(t, s, m)
		synctest.Wait()
		// The same check again: it runs on, with its history.
		time.Sleep(10 * time.Second)
		before := b.Servers()[0].Counters().Value(ServerChecks)
		b = commit(t, s, checked(limited(1, 10, time.Minute)))
		synctest.Wait()
		if after := b.Servers()[0].Counters().Value(ServerChecks); after != before || states(b) != "up" {
			t.Errorf("an unchanged check began anew: %d, then %d checks; %s", before, after, states(b))
		}
		down.set("s0", true)
		await(t, b, "down", 5*time.Second)
		// No check any more: nothing says that the server is down.
		b = commit(t, s, limited(1, 10, time.Minute))
		if got := states(b); got != "up" {
			t.Errorf("without a check: %s", got)
		}
		n := b.Servers()[0].Counters().Value(ServerChecks)
		time.Sleep(time.Minute)
		if b.Servers()[0].Counters().Value(ServerChecks) != n {
			t.Error("a removed check goes on")
		}
	})
}

// TestCheckIsAdded: servers that serve without a check serve on when one comes to
// them, by a change or with the next process, until it has failed fall times. What
// comes with it waits for its first answer.
func TestCheckIsAdded(t *testing.T) {
	for _, how := range []string{"change", "process", "after another check"} {
		t.Run(how, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *Set, down *outage) {
				if how == "after another check" {
					down.set("s0", true)
					commit(t, s, checked(leavable(2, nil)))
					time.Sleep(5 * time.Second)
					down.set("s0", false)
				}
				commit(t, s, leavable(2, nil))
				down.hold(true)
				m := checked(leavable(3, nil))
				b := (*Backend)(nil)
				if how == "process" {
					_, b = heir(t, s, m)
				} else {
					b = commit(t, s, m)
				}
				synctest.Wait()
				if got := states(b); got != "up up starting" {
					t.Fatalf("before the first answer: %s", got)
				}
				for range 6 {
					slot(t, b, pick("GET", "/")).release()
				}
				down.set("s0", true)
				down.set("s2", true)
				down.hold(false)
				synctest.Wait()
				if got := states(b); got != "up up down" {
					t.Errorf("after the first answer: %s", got)
				}
				time.Sleep(1500 * time.Millisecond)
				if got := states(b); got != "up up down" {
					t.Errorf("after two failures: %s", got)
				}
				await(t, b, "down up down", 2*time.Second)
			})
		})
	}
}

func TestEjection(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(3, 10, time.Minute)
		m.Eject = &model.Eject{Errors: 5, Window: 10 * time.Second, For: 30 * time.Second, Max: 0.5}
		b := commit(t, s, m)
		fail := func(i, n int, status int, gap time.Duration) {
			for range n {
				l := Lease{Server: b.Servers()[i], backend: b}
				l.Report(Outcome{Status: status}, time.Millisecond)
				time.Sleep(gap)
			}
		}
		fail(0, 20, 404, 0)
		fail(0, 20, 501, 0)
		fail(0, 20, 500, 3*time.Second) // never five in ten seconds
		if got := states(b); got != "up up up" {
			t.Fatalf("ejected without reason: %s", got)
		}
		fail(0, 5, 502, time.Second)
		if got := states(b); got != "ejected up up" {
			t.Fatalf("after five errors: %s", got)
		}
		fail(1, 50, 500, 0)
		if got := states(b); got != "ejected up up" {
			t.Errorf("more than half were ejected: %s", got)
		}
		time.Sleep(30 * time.Second)
		if got := states(b); got != "up up up" {
			t.Errorf("after the time: %s", got)
		}
		if n := b.Servers()[0].Counters().Value(ServerEjections); n != 1 {
			t.Errorf("%d ejections counted", n)
		}
	})
}

// TestEjectionWithAClockThatIsSet: an ejection lasts until a date, and no longer than
// it was to, whatever the clock is set to meanwhile.
func TestEjectionWithAClockThatIsSet(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(3, 10, time.Minute)
		m.Eject = &model.Eject{Errors: 5, Window: 10 * time.Second, For: 30 * time.Second, Max: 0.5}
		b := commit(t, s, m)
		for _, tt := range []struct {
			ahead time.Duration // of the clock, when the server was ejected
			after time.Duration
			want  string
		}{
			{0, 29 * time.Second, "ejected"}, {0, 31 * time.Second, "up"},
			{time.Hour, 29 * time.Second, "ejected"}, {time.Hour, 31 * time.Second, "up"}, // it was set back since
			{-time.Hour, 0, "up"}, // it was set forward since
		} {
			srv := b.Servers()[0]
			b.ejectServer(srv, time.Now().Add(tt.ahead))
			time.Sleep(tt.after)
			if got := srv.State(); got != tt.want {
				t.Errorf("%v after an ejection by a clock %v ahead: %s, want %s", tt.after, tt.ahead, got, tt.want)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestEjectionWakesWaiter(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(2, 10, time.Minute)
		m.Eject = &model.Eject{Errors: 1, Window: time.Second, For: 30 * time.Second, Max: 0.5}
		b := commit(t, s, m)
		l := Lease{Server: b.Servers()[0], backend: b}
		l.Report(Outcome{Status: 500}, 0)
		slot(t, b, pick("GET", "/"))
		out := make(chan claimed, 1)
		claim(t.Context(), b, "x", pick("GET", "/"), out)
		if c := <-out; c.fault != nil || c.server.name != "s0" || c.after != 30*time.Second {
			t.Errorf("%+v", c)
		}
	})
}

func TestSlowStartAfterDown(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, down *outage) {
		m := checked(limited(2, 10, time.Minute))
		m.Servers[1].SlowStart = 30 * time.Second
		for _, srv := range m.Servers {
			srv.MaxConnections = 0
		}
		b := commit(t, s, m)
		synctest.Wait()
		if got := states(b); got != "up up" {
			t.Errorf("at the start of the backend nobody is cold: %s", got)
		}
		down.set("s1", true)
		await(t, b, "up down", 5*time.Second)
		down.set("s1", false)
		await(t, b, "up slow-start", 5*time.Second)
		time.Sleep(15 * time.Second)
		n := 0
		for range 3000 {
			srv := slot(t, b, pick("GET", "/"))
			if srv.name == "s1" {
				n++
			}
			srv.release()
		}
		if n < 900 || n > 1100 {
			t.Errorf("half-way %d of 3000 requests, want a third", n)
		}
		await(t, b, "up up", 16*time.Second)
	})
}

// TestAddedServerIsCold: a server that a reload adds starts slowly.
func TestAddedServerIsCold(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(2, 10, time.Minute)
		m.SlowStart = 10 * time.Second
		commit(t, s, m)
		m = limited(3, 10, time.Minute)
		m.SlowStart = 10 * time.Second
		b := commit(t, s, m)
		if got := states(b); got != "up up slow-start" {
			t.Errorf("%s", got)
		}
	})
}

// TestIdleExpiry: idle connections go at their idle and age limits without any
// traffic.
func TestIdleExpiry(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(1, 10, time.Minute)
		m.Timeouts.Idle, m.Pool.MaxAge = 10*time.Second, time.Minute
		b := commit(t, s, m)
		srv := b.Servers()[0]
		var closed atomic.Int64
		conn := func() *UpConn {
			now := time.Now().UnixNano()
			return &UpConn{stay: idle.Stay{Born: now, Since: now}, closed: func() { closed.Add(1) }}
		}
		srv.pool.Put(conn(), 10)
		time.Sleep(5 * time.Second)
		srv.pool.Put(conn(), 10)
		time.Sleep(6 * time.Second)
		if closed.Load() != 1 || srv.pool.Len() != 1 {
			t.Errorf("after 11 s: %d closed, %d idle", closed.Load(), srv.pool.Len())
		}
		time.Sleep(5 * time.Second)
		if closed.Load() != 2 {
			t.Errorf("after 16 s: %d closed", closed.Load())
		}
		old := conn()
		for range 14 {
			l := Lease{Server: srv, Conn: old, backend: b}
			srv.node.Take()
			l.Release(true)
			time.Sleep(5 * time.Second)
			if old = srv.pool.Take(); old == nil {
				break
			}
		}
		if closed.Load() != 3 {
			t.Error("a connection in steady use outlives max_age")
		}
	})
}

func TestDrainAndMaintenance(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(2, 10, time.Minute)
		m.Persist = &model.Persist{Kind: "source"}
		for _, srv := range m.Servers {
			srv.MaxConnections = 0
		}
		b := commit(t, s, m)
		own := slot(t, b, pick("GET", "/"))
		if err := s.SetState("app", own.name, "drain"); err != nil {
			t.Fatal(err)
		}
		if got := slot(t, b, pick("GET", "/")); got != own {
			t.Errorf("a pinned request leaves the draining server for %s", got.name)
		}
		other := pick("GET", "/")
		other.Env.Req.ClientIP = other.Env.Req.ClientIP.Next()
		if got := slot(t, b, other); got == own {
			t.Error("a new client goes to the draining server")
		}
		if st := own.status(); st.State != "drain" || st.DrainingSince == nil || st.Connections != 2 {
			t.Errorf("%+v", st)
		}
		if err := s.SetState("app", own.name, "maintenance"); err != nil {
			t.Fatal(err)
		}
		if got := slot(t, b, pick("GET", "/")); got == own {
			t.Error("a pinned request goes to a server in maintenance")
		}
		for _, bad := range [][3]string{{"none", "s0", "up"}, {"app", "none", "up"}, {"app", "s0", "sideways"}} {
			if err := s.SetState(bad[0], bad[1], bad[2]); err == nil {
				t.Errorf("%v is accepted", bad)
			}
		}
	})
}

func TestSetWeight(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		free := func(weight int) *model.Backend {
			m := limited(2, 10, time.Minute)
			for _, srv := range m.Servers {
				srv.MaxConnections = 0
			}
			m.Servers[1].Weight = weight
			return m
		}
		count := func(b *Backend) (n int) {
			for range 1000 {
				if srv := slot(t, b, pick("GET", "/")); srv.name == "s1" {
					n++
				}
			}
			return n
		}
		b := commit(t, s, free(100))
		if err := s.SetWeight("app", "s1", 300); err != nil {
			t.Fatal(err)
		}
		if n := count(b); n != 750 {
			t.Errorf("weight 300 of 400 gets %d of 1000", n)
		}
		// An order survives a reload that says nothing new, and not one that does.
		if b = commit(t, s, free(100)); count(b) != 750 || b.Servers()[1].Weight() != 300 {
			t.Error("the order is lost by a reload")
		}
		if b = commit(t, s, free(25)); count(b) != 200 || b.Servers()[1].Weight() != 25 {
			t.Error("the order outlives a new weight in the configuration")
		}
		if err := s.SetWeight("app", "s1", 0); err != nil {
			t.Fatal(err)
		}
		if n := count(b); n != 0 {
			t.Errorf("weight 0 gets %d", n)
		}
		if err := s.SetWeight("app", "s1", -1); err != nil || b.Servers()[1].Weight() != 25 {
			t.Errorf("weight %d after clearing the order, %v", b.Servers()[1].Weight(), err)
		}
	})
}

// TestReload: what has the same key is the same object, with its connections
// and counters; the old view goes on for the requests that began under it.
func TestReload(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(2, 10, time.Minute)
		m.Persist = &model.Persist{Kind: "source"}
		m.Grace = 10 * time.Second
		old := commit(t, s, m)
		p := pick("GET", "/")
		own := slot(t, old, p)
		own.counters.Add(0, ServerRequests, 1)

		m = limited(2, 10, time.Minute)
		m.Persist = &model.Persist{Kind: "source"}
		m.Grace = 10 * time.Second
		m.Servers = m.Servers[1:]
		b := commit(t, s, m)
		if b.Servers()[0] != old.Servers()[1] || own != old.Servers()[0] {
			t.Fatal("the servers that stay are not the same objects")
		}
		if own.State() != "removed" {
			t.Errorf("state %s", own.State())
		}
		own.release()
		if got := slot(t, b, pick("GET", "/")); got != own {
			t.Errorf("within the grace the pinned client goes to %s", got.name)
		}
		own.release()
		if st := b.Status(); len(st.Servers) != 2 || st.Servers[1].State != "removed" || st.Servers[1].DrainingSince == nil {
			t.Errorf("%+v", st.Servers)
		}
		time.Sleep(12 * time.Second)
		if got := slot(t, b, pick("GET", "/")); got == own {
			t.Error("after the grace the pinned client still goes to the removed server")
		}
		if st := b.Status(); len(st.Servers) != 1 {
			t.Errorf("after the grace: %+v", st.Servers)
		}
	})
}

// TestRemovedServerFinishes: with grace 0 a removed server stays until its last
// request ends, and comes back as itself when the next reload names it again.
func TestRemovedServerFinishes(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, limited(1, 10, time.Minute))
		own := slot(t, b, pick("GET", "/"))
		commit(t, s, &model.Backend{Name: "other"})
		if _, ok := s.Backend("app"); ok {
			t.Error("a removed backend is still found")
		}
		time.Sleep(time.Minute)
		if n := len(s.all()); n != 2 {
			t.Errorf("%d groups while a request is under way, want 2", n)
		}
		b = commit(t, s, limited(1, 10, time.Minute))
		if b.Servers()[0] != own || own.State() != "up" {
			t.Error("the server did not come back as itself")
		}
		commit(t, s, &model.Backend{Name: "other"})
		own.release()
		time.Sleep(3 * time.Second)
		if n := len(s.all()); n != 1 {
			t.Errorf("%d groups after the last request, want 1", n)
		}
	})
}

func TestAbortLeavesNoTrace(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, limited(1, 10, time.Minute))
		u, err := s.Prepare([]*model.Backend{checked(limited(3, 1, time.Second)), {Name: "new"}})
		if err != nil {
			t.Fatal(err)
		}
		u.Abort()
		if now, _ := s.Backend("app"); now != b || len(s.all()) != 1 || states(b) != "up" {
			t.Errorf("after an abort: %v, %d groups", now == b, len(s.all()))
		}
		bad := limited(1, 1, time.Second)
		bad.Balance = model.Balance{Text: "luck", Steps: []model.BalanceStep{{Name: "luck"}}}
		worse := &model.Backend{Name: "tls", TLS: &model.BackendTLS{CA: "/nowhere.pem"}}
		_, err = s.Prepare([]*model.Backend{bad, worse})
		if err == nil || !strings.Contains(err.Error(), `prepare backend "app": compile balance step luck: no such transform`) ||
			!strings.Contains(err.Error(), `prepare backend "tls": read ca:`) {
			t.Errorf("%v", err)
		}
	})
}

// TestTablesAreShared: a reload that changes neither servers nor policy builds
// no table anew.
func TestTablesAreShared(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(2, 10, time.Minute)
		m.Balance = model.Balance{Text: "maglev", Steps: []model.BalanceStep{{Name: "maglev"}}}
		a := commit(t, s, m)
		again := *m
		b := commit(t, s, &again)
		if commit(t, s, &again) != b {
			t.Error("the same backend is compiled twice")
		}
		if a == b || a.roster.Load().table != b.roster.Load().table {
			t.Error("an equal policy is compiled twice")
		}
	})
}

func TestStatusIsJSON(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		commit(t, s, checked(limited(2, 10, time.Minute)))
		synctest.Wait()
		text, err := json.Marshal(s.Status())
		if err != nil {
			t.Fatal(err)
		}
		var back []BackendStatus
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if len(back) != 1 || back[0].Name != "app" || len(back[0].Servers) != 2 || back[0].Servers[0].State != "up" ||
			len(back[0].Servers[0].Counters) != serverCounters {
			t.Errorf("%s", text)
		}
	})
}

func TestReportedLoad(t *testing.T) {
	s := newSet(t, Options{})
	b := commit(t, s, limited(1, 1, time.Second))
	srv := b.Servers()[0]
	if st := srv.status(); st.Load != nil {
		t.Error("a load that nobody reported")
	}
	srv.node.Report(time.Now().UnixNano(), 0.5)
	if st := srv.status(); st.Load == nil || *st.Load != 0.5 {
		t.Error("the reported load is not in the status")
	}
	if srv.node.Why(0) != balance.In {
		t.Error("a report changes the state")
	}
}
