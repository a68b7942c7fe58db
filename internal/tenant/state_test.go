package tenant

import (
	"runtime"
	"strings"
	"testing"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/tenant/ask"
)

// TestHandOverIsUndone: a program whose on_live_update breaks its own state, and
// allocates, goes on with what it had when its successor refuses.
func TestHandOverIsUndone(t *testing.T) {
	s, m := sumSet(t, map[string][]byte{"sum": guest(t, "store_sum", "-DSPOIL")}, nil)
	tn := s.Tenant(m.Name)
	if got := sum(t, tn, "/x"); got != "1 1 0" {
		t.Fatal(got)
	}
	refuses := guest(t, "store_sum", "-DREFUSE")
	free := tn.current.Load().storage.v.heap.Info()
	for i, want := range []string{"2 2 0", "3 3 0", "4 4 0"} {
		if _, err := updateTenant(s, m.Name, refuses, UpdateOptions{}); err == nil || !strings.Contains(err.Error(), "not this one") {
			t.Fatal(err)
		}
		if now := tn.current.Load().storage.v.heap.Info(); now != free {
			t.Errorf("%d: the heap was %+v and is %+v", i, free, now)
		}
		if got := sum(t, tn, "/x"); got != want {
			t.Errorf("%d: the sum is %q, want %q", i, got, want)
		}
	}
	give(t, s, m.Name, guest(t, "store_sum"))
	if got := sum(t, tn, "/x"); got != "5 5 1" {
		t.Errorf("after an update %q", got)
	}
}

// TestFiguresOfState finds what programs keep, and their calls into storage, in
// the status and the counters.
func TestFiguresOfState(t *testing.T) {
	s, m := sumSet(t, map[string][]byte{"sum": guest(t, "store_sum")}, func(m *model.Tenant) { m.Storage = 1000 })
	tn := s.Tenant(m.Name)
	sum(t, tn, "/x")
	sum(t, tn, "/x")
	store := tn.store()
	for _, k := range []string{"a", "bc"} {
		if _, err := store.Set([]byte(k), []byte("value"), 0, tn.current.Load().made); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Set([]byte("c"), make([]byte, 1000), 0, tn.current.Load().made); err == nil {
		t.Fatal("it had room")
	}
	c := tn.Counters()
	for i, want := range map[int]int64{
		metrics.TenantStore: 2*133 + 3, metrics.TenantStore + 1: 2, metrics.TenantStoreUse + 1: 2, metrics.TenantStoreUse + 2: 1,
		callStorage: 2, metrics.TenantStorageWaits: 0, metrics.TenantCalls: 2, metrics.TenantCalls + 3: 3,
	} {
		if got := c.Value(i); got != want {
			t.Errorf("cell %d is %d, want %d", i, got, want)
		}
	}
	if got := tn.Status(); got.Store == nil || got.Store.Keys != 2 || got.Storage.Calls != 2 {
		t.Errorf("%+v %+v", got.Store, got.Storage)
	}
	m2 := *m
	m2.Storage = 0
	load(t, s, &m2)
	if got := s.Tenant(m.Name).Counters().Value(metrics.TenantStore); got != 0 || s.Status()[0].Store != nil {
		t.Errorf("without a storage %d bytes are kept", got)
	}
}

// TestCloseWaitsForCandidates: nothing of a candidate runs when Close returns.
func TestCloseWaitsForCandidates(t *testing.T) {
	files := map[string][]byte{"sum": guest(t, "store_shadow"), "next": guest(t, "store_shadow", "-DCANDIDATE")}
	s, m := sumSet(t, files, func(m *model.Tenant) { m.Shadow = &model.Shadow{Program: "next", Share: 1} })
	tn := s.Tenant(m.Name)
	for range 40 {
		if _, f := recv(t, tn, request("/field"), ""); f != nil {
			t.Fatal(f)
		}
	}
	s.Close()
	stacks := make([]byte, 1<<20)
	if text := string(stacks[:runtime.Stack(stacks, true)]); strings.Contains(text, "(*shadow).drain") {
		t.Error(text)
	}
	r := tn.shadow.Load().report
	c := tn.Counters()
	if n := c.Value(metrics.TenantShadow); n != r.Requests || c.Value(metrics.TenantShadow+1) != r.Differing {
		t.Errorf("%d repeated, %+v", n, r)
	}
}

// TestNoFetches: 0 is none, whoever would serve them.
func TestNoFetches(t *testing.T) {
	v := &vm{image: &image{tenant: &model.Tenant{Backends: []string{"a"}}, stats: newStats("a", quietSet(1).o.Logger)}, outside: deniesNothing{}}
	if n, err := v.fetch(&ask.Question{Backend: "a"}); n != errDenied || err == nil {
		t.Errorf("%d", n)
	}
	v.image.tenant.Fetches = 1
	if n, err := v.fetch(&ask.Question{Backend: "a"}); n != errFailed || err == nil {
		t.Errorf("%d", n)
	}
}

// deniesNothing begins a fetch, which fails.
type deniesNothing struct{ Outside }

func (deniesNothing) Fetch(*Question) (Fetched, error) { return nil, ErrFailed }

// TestTrialOfAStorage: a program that is tried beside the running one has a
// storage at once, and the running one's state when it is committed.
func TestTrialOfAStorage(t *testing.T) {
	files := map[string][]byte{"sum": guest(t, "store_sum")}
	s, m := sumSet(t, files, nil)
	old := s.Tenant(m.Name)
	for range 5 {
		sum(t, old, "/stack")
	}
	files["sum"] = guest(t, "store_sum", `-DPART="two"`)
	u, errs := s.Prepare(t.Context(), []*model.Tenant{m})
	if errs != nil {
		t.Fatal(errs)
	}
	u.Try()
	next := u.Tenants()[m.Name]
	if got := sum(t, next, "/stack"); got != "1 1 0" {
		t.Errorf("tried: %q", got)
	}
	if got := sum(t, old, "/stack"); got != "6 6 0" {
		t.Errorf("beside it: %q", got)
	}
	u.Commit()
	if got := sum(t, s.Tenant(m.Name), "/read"); got != "6 6 1" || s.Tenant(m.Name) != next {
		t.Errorf("committed: %q", got)
	}
	files["sum"] = guest(t, "store_sum", `-DPART="three"`)
	if u, errs = s.Prepare(t.Context(), []*model.Tenant{m}); errs != nil {
		t.Fatal(errs)
	}
	u.Try()
	sum(t, u.Tenants()[m.Name], "/stack")
	u.Abort()
	if got := sum(t, s.Tenant(m.Name), "/read"); got != "6 6 1" {
		t.Errorf("after one that was undone: %q", got)
	}
}
