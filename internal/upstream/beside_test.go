package upstream

import (
	"slices"
	"testing"
	"time"

	"fishplate/internal/model"
)

// beside prepares a backend and lets it serve beside the committed one.
func beside(t *testing.T, s *Set, m *model.Backend) (*Update, *Backend) {
	t.Helper()
	u, err := s.Prepare([]*model.Backend{m})
	if err != nil {
		t.Fatal(err)
	}
	u.Try()
	return u, u.Backends()[m.Name]
}

// TestTrialOutlivesOrders: orders and discovery make rosters anew, and what is
// tried keeps its servers, whichever view they are in.
func TestTrialOutlivesOrders(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := leavable(3, nil)
		old := without(m, "s2")
		b := commit(t, s, checked(old))
		u, next := beside(t, s, checked(without(m, "s0")))
		await(t, next, "up up", 3*time.Second)

		if err := s.SetWeight("app", "s0", 7); err != nil { // only the committed view has it
			t.Error(err)
		}
		if err := s.SetWeight("app", "s1", 5); err != nil { // both have it
			t.Error(err)
		}
		if err := s.SetState("app", "s2", "drain"); err != nil { // only the trial has it
			t.Error(err)
		}
		if err := s.SetState("app", "s9", "drain"); err == nil {
			t.Error("an order to nobody is taken")
		}
		if states(b) != "up up" || states(next) != "up drain" {
			t.Errorf("%s beside %s", states(next), states(b))
		}
		if got := [3]int{b.Servers()[0].Weight(), b.Servers()[1].Weight(), next.Servers()[0].Weight()}; got != [3]int{7, 5, 5} {
			t.Errorf("weights %v", got)
		}
		if err := s.SetState("app", "s2", "up"); err != nil {
			t.Error(err)
		}
		b.group.discovered(t.Context(), []*model.Server{{Name: "found", Address: "192.0.2.9:80", Weight: 100}})
		if states(b) != "up up" || states(next) != "up up" {
			t.Errorf("after discovery: %s beside %s", states(next), states(b))
		}
		for range 20 { // each side is led to its own
			if srv := slot(t, b, pick("GET", "/")); !slices.Contains(b.Servers(), srv) {
				t.Errorf("the committed view leads to %s", srv.name)
			}
			if srv := slot(t, next, pick("GET", "/")); !slices.Contains(next.Servers(), srv) {
				t.Errorf("the trial leads to %s", srv.name)
			}
		}
		u.Commit()
		s.LetGo()
		if states(b) != "removed up" || states(next) != "up up" {
			t.Errorf("after the commit: %s, was %s", states(next), states(b))
		}
	})
}

// TestTrialEnds: undone, its servers leave, also those of a backend that only it
// had; an order that comes then finds them gone.
func TestTrialEnds(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := leavable(2, nil)
		b := commit(t, s, without(m, "s1"))
		other := leavable(1, nil)
		other.Name = "other"
		u, err := s.Prepare([]*model.Backend{m, other})
		if err != nil {
			t.Fatal(err)
		}
		u.Try()
		alone := u.Backends()["other"]
		if err := s.SetState("other", "s0", "drain"); err != nil || states(alone) != "drain" {
			t.Errorf("%v, %s", err, states(alone))
		}
		u.Abort()
		if err := s.SetWeight("app", "s0", 9); err != nil {
			t.Error(err)
		}
		if got := listed(s, "app") + listed(s, "other"); got != "s0 up 0; s1 removed 0; s0 removed 0; " {
			t.Error(got)
		}
		if err := s.SetState("other", "s0", "up"); err == nil {
			t.Error("an order to what was tried is taken")
		}
		time.Sleep(2 * time.Minute)
		if got := listed(s, "app") + listed(s, "other"); got != "s0 up 0; " || states(b) != "up" {
			t.Error(got)
		}
	})
}
