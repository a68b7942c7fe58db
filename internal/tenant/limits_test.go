package tenant

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// limited starts the hostile guest within limits.
func limited(t testing.TB, change func(*model.Tenant)) *Tenant {
	m := guestModel("limits")
	if change != nil {
		change(m)
	}
	return start(t, m)
}

// forged is on_recv and the forge that it decided on.
func forged(t testing.TB, tn *Tenant, path string, o Outside) (message.Response, []byte, *message.Fault) {
	t.Helper()
	r := admit(t, tn)
	defer r.Release()
	req := request(path)
	d, f := r.OnRecv(context.Background(), req, "")
	if f != nil || d.Kind != Forge {
		t.Fatal(d, f)
	}
	r.Outside(o)
	var resp message.Response
	body, f := r.Forge(context.Background(), req, nil, &resp)
	return resp, body, f
}

func limits(tn *Tenant, which int) int64 { return tn.Counters().Value(metrics.TenantLimits + which) }

func TestLimitsOfMain(t *testing.T) {
	for _, c := range []struct {
		argument, cause string
		stop            int
	}{{"hog", "memory limit", 2}, {"spin", "budget", 0}} {
		m := guestModel("limits")
		m.Arguments, m.FromFile = []string{c.argument}, true
		s := quietSet(1)
		u, errs := s.Prepare(context.Background(), []*model.Tenant{m})
		if errs != nil || len(u.Warnings()) != 1 || !strings.Contains(u.Warnings()[0].Error(), c.cause) {
			t.Fatal(errs, u.Warnings())
		}
		u.Commit()
		if _, f := s.Tenant(m.Name).Admit(context.Background()); f == nil || f.Cause != "guest-missing" {
			t.Error(f)
		}
		if n := s.Tenant(m.Name).Counters().Value(metrics.TenantStops + c.stop); n != 1 {
			t.Errorf("%s: counted %d times", c.cause, n)
		}
		s.Close()
	}
}

func TestLimitOfResponses(t *testing.T) {
	tn := limited(t, func(m *model.Tenant) { m.Response = 150_000 })
	if _, b, f := forged(t, tn, "/small", nil); f != nil || len(b) != 100 {
		t.Fatal(f)
	}
	if _, _, f := forged(t, tn, "/big", nil); f == nil || f.Cause != "guest-response-size" || f.Status != 500 || limits(tn, limitResponse) != 1 {
		t.Fatal(f)
	}
	out := new(pieceCounter)
	if _, _, f := forged(t, tn, "/pieces", out); f != nil || out.n != 4*65536 || limits(tn, limitResponse) != 1 {
		t.Errorf("%d bytes of an answer by pieces: %v", out.n, f)
	}
}

// pieceCounter is somebody who reads a streamed answer.
type pieceCounter struct{ n int }

func (*pieceCounter) Fetch(*Question) (Fetched, error) { return nil, ErrDenied }
func (*pieceCounter) ReadBody([]byte, time.Duration) (int, error) {
	return 0, errors.New("there is none")
}
func (*pieceCounter) BodyLength() int64             { return -1 }
func (*pieceCounter) Begin(*message.Response) error { return nil }
func (p *pieceCounter) Write(b []byte) error        { p.n += len(b); return nil }

func TestLimitOfForks(t *testing.T) {
	tn := limited(t, func(m *model.Tenant) { m.Forks, m.Concurrency, m.QueueLimit = 1, 4, 1 })
	r := admit(t, tn)
	if n := tn.slots(); n != 1 {
		t.Errorf("%d requests with one fork", n)
	}
	req := request("/small")
	if d, f := r.OnRecv(context.Background(), req, ""); f != nil || d.Kind != Forge {
		t.Fatal(f)
	}
	// The request's side has none any more: there is a fork for the forge.
	var resp message.Response
	if _, f := r.Forge(context.Background(), req, nil, &resp); f != nil {
		t.Fatal(f)
	}
	inner, f := tn.AdmitWithin()
	if f != nil {
		t.Fatal(f)
	}
	if _, f := inner.OnRecv(context.Background(), req, ""); f == nil || f.Cause != "guest-forks" || limits(tn, limitForks) != 1 {
		t.Error(f)
	}
	inner.Release()
	r.Release()
	if n := tn.forks.Load(); n != 0 {
		t.Errorf("%d forks are alive", n)
	}
}

// A fork that the host has no memory for takes nothing with it.
func TestForkThatTheHostCannotMake(t *testing.T) {
	tn := limited(t, nil)
	tn.current.Load().frozen.Close()
	if _, f := recv(t, tn, request("/small"), ""); f == nil || f.Cause != "guest-fork" || f.Status != 503 {
		t.Error(f)
	}
	if st := tn.Status(); st.Active != 0 || tn.forks.Load() != 0 {
		t.Errorf("%d slots and %d forks are left", st.Active, tn.forks.Load())
	}
}

func TestLimitOfStorage(t *testing.T) {
	tn := limited(t, func(m *model.Tenant) { m.Storage = 32 << 10 })
	req := request("/kv")
	if _, f := recv(t, tn, req, ""); f != nil || value(&req.Header, "X-Limit") != "storage" || limits(tn, limitStorage) != 1 {
		t.Error(f, limits(tn, limitStorage))
	}
}

// A rate that is used up ends calls whose time is over before it is due again,
// refuses requests that would wait too long, and keeps others waiting.
func TestLimitOfRate(t *testing.T) {
	tn := limited(t, func(m *model.Tenant) { m.Rate, m.Instructions, m.Time = 10_000, 2_000_000, 5*time.Second })
	_, f := recv(t, tn, request("/spin"), "")
	if f == nil || f.Cause != "guest-rate" || limits(tn, limitRate) != 1 {
		t.Fatal(f)
	}
	if n := tn.Counters().Value(metrics.TenantInstructions); n > 300_000 {
		t.Errorf("ran %d instructions", n)
	}
	tn.stats.rate.spend(1_000_000)
	if _, f := tn.Admit(context.Background()); f == nil || f.Cause != "guest-rate" || limits(tn, limitRate) != 2 {
		t.Error(f)
	}
	if st := tn.Status(); st.Active != 0 {
		t.Errorf("%d slots were lost", st.Active)
	}

	tn = limited(t, func(m *model.Tenant) { m.Rate = 10_000_000 })
	ctx, cancel := context.WithCancel(context.Background())
	tn.stats.rate.spend(20_000_000)
	cancel()
	if _, f := tn.Admit(ctx); f == nil || f.Cause != "guest-queue-time" {
		t.Error(f)
	}
	if _, f := recv(t, tn, request("/"), ""); f != nil || limits(tn, limitWait) == 0 {
		t.Error("began while in debt", f)
	}
}

// The host's work counts: copies are charged to budget, rate and share.
func TestHostWorkIsCharged(t *testing.T) {
	tn := limited(t, func(m *model.Tenant) { m.Rate, m.Instructions = 1<<40, 5_000_000 })
	_, f := recv(t, tn, request("/copy"), "")
	if f == nil || f.Cause != "guest-budget" {
		t.Fatal(f)
	}
	spent := tn.Counters().Value(metrics.TenantInstructions)
	if spent < 5_000_000 || spent > 5_200_000 {
		t.Errorf("charged %d", spent)
	}
}

// Every word that a fault can have is in the reference.
func TestCausesAreListed(t *testing.T) {
	var known []string
	for _, c := range Causes() {
		known = append(known, c.Name)
	}
	word := regexp.MustCompile(`"(guest-[a-z-]+)"`)
	for _, dir := range []string{".", "../proxy"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range word.FindAllSubmatch(b, -1) {
				if !slices.Contains(known, string(m[1])) {
					t.Errorf("%s: %s", name, m[1])
				}
			}
		}
	}
}
