package tenant

import (
	"context"
	"runtime"
	"testing"

	"fishplate/internal/message"
	"fishplate/internal/model"
)

// settled waits until the shadow has nothing to do.
func settled(t *testing.T, s *Set, name string) ShadowReport {
	t.Helper()
	sh := s.Tenant(name).shadow.Load()
	for sh.busy.Load() || len(sh.queue) > 0 {
		runtime.Gosched()
	}
	r, ok := s.Shadow(name)
	if !ok {
		t.Fatal("there is no report")
	}
	return r
}

func TestShadow(t *testing.T) {
	files := map[string][]byte{"sum": guest(t, "store_shadow"), "next": guest(t, "store_shadow", "-DCANDIDATE")}
	s, m := sumSet(t, files, func(m *model.Tenant) {
		m.Storage, m.Shadow = 1<<20, &model.Shadow{Program: "next", Share: 1}
	})
	tn := s.Tenant(m.Name)
	ask := func(path string) {
		t.Helper()
		r := admit(t, tn)
		defer r.Release()
		r.Annotate(new(Notes))
		req := request(path)
		d, f := r.OnRecv(context.Background(), req, "")
		if f != nil {
			t.Fatal(f)
		}
		var resp message.Response
		switch d.Kind {
		case Forge:
			_, f = r.Forge(context.Background(), req, []byte("body"), &resp)
		case Answer:
			_, f = r.Answer(context.Background(), d, req, &resp)
		default:
			resp.Status = 200
			f = r.OnDeliver(context.Background(), req, &resp)
		}
		if f != nil {
			t.Fatal(f)
		}
	}
	want := map[string]int64{}
	for i, c := range []struct {
		path  string
		kinds []string
	}{
		{"/same", nil}, {"/field", []string{"request", "delivered"}}, {"/decide", []string{"decision", "delivered"}},
		{"/synth", []string{"decision"}}, {"/crash", []string{"decision"}}, {"/page", []string{"status", "fields", "body"}},
	} {
		ask(c.path)
		r := settled(t, s, m.Name)
		for _, k := range c.kinds {
			want[k]++
		}
		for k, n := range want {
			if r.Counts[k] != n {
				t.Errorf("%s: %d differences in %s, want %d: %+v", c.path, r.Counts[k], k, n, r.Differences)
			}
		}
		if r.Requests != int64(i+1) || len(r.Counts) != len(want) {
			t.Errorf("%s: %+v", c.path, r)
		}
	}
	r := settled(t, s, m.Name)
	if d := r.Differences[0]; d.Request == "" || d.Target != "GET /field" || d.Real == d.Candidate {
		t.Errorf("%+v", d)
	}
	if len(tn.Logs()) != 0 || len(r.Lines) == 0 {
		t.Errorf("the candidate's lines are in the tenant's log: %v", tn.Logs())
	}
	if st := tn.current.Load().store.Stat(); st.Writes != 6 {
		t.Errorf("%d writes to the storage, want 6", st.Writes)
	}
}

func TestShadowsAreBounded(t *testing.T) {
	files := map[string][]byte{"sum": guest(t, "store_shadow"), "next": guest(t, "store_shadow", "-DCANDIDATE")}
	s, m := sumSet(t, files, func(m *model.Tenant) { m.Shadow = &model.Shadow{Program: "next", Share: 0.25} })
	tn := s.Tenant(m.Name)
	sh := tn.shadow.Load()
	sh.busy.Store(true) // nobody drains
	for range 4 * (shadowQueue + 10) {
		if _, f := recv(t, tn, request("/field"), ""); f != nil {
			t.Fatal(f)
		}
	}
	if r, _ := s.Shadow(m.Name); len(sh.queue) != shadowQueue || r.Dropped != 10 {
		t.Errorf("%d wait, %d dropped", len(sh.queue), r.Dropped)
	}
	sh.drain()
	for range 4 * 100 {
		recv(t, tn, request("/field"), "")
		settled(t, s, m.Name)
	}
	if r := settled(t, s, m.Name); len(r.Differences) != shadowKept || r.Differing < shadowKept {
		t.Errorf("%d differences kept of %d", len(r.Differences), r.Differing)
	}
}

func TestShadowThatDoesNotRun(t *testing.T) {
	files := map[string][]byte{"sum": program(t, "hello"), "next": []byte("no program")}
	s := filesSet(files)
	defer s.Close()
	m := sumModel()
	m.Shadow = &model.Shadow{Program: "next", Share: 1}
	u, errs := s.Prepare(context.Background(), []*model.Tenant{m})
	if errs != nil || len(u.Warnings()) != 1 {
		t.Fatal(errs, u)
	}
	u.Commit()
	if _, f := recv(t, s.Tenant(m.Name), request("/"), ""); f != nil {
		t.Error(f)
	}
	if r, ok := s.Shadow(m.Name); !ok || r.Error == "" || r.Requests != 0 {
		t.Errorf("%+v", r)
	}
}
