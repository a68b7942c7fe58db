package upstream

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"fishplate/internal/model"
	"fishplate/internal/records"
	"fishplate/internal/upstream/health"
	"fishplate/internal/upstream/learned"
)

// told is what one process tells another, in either of the two streams.
func told(t testing.TB, save func(*records.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	w := records.NewWriter(&b, "k", 1)
	if err := save(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func hear(t testing.TB, text []byte, take func(*records.Reader) error) error {
	t.Helper()
	r, err := records.NewReader(bytes.NewReader(text), "k", 1, learned.Longest)
	if err != nil {
		return err
	}
	return take(r)
}

// heir is a Set that took over what another knows, with the backend committed.
func heir(t *testing.T, old *Set, m *model.Backend) (*Set, *Backend) {
	t.Helper()
	s := newSet(t, Options{})
	s.probe = old.probe
	if err := hear(t, told(t, old.SaveHealth), s.Inherit); err != nil {
		t.Fatal(err)
	}
	b := commit(t, s, m)
	if err := hear(t, told(t, old.SaveSessions), s.Learn); err != nil {
		t.Fatal(err)
	}
	s.Settle()
	return s, b
}

// TestSessionsAreInherited: whoever was pinned by a table stays where he was, also
// at a server that is leaving, for as long as that one has.
func TestSessionsAreInherited(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := leavable(3, byUser)
		b := commit(t, s, m)
		home := map[string]string{}
		for i := range 30 {
			who := fmt.Sprint("user", i)
			srv := slot(t, b, user(who))
			home[who] = srv.name
			srv.release()
		}
		less := without(m, "s0")
		commit(t, s, less)
		time.Sleep(20 * time.Second)
		next, b := heir(t, s, less)
		check := func(when string, moved bool) {
			t.Helper()
			for who, name := range home {
				srv := slot(t, b, user(who))
				srv.release()
				if (srv.name != name) != (moved && name == "s0") {
					t.Errorf("%s: %s went from %s to %s", when, who, name, srv.name)
				}
			}
		}
		check("at once", false)
		if before, after := listed(s, "app"), listed(next, "app"); before != after {
			t.Errorf("%q became %q", before, after)
		}
		time.Sleep(30 * time.Second)
		check("within the grace", false)
		time.Sleep(20 * time.Second) // the grace began before the hand-over
		check("behind the grace", true)
	})
}

// TestHealthIsInherited: a server that is known to be down gets nothing before its
// checks say otherwise, and one that is up is not asked first.
func TestHealthIsInherited(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, out *outage) {
		m := leavable(2, nil)
		m.Check = &model.Check{Kind: "tcp", Interval: time.Second, Timeout: time.Second, Rise: 3, Fall: 1}
		out.set("s1", true)
		commit(t, s, m)
		time.Sleep(10 * time.Second)
		out.set("s1", false)
		next, b := heir(t, s, m)
		if got := listed(next, "app"); got != "s0 up 0; s1 down 0; " {
			t.Fatal(got)
		}
		for range 10 {
			srv := slot(t, b, user("x"))
			srv.release()
			if srv.name != "s0" {
				t.Fatalf("went to %s", srv.name)
			}
		}
		if h := next.Status()[0].Servers[1].Check.History; len(h) < 9 {
			t.Errorf("%d checks are remembered", len(h))
		}
		time.Sleep(5 * time.Second)
		if got := listed(next, "app"); got != "s0 up 0; s1 up 0; " {
			t.Error(got)
		}
	})
}

// TestEjectionAndSlowStartGoOn: both end when they would have.
func TestEjectionAndSlowStartGoOn(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := leavable(2, nil)
		m.SlowStart = 40 * time.Second
		m.Eject = &model.Eject{Errors: 1, Window: time.Minute, For: time.Minute, Max: 1}
		b := commit(t, s, m)
		begin := time.Now()
		b.Servers()[0].node.Ramp(begin, 40*time.Second)
		b.ejectServer(b.Servers()[1], begin)
		time.Sleep(30 * time.Second)
		next, b := heir(t, s, m)
		if got := listed(next, "app"); got != "s0 slow-start 0; s1 ejected 0; " {
			t.Fatal(got)
		}
		if share := b.Servers()[0].node.Share(time.Now().UnixNano()); share < 0.7 || share > 0.8 {
			t.Errorf("three quarters of the slow start are over, the share is %v", share)
		}
		time.Sleep(11 * time.Second)
		if got := listed(next, "app"); got != "s0 up 0; s1 ejected 0; " {
			t.Error(got)
		}
		time.Sleep(20 * time.Second)
		if got := listed(next, "app"); got != "s0 up 0; s1 slow-start 0; " {
			t.Error(got)
		}
	})
}

// TestLapsedPersistenceIsInherited: a backend that lost its persistence still
// leads clients to the servers that left in the same change.
func TestLapsedPersistenceIsInherited(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := leavable(2, byUser)
		b := commit(t, s, m)
		for i := range 20 {
			slot(t, b, user(fmt.Sprint(i))).release()
		}
		less := without(m, "s0")
		less.Persist = nil
		commit(t, s, less)
		_, b = heir(t, s, less)
		there := 0
		for i := range 20 {
			srv := slot(t, b, user(fmt.Sprint(i)))
			srv.release()
			if srv.name == "s0" {
				there++
			}
		}
		if there == 0 {
			t.Error("nobody is led to the server that left")
		}
	})
}

// TestDistrustedStreams: what cannot be is refused, and nothing of it is kept.
func TestDistrustedStreams(t *testing.T) {
	s := newSet(t, Options{})
	for name, list := range map[string][]string{
		"no JSON":           {"{"},
		"another type":      {`{"Name":1}`},
		"unknown state":     {`{"Name":"app","Servers":[{"Name":"a","Check":{"State":9}}]}`},
		"long history":      {`{"Name":"app","Servers":[{"Name":"a","Check":{"History":[` + strings.Repeat("{},", health.Kept) + `{}]}}]}`},
		"nothing found":     {`{"Name":"app","Found":[null]}`},
		"another's removal": {`{"Name":"app","Servers":[{"Name":"a","Removed":"2020-01-01T00:00:00Z","Is":{"Name":"b"}}]}`},
	} {
		err := hear(t, told(t, func(w *records.Writer) error {
			for _, r := range list {
				_ = w.Put([]byte(r))
			}
			return nil
		}), s.Inherit)
		if err == nil || s.heritage.Load() != nil {
			t.Errorf("%s: taken", name)
		}
	}
	bad := &learned.Sessions{Backend: "app", Pinned: [2]string{"header  X-User"}, Servers: []learned.State{{Name: "s0", Address: "x"}},
		Rows: [2][]learned.Row{{{Key: "ann", Server: 1}}}}
	if err := hear(t, told(t, bad.Put), s.Learn); err == nil {
		t.Error("a row that leads to no server is taken")
	}
	if err := hear(t, told(t, func(w *records.Writer) error { return w.Put(records.AppendInt(nil, 2)) }), s.Learn); err == nil {
		t.Error("a row without a backend is taken")
	}
}

// FuzzLearned: whatever the records hold, reading them ends, and what is read can
// be put to use.
func FuzzLearned(f *testing.F) {
	f.Add([]byte(`{"Name":"app","Servers":[{"Name":"s0","Address":"192.0.2.0:80","Removed":"2020-01-01T00:00:00Z","Is":{"Name":"s0","Address":"192.0.2.0:80"}}]}`), []byte{}, []byte{})
	b := records.AppendText(records.AppendText(records.AppendText(records.AppendInt(nil, 0), "app"), "header  X-User"), "")
	f.Add([]byte{}, b, records.AppendText(records.AppendInt(records.AppendInt(records.AppendInt(nil, 2), 0), 5), "ann"))
	f.Fuzz(func(t *testing.T, known, first, second []byte) {
		s := NewSet(Options{})
		defer s.Close()
		_ = hear(t, told(t, func(w *records.Writer) error { return w.Put(known) }), s.Inherit)
		u, err := s.Prepare([]*model.Backend{leavable(2, byUser)})
		if err != nil {
			t.Fatal(err)
		}
		u.Commit()
		s.LetGo()
		_ = hear(t, told(t, func(w *records.Writer) error { _ = w.Put(first); return w.Put(second) }), s.Learn)
		s.Settle()
		if b, ok := s.Backend("app"); ok {
			b.readPin(user("ann"), false)
		}
	})
}
