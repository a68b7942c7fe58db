package tenant

import (
	"context"
	"testing"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// TestRemovedTenantLeavesNothing: the lines and counters of a tenant stay with it as
// long as it is there, and the next one of its name has none of them.
func TestRemovedTenantLeavesNothing(t *testing.T) {
	s := filesSet(map[string][]byte{"a": program(t, "hello")})
	defer s.Close()
	use := func() *Tenant {
		a := s.Tenant("a")
		if _, f := recv(t, a, request("/"), ""); f != nil {
			t.Fatal(f)
		}
		a.stats.print([]byte("a secret"))
		return a
	}
	has := func(a *Tenant) (n [2]int) {
		n[0] = int(a.Counters().Value(metrics.TenantRequests))
		for _, l := range a.Logs() {
			if l.Text == "a secret" {
				n[1]++
			}
		}
		return n
	}
	load(t, s, named("a", false))
	first := use()
	if got := has(first); got != [2]int{1, 1} {
		t.Fatalf("requests and lines: %v", got)
	}
	changed := named("a", false)
	changed.Instructions++
	load(t, s, changed)
	second := use()
	if got := has(second); got != [2]int{2, 2} || !second.Same(first) {
		t.Errorf("a limit changed: %v, the same: %t", got, second.Same(first))
	}
	followed := make(chan error)
	began := make(chan bool, 1)
	go func() {
		followed <- s.FollowLogs(context.Background(), "a", true, 1, func(Line) error { began <- true; return nil })
	}()
	<-began
	load(t, s)
	if err := <-followed; err != nil {
		t.Error(err)
	}
	load(t, s, named("a", false))
	if third := s.Tenant("a"); third.Same(second) || has(third) != [2]int{} {
		t.Errorf("the next one: %v, the same: %t", has(third), third.Same(second))
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	use()
	if err := s.FollowLogs(ended, "a", false, 10, func(l Line) error { t.Errorf("read %q", l.Text); return nil }); err != nil {
		t.Error(err)
	}

	u, errs := s.Prepare(t.Context(), []*model.Tenant{named("a", false), {Name: "b", Program: "a", Instructions: 1 << 20}})
	if errs != nil {
		t.Fatal(errs)
	}
	b := u.Tenants()["b"]
	u.Abort()
	load(t, s, named("a", false), &model.Tenant{Name: "b", Program: "a", Instructions: 1 << 20})
	if s.Tenant("b").Same(b) {
		t.Error("one that was never there is still there")
	}
}
