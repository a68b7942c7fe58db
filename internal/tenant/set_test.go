package tenant

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// files is a Set over programs that the test changes.
func filesSet(files map[string][]byte) *Set {
	s := quietSet(1)
	s.o.ReadFile = func(_ context.Context, p string) ([]byte, error) {
		if b, ok := files[p]; ok {
			return b, nil
		}
		return nil, errors.New("no such program")
	}
	return s
}

func program(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(guestModel(name).Program)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func named(name string, fromFile bool) *model.Tenant {
	m := guestModel("hello")
	m.Name, m.Program, m.FromFile = name, name, fromFile
	return m
}

func TestUnchangedTenantsAreReused(t *testing.T) {
	files := map[string][]byte{"a": program(t, "hello"), "b": program(t, "hello")}
	s := filesSet(files)
	defer s.Close()
	load(t, s, named("a", false), named("b", false))
	a, b := s.Tenant("a"), s.Tenant("b")
	if _, f := recv(t, a, request("/"), ""); f != nil {
		t.Fatal(f)
	}
	changed := named("b", false)
	changed.Instructions++
	load(t, s, named("a", false), changed)
	if s.Tenant("a") != a {
		t.Error("an unchanged tenant was made anew")
	}
	if s.Tenant("b") == b || s.Tenant("b").Model().Instructions != changed.Instructions {
		t.Error("a changed limit was not taken")
	}
	files["a"] = program(t, "loop")
	load(t, s, named("a", false))
	if s.Tenant("a") == a || s.Tenant("b") != nil {
		t.Error("a changed file was not taken, or a removed tenant is still there")
	}
	if n := s.Tenant("a").Counters().Value(metrics.TenantRequests); n != 1 {
		t.Errorf("counters did not outlive the reload: %d", n)
	}
}

func TestCallsFinishOnTheOldImage(t *testing.T) {
	files := map[string][]byte{"a": program(t, "hello")}
	s := filesSet(files)
	defer s.Close()
	load(t, s, named("a", false))
	old := s.Tenant("a")
	r := admit(t, old)
	req := request("/")
	if _, f := r.OnRecv(context.Background(), req, ""); f != nil {
		t.Fatal(f)
	}
	files["a"] = program(t, "loop")
	load(t, s, named("a", false))
	if r.front == nil {
		t.Fatal("the fork is gone")
	}
	r.Release()
	// An exchange that still holds the old tenant may be admitted to it.
	if _, f := recv(t, old, req, ""); f != nil {
		t.Error(f)
	}
	if n := old.Status().Forks; n != 0 {
		t.Errorf("a replaced image keeps %d forks", n)
	}
}

func TestAbortLeavesEverything(t *testing.T) {
	files := map[string][]byte{"a": program(t, "hello"), "b": program(t, "nowait")}
	s := filesSet(files)
	defer s.Close()
	load(t, s, named("a", false))
	a := s.Tenant("a")
	if u, errs := s.Prepare(context.Background(), []*model.Tenant{named("a", false), named("b", false), named("c", false)}); u != nil || len(errs) != 2 {
		t.Fatalf("%v", errs)
	}
	u, errs := s.Prepare(context.Background(), []*model.Tenant{})
	if errs != nil {
		t.Fatal(errs)
	}
	u.Abort()
	if s.Tenant("a") != a {
		t.Error("an update that was given up had an effect")
	}
	if _, f := recv(t, a, request("/"), ""); f != nil {
		t.Error(f)
	}
}

func TestTenantsFileNeverBlocks(t *testing.T) {
	files := map[string][]byte{"good": program(t, "hello"), "bad": []byte("no program")}
	s := filesSet(files)
	defer s.Close()
	load(t, s, named("good", true), named("bad", true))
	_, f := s.Tenant("bad").Admit(context.Background())
	if f == nil || f.Status != 503 || f.Cause != "guest-missing" || !strings.Contains(f.Error(), "magic") {
		t.Fatal(f)
	}
	list := s.Status()
	if len(list) != 2 || list[0].Name != "bad" || list[0].State != "failed" || list[0].Error == "" || list[1].State != "ready" {
		t.Errorf("%+v", list)
	}
	// The old program stays when the new one is bad.
	files["good"] = []byte("no program")
	load(t, s, named("good", true))
	if st := s.Tenant("good").Status(); st.State != "stale" {
		t.Errorf("%+v", st)
	}
	if _, f := recv(t, s.Tenant("good"), request("/"), ""); f != nil {
		t.Error(f)
	}
	files["good"] = program(t, "hello")
	load(t, s, named("good", true))
	if st := s.Tenant("good").Status(); st.State != "ready" || st.Error != "" {
		t.Errorf("%+v", st)
	}
}
