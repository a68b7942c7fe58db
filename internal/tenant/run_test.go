package tenant

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// guestModel is a tenant with the program of that name.
func guestModel(name string) *model.Tenant {
	path := "../../test/guests/" + name + ".elf"
	if name == "hello" || name == "shop" || name == "catalog" {
		path = "../../sdk/examples/" + name + ".elf"
	}
	return &model.Tenant{
		Name: name, Program: path, Memory: 4 << 20, Instructions: 2_000_000, Time: 10 * time.Second,
		Concurrency: 4, Share: 10, OnFault: "fail",
	}
}

func quietSet(permits int) *Set {
	return NewSet(Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Permits: permits})
}

// load prepares and commits tenants.
func load(t testing.TB, s *Set, models ...*model.Tenant) {
	t.Helper()
	u, errs := s.Prepare(context.Background(), models)
	if errs != nil {
		t.Fatal(errs)
	}
	u.Commit()
	s.Settle()
}

func start(t testing.TB, m *model.Tenant) *Tenant {
	t.Helper()
	s := quietSet(1)
	load(t, s, m)
	t.Cleanup(s.Close)
	return s.Tenant(m.Name)
}

func request(path string, fields ...string) *message.Request {
	r := &message.Request{Method: []byte("GET"), Target: []byte(path), Scheme: "http", Host: []byte("a.test"), Minor: 1}
	p, q, has := strings.Cut(path, "?")
	r.Path, r.Query, r.HasQuery = []byte(p), []byte(q), has
	r.Add("Host", "a.test")
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Add(name, value)
	}
	return r
}

func admit(t testing.TB, tn *Tenant) *Run {
	t.Helper()
	r, f := tn.Admit(context.Background())
	if f != nil {
		t.Fatal(f)
	}
	return r
}

// recv runs one whole on_recv.
func recv(t testing.TB, tn *Tenant, req *message.Request, arg string) (Decision, *message.Fault) {
	t.Helper()
	r := admit(t, tn)
	defer r.Release()
	return r.OnRecv(context.Background(), req, arg)
}

func value(h *message.Header, name string) string {
	v, _ := h.Get(name)
	return string(v)
}

func TestHelloDecides(t *testing.T) {
	tn := start(t, guestModel("hello"))
	for _, c := range []struct {
		path   string
		kind   Kind
		status int
	}{
		{"/", Continue, 0}, {"/hello", Forge, 0}, {"/teapot", Answer, 418},
		{"/private", Pass, 0}, {"/denied", Answer, 403}, {"/hello?x=1", Forge, 0},
	} {
		req := request(c.path)
		d, f := recv(t, tn, req, "blue")
		if f != nil {
			t.Fatalf("%s: %v", c.path, f)
		}
		if d.Kind != c.kind || d.Status != c.status {
			t.Errorf("%s: %+v", c.path, d)
		}
		if value(&req.Header, "X-Hello") != "world" || value(&req.Header, "X-Argument") != "blue" {
			t.Errorf("%s: fields are not what the guest appended", c.path)
		}
	}
	if lines := tn.Logs(); len(lines) == 0 || lines[0].Text != "hello" {
		t.Errorf("log is %v", lines)
	}
}

func TestGuestRewritesTarget(t *testing.T) {
	tn := start(t, guestModel("hello"))
	req := request("/old/page?q=1")
	if _, f := recv(t, tn, req, ""); f != nil {
		t.Fatal(f)
	}
	if string(req.Path) != "/new" || req.HasQuery || string(req.Target) != "/new" {
		t.Errorf("path %q query %q", req.Path, req.Query)
	}
}

func TestForge(t *testing.T) {
	tn := start(t, guestModel("hello"))
	for _, c := range []struct{ name, body, want string }{
		{"", "", "Hello World\n"},
		{"Ann", "", "Hello Ann\n"},
		{"Ann", "good day", "Hello Ann\nYou said: good day"},
	} {
		req := request("/hello")
		if c.name != "" {
			req.Add("X-Name", c.name)
		}
		r := admit(t, tn)
		if _, f := r.OnRecv(context.Background(), req, ""); f != nil {
			t.Fatal(f)
		}
		var resp message.Response
		body, f := r.Forge(context.Background(), req, []byte(c.body), &resp)
		if f != nil {
			t.Fatal(f)
		}
		if string(body) != c.want || resp.Status != 200 || resp.Length != int64(len(c.want)) {
			t.Errorf("%d %q, want %q", resp.Status, body, c.want)
		}
		if value(&resp.Header, "Content-Type") != "text/plain" || value(&resp.Header, "X-Forged-By") != "hello" {
			t.Error("response fields are missing")
		}
		if f := r.OnDeliver(context.Background(), req, &resp); f != nil {
			t.Fatal(f)
		}
		if !r.WantsDeliver() || value(&resp.Header, "X-Delivered-By") != "hello" {
			t.Error("on_deliver did not append")
		}
		r.Release()
	}
}

func TestAnswer(t *testing.T) {
	tn := start(t, guestModel("hello"))
	for path, want := range map[string]struct {
		status int
		body   string
	}{"/teapot": {418, "short and stout\n"}, "/denied": {403, ""}} {
		r := admit(t, tn)
		req := request(path)
		d, f := r.OnRecv(context.Background(), req, "")
		if f != nil {
			t.Fatal(f)
		}
		var resp message.Response
		body, f := r.Answer(context.Background(), d, req, &resp)
		if f != nil || resp.Status != want.status || string(body) != want.body || len(resp.Reason) == 0 && want.status == 403 {
			t.Errorf("%s: %d %q %v", path, resp.Status, body, f)
		}
		r.Release()
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		guest, path, cause, symbol string
		status, stop               int
	}{
		{"loop", "/loop", "guest-budget", "spin", 503, 0},
		{"loop", "/forge", "guest-budget", "spin", 500, 0},
		{"crash", "/crash", "guest-fault", "null_read", 503, 3},
		{"crash", "/forge", "guest-fault", "null_read", 500, 3},
		{"crash", "/deliver", "guest-fault", "null_read", 503, 3},
		{"hog", "/", "guest-memory", "on_recv", 503, 2},
	} {
		t.Run(c.guest+c.path, func(t *testing.T) {
			m := guestModel(c.guest)
			m.Instructions = max(m.Instructions, 40_000_000) // more than all of the memory costs
			tn := start(t, m)
			for range 2 { // the second request gets a clean fork
				f := faultOf(t, tn, request(c.path))
				if f == nil {
					t.Fatal("no fault")
				}
				if f.Side != message.SideGuest || f.Cause != c.cause || f.Status != c.status {
					t.Errorf("fault is %+v", f)
				}
				for _, part := range []string{`"` + c.guest + `"`, "pc 0x12", "(" + c.symbol + "+"} {
					if !strings.Contains(f.Error(), part) {
						t.Errorf("%q does not name %s", f.Error(), part)
					}
				}
			}
			if n := tn.Counters().Value(metrics.TenantStops + c.stop); n != 2 {
				t.Errorf("counted %d stops", n)
			}
			if tn.Counters().Value(metrics.TenantActive) != 0 || tn.Status().Active != 0 {
				t.Error("still active")
			}
		})
	}
}

// faultOf takes a request through every entry until one faults.
func faultOf(t *testing.T, tn *Tenant, req *message.Request) *message.Fault {
	r := admit(t, tn)
	defer r.Release()
	fields := req.Header.Len()
	d, f := r.OnRecv(context.Background(), req, "")
	if f != nil {
		if req.Header.Len() != fields {
			t.Error("a faulting call left its edits behind")
		}
		return f
	}
	var resp message.Response
	if d.Kind == Forge {
		_, f := r.Forge(context.Background(), req, nil, &resp)
		return f
	}
	resp.Status = 200
	f = r.OnDeliver(context.Background(), req, &resp)
	if f != nil && resp.Header.Len() != 0 {
		t.Error("a faulting on_deliver left its edits behind")
	}
	return f
}

func TestBudgetIsExact(t *testing.T) {
	m := guestModel("loop")
	m.Instructions = 345_678
	tn := start(t, m)
	if _, f := recv(t, tn, request("/loop"), ""); f == nil {
		t.Fatal("no fault")
	}
	if n := tn.Counters().Value(metrics.TenantInstructions); n != 345_678 {
		t.Errorf("ran %d instructions", n)
	}
}

func TestTimeLimit(t *testing.T) {
	m := guestModel("loop")
	m.Instructions, m.Time = 1<<40, 5*time.Millisecond
	tn := start(t, m)
	_, f := recv(t, tn, request("/loop"), "")
	if f == nil || f.Cause != "guest-time" {
		t.Fatal(f)
	}
}

func TestClientLeaves(t *testing.T) {
	m := guestModel("loop")
	m.Instructions = 1 << 40
	tn := start(t, m)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := admit(t, tn)
	defer r.Release()
	if _, f := r.OnRecv(ctx, request("/loop"), ""); f == nil || f.Cause != "guest-cancelled" {
		t.Fatal(f)
	}
}

func TestOnFaultPass(t *testing.T) {
	m := guestModel("crash")
	m.OnFault = "pass"
	tn := start(t, m)
	req := request("/crash")
	d, f := recv(t, tn, req, "")
	if f != nil || d.Kind != Continue || d.Failed == nil {
		t.Fatalf("%+v %v", d, f)
	}
	if value(&req.Header, "X-Seen") != "" {
		t.Error("the edits of a call that failed were kept")
	}
}

func TestNothingLeaks(t *testing.T) {
	tn := start(t, guestModel("secret"))
	for range 20 {
		if _, f := recv(t, tn, request("/", "X-Secret: s3cr3t-of-one-request-which-is-long"), ""); f != nil {
			t.Fatal(f)
		}
		req := request("/")
		if _, f := recv(t, tn, req, ""); f != nil {
			t.Fatal(f)
		}
		if got := value(&req.Header, "X-Traces"); got != "none" {
			t.Fatalf("traces: %q, mask %s", got, value(&req.Header, "X-Mask"))
		}
	}
	// The pool may forget some, under the race detector on purpose.
	if n := tn.Status().Forks; n > 20 {
		t.Errorf("%d forks for 40 requests; the test needs the same ones again", n)
	}
}

func TestInjectionIsRefused(t *testing.T) {
	tn := start(t, guestModel("inject"))
	req := request("/")
	if _, f := recv(t, tn, req, ""); f != nil {
		t.Fatal(f)
	}
	if got := value(&req.Header, "X-Refused"); got != "23" || value(&req.Header, "X-Accepted") != "" {
		t.Errorf("refused %s of 23; accepted %q", got, value(&req.Header, "X-Accepted"))
	}
	if req.Header.Find("X-Evil") >= 0 || string(req.Path) != "/" || value(&req.Header, "Host") != "a.test" {
		t.Error("something came through")
	}
}

func TestAdmissionIsBounded(t *testing.T) {
	m := guestModel("hello")
	m.Concurrency, m.QueueLimit = 1, 1
	tn := start(t, m)
	first := admit(t, tn)
	second := make(chan *Run)
	go func() {
		r, _ := tn.Admit(context.Background())
		second <- r
	}()
	for tn.Status().Waiting == 0 {
		runtime.Gosched()
	}
	if _, f := tn.Admit(context.Background()); f == nil || f.Status != 503 || f.Cause != "guest-queue-full" {
		t.Fatal(f)
	}
	first.Release()
	(<-second).Release()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	held := admit(t, tn)
	if _, f := tn.Admit(ctx); f == nil || f.Cause != "guest-queue-time" {
		t.Error(f)
	}
	held.Release()
	if s := tn.Status(); s.Active != 0 || s.Waiting != 0 || s.Refused != 2 {
		t.Errorf("%+v", s)
	}
}

func TestStartFailures(t *testing.T) {
	elf, err := os.ReadFile("../../sdk/examples/hello.elf")
	if err != nil {
		t.Fatal(err)
	}
	x86 := append([]byte(nil), elf...)
	x86[18] = 62
	files := map[string][]byte{"short": elf[:100], "x86": x86, "text": []byte("hello")}
	s := NewSet(Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), ReadFile: func(_ context.Context, p string) ([]byte, error) {
		if b, ok := files[p]; ok {
			return b, nil
		}
		return os.ReadFile(p)
	}})
	for program, want := range map[string]string{
		"short": "truncated", "x86": "machine 62", "text": "magic", "absent": "no such file", "x.cpp": "no such file",
		"../../test/guests/nowait.elf": "without waiting for requests",
	} {
		_, errs := s.Prepare(context.Background(), []*model.Tenant{{Name: "t", Program: program}})
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) || !strings.Contains(errs[0].Error(), `"t"`) {
			t.Errorf("%s: %v", program, errs)
		}
	}
}
