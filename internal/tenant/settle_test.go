package tenant

import (
	"bytes"
	"context"
	"testing"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/records"
)

// TestGivenBackWhole: what a Commit takes from a tenant is there again when another one
// has the tenant before Settle, in this process or in one that took its place, and is
// gone after Settle.
func TestGivenBackWhole(t *testing.T) {
	files := map[string][]byte{"a": program(t, "hello")}
	with := func(storage int64) *model.Tenant {
		a := named("a", false)
		a.Storage = storage
		return a
	}
	empty := func(t *testing.T) *Set {
		s := filesSet(files)
		t.Cleanup(s.Close)
		return s
	}
	prepare := func(t *testing.T, s *Set, models ...*model.Tenant) *Update {
		t.Helper()
		u, errs := s.Prepare(t.Context(), models)
		if errs != nil {
			t.Fatal(errs)
		}
		return u
	}
	commit := func(t *testing.T, s *Set, models ...*model.Tenant) { t.Helper(); prepare(t, s, models...).Commit() }
	// used has a tenant with two keys of 100 bytes each, a request and a version.
	used := func(t *testing.T) *Set {
		s := empty(t)
		load(t, s, with(1<<16))
		for _, key := range []string{"x", "y"} {
			if _, err := s.Tenant("a").store().Set([]byte(key), make([]byte, 100), time.Hour, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if _, f := recv(t, s.Tenant("a"), request("/"), ""); f != nil {
			t.Fatal(f)
		}
		return s
	}
	keys := func(s *Set) (n int64) {
		if st := s.Tenant("a").store(); st != nil {
			n = st.Stat().Keys
		}
		return n
	}
	upgraded := func(t *testing.T, s *Set, models ...*model.Tenant) *Set {
		t.Helper()
		var stream bytes.Buffer
		w := records.NewWriter(&stream, "values", 1)
		if err := s.SaveValues(w); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		next := empty(t)
		commit(t, next, models...)
		r, err := records.NewReader(&stream, "values", 1, ValuesLongest)
		if err != nil {
			t.Fatal(err)
		}
		if err := next.LoadValues(r); err != nil {
			t.Fatal(err)
		}
		return next
	}

	t.Run("removed", func(t *testing.T) {
		s := used(t)
		was := s.Tenant("a")
		commit(t, s)
		prepare(t, s, with(1<<16)).Abort() // a rollback that is refused, and tried again
		commit(t, s, with(1<<16))
		s.Settle()
		now := s.Tenant("a")
		if st := now.store().Stat(); st.Keys != 2 || st.Limit != 1<<16 || !now.Same(was) || now.Counters().Value(metrics.TenantRequests) != 1 || len(s.Versions("a")) != 1 {
			t.Errorf("%+v, the same: %t, versions %v", st, now.Same(was), s.Versions("a"))
		}
		commit(t, s)
		s.Settle()
		commit(t, s, with(1<<16))
		if now := s.Tenant("a"); keys(s) != 0 || now.Same(was) {
			t.Errorf("after Settle there are %d keys; the same: %t", keys(s), now.Same(was))
		}
	})
	t.Run("bounds", func(t *testing.T) {
		s := used(t)
		for _, storage := range []int64{300, 0} {
			commit(t, s, with(storage))
			commit(t, s, with(1<<16))
			s.Settle()
			if st := s.Tenant("a").store().Stat(); st.Keys != 2 || st.Limit != 1<<16 {
				t.Errorf("behind a storage of %d: %+v", storage, st)
			}
		}
		commit(t, s, with(0))
		s.Settle()
		commit(t, s, with(1<<16))
		if keys(s) != 0 {
			t.Errorf("%d keys outlived the storage", keys(s))
		}
	})
	t.Run("upgrade", func(t *testing.T) {
		for name, models := range map[string][]*model.Tenant{"removed": nil, "smaller": {with(300)}, "none": {with(0)}} {
			s := used(t)
			commit(t, s, models...)
			s = upgraded(t, upgraded(t, s, models...), models...)
			commit(t, s, with(1<<16))
			s.Settle()
			if st := s.Tenant("a").store().Stat(); st.Keys != 2 || st.Limit != 1<<16 {
				t.Errorf("%s: %+v", name, st)
			}
		}
		s := used(t)
		commit(t, s)
		s = upgraded(t, s)
		s.Settle()
		commit(t, s, with(1<<16))
		if keys(s) != 0 {
			t.Errorf("%d keys are left of a tenant whose removal was confirmed behind an upgrade", keys(s))
		}
	})
	t.Run("tried", func(t *testing.T) {
		s := empty(t)
		u := prepare(t, s, with(1<<16))
		u.Try()
		if _, err := u.Tenants()["a"].store().Set([]byte("x"), nil, 0, time.Now()); err != nil {
			t.Fatal(err)
		}
		u.Abort()
		load(t, s, with(1<<16))
		if keys(s) != 0 {
			t.Errorf("%d keys are left of a trial that was undone", keys(s))
		}
	})
	t.Run("followed", func(t *testing.T) {
		s := used(t)
		lines, ended := make(chan string, 64), make(chan error, 1)
		s.Tenant("a").stats.print([]byte("one"))
		go func() {
			ended <- s.FollowLogs(context.Background(), "a", true, 1, func(l Line) error { lines <- l.Text; return nil })
		}()
		await := func(want string) {
			for {
				select {
				case got := <-lines: // the process has some to say, too
					if got == want {
						return
					}
				case err := <-ended:
					t.Fatalf("who followed the lines was told that the tenant is gone: %v", err)
				}
			}
		}
		await("one")
		commit(t, s)
		commit(t, s, with(1<<16))
		s.Settle()
		s.Tenant("a").stats.print([]byte("two"))
		await("two")
		load(t, s)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
