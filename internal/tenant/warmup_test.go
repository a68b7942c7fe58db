package tenant

import (
	"context"
	"log/slog"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// warmSet is a Set with a tenant that runs test/guests/warm.c from file "sum", and
// has its lines in the log that it returns.
func warmSet(t *testing.T, files map[string][]byte) (*Set, *model.Tenant, *strings.Builder) {
	t.Helper()
	s := filesSet(files)
	t.Cleanup(s.Close)
	log := new(strings.Builder)
	s.o.Logger = slog.New(slog.NewTextHandler(log, nil))
	m := sumModel()
	m.Storage, m.Fetches, m.Backends = 1<<20, 4, []string{"app"}
	load(t, s, m)
	return s, m, log
}

// warmed is the model with another file, budget and warm-up requests.
func warmed(m *model.Tenant, requests ...string) *model.Tenant {
	c := *m
	c.Program, c.WarmUp = "next", requests
	return &c
}

func TestWarmUp(t *testing.T) {
	elf := guest(t, "warm")
	s, m, _ := warmSet(t, map[string][]byte{"sum": program(t, "hello"), "next": elf})
	before := s.Tenant(m.Name)
	for _, c := range []struct {
		request, want string // "" is accepted
	}{
		{"GET /", ""}, {"GET /page?x=1", ""}, {"POST /forge", ""}, {"GET /404", ""}, {"GET /stream", ""}, {"HEAD /stream", ""}, {"GET /ask", ""}, {"GET /x/../page", ""},
		{"GET /crash", `guest-fault: .*on_recv`},
		{"GET /x/%2e%2E/crash", `guest-fault`},
		{"GET /fall", `guest-fault`},
		{"GET /torn", `guest-fault`},
		{"GET /deliver", `guest-fault`},
		{"GET /spin", `guest-budget`},
		{"GET /500", `it answers 500`},
		{"PUT /502", `it answers 502`},
		{"GET /../..", `path-above-root`},
	} {
		u, errs := s.Prepare(context.Background(), []*model.Tenant{warmed(m, "GET /", c.request)})
		if c.want == "" {
			if errs != nil {
				t.Errorf("%s: %v", c.request, errs)
				continue
			}
			u.Abort()
			continue
		}
		if errs == nil {
			u.Abort()
			t.Errorf("%s: it is accepted", c.request)
			continue
		}
		named := `warm up guest "` + m.Name + `" with ` + c.request + ": "
		if got := errs[0].Error(); !strings.HasPrefix(got, named) || !regexp.MustCompile(c.want).MatchString(strings.TrimPrefix(got, named)) {
			t.Errorf("%s: %q, want %s", c.request, got, c.want)
		}
		if s.Tenant(m.Name) != before {
			t.Fatalf("%s: the old program is gone", c.request)
		}
	}
}

// TestWarmUpTime: the tenant's time bounds each request, and the preparation's end
// is the end of all of them.
func TestWarmUpTime(t *testing.T) {
	s, m, _ := warmSet(t, map[string][]byte{"sum": program(t, "hello"), "next": guest(t, "warm")})
	next := warmed(m, "GET /spin")
	next.Instructions, next.Time = 1e15, 20*time.Millisecond
	if _, errs := s.Prepare(context.Background(), []*model.Tenant{next}); errs == nil || !strings.Contains(errs[0].Error(), "with GET /spin: guest-time: ") {
		t.Errorf("%v", errs)
	}
	next.Time = time.Hour
	ctx, stop := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, stop)
	if _, errs := s.Prepare(ctx, []*model.Tenant{next}); errs == nil {
		t.Error("a warm-up goes on when nobody waits for it")
	}
}

// TestWarmUpHasNoEffects: what is asked of the old program, counted, written and
// printed is the same before and after a warm-up, accepted or not.
func TestWarmUpHasNoEffects(t *testing.T) {
	elf := guest(t, "warm")
	s, m, log := warmSet(t, map[string][]byte{"sum": elf, "next": elf})
	store := s.Tenant(m.Name).store()
	for i, last := range []string{"GET /page", "GET /crash"} {
		next := warmed(m, "GET /effects", last)
		next.Memory += int64(i) * pageSize // another model: the program is started anew
		u, errs := s.Prepare(context.Background(), []*model.Tenant{next})
		if (errs == nil) != (last == "GET /page") {
			t.Fatalf("%s: %v", last, errs)
		}
		if errs == nil {
			u.Commit()
		}
		tn := s.Tenant(m.Name)
		if st := store.Stat(); st.Keys != 0 || st.Writes != 0 {
			t.Errorf("%s: the storage has %+v", last, st)
		}
		if len(tn.Logs()) != 0 || strings.Contains(log.String(), "a line") {
			t.Errorf("%s: lines %v, log %s", last, tn.Logs(), log)
		}
		status, cells := tn.Status(), tn.Counters()
		if status.Requests != 0 || status.Instructions != 0 || status.Refused != 0 || status.Stops != (Stops{}) || cells.Value(metrics.TenantForks) > 1 || cells.Value(metrics.TenantLogs) != 0 {
			t.Errorf("%s: counted %+v, %d forks", last, status, cells.Value(metrics.TenantForks))
		}
	}
}

// TestWarmUpOfUpdates: programs by the API are warmed up like those in files, also
// on the way back.
func TestWarmUpOfUpdates(t *testing.T) {
	good, broken := guest(t, "warm"), guest(t, "warm", "-DBROKEN")
	s, m, _ := warmSet(t, map[string][]byte{"sum": good})
	m.WarmUp = []string{"GET /page"}
	other := guest(t, "warm", "-DOTHER")
	give(t, s, m.Name, other)
	if _, err := updateTenant(s, m.Name, broken, UpdateOptions{}); err == nil || !strings.Contains(err.Error(), `with GET /page: guest-fault`) {
		t.Errorf("%v", err)
	}
	if v, _ := s.Given(m.Name); v.Number != 2 {
		t.Errorf("%+v runs", v)
	}
	r := admit(t, s.Tenant(m.Name))
	if d, f := r.OnRecv(context.Background(), request("/page"), ""); f != nil || d.Kind != Answer {
		t.Errorf("%+v, %v", d, f)
	}
	r.Release()
	if _, err := rollbackTenant(s, m.Name, 1); err != nil {
		t.Error(err)
	}
	m = warmed(m, "GET /500")
	m.Program = "sum"
	load(t, s, m) // the program is the same: it runs on
}

// TestWarmUpOfFiles: a tenant of a tenants file that is not warm answers 503, or
// goes on with its old program; the others are served.
func TestWarmUpOfFiles(t *testing.T) {
	for _, within := range []time.Duration{time.Hour, 0} { // 0: behind Commit
		files := map[string][]byte{"a": guest(t, "warm"), "b": program(t, "hello")}
		s := filesSet(files)
		s.starts.within = within
		a := named("a", true)
		a.WarmUp = []string{"GET /page"}
		u, errs := s.Prepare(context.Background(), []*model.Tenant{a, named("b", true)})
		if errs != nil {
			t.Fatal(errs)
		}
		u.Commit()
		admit(t, s.Tenant("a")).Release() // it has started
		files["a"] = guest(t, "warm", "-DBROKEN")
		load(t, s, a, named("b", true))
		for s.Starting() > 0 || s.Tenant("a").starting.Load() != nil {
			runtime.Gosched()
		}
		if st := s.Tenant("a").Status(); st.State != "stale" || !strings.Contains(st.Error, `warm up guest "a" with GET /page: guest-fault`) {
			t.Errorf("%+v", st)
		}
		admit(t, s.Tenant("a")).Release()
		s.Close()
	}
}
