package tenant

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// goGuest builds the program in Go with the ordinary toolchain and starts it.
func goGuest(t testing.TB) *Tenant {
	t.Helper()
	m := guestModel("go")
	m.Program = filepath.Join(t.TempDir(), "guest.elf")
	m.Memory, m.Instructions = 64<<20, 100_000_000
	// The SDK's go.mod is under another name where it is embedded.
	sdk, err := filepath.Abs("../../sdk/go")
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace": {%q: %q}}`, sdk+"/go.mod", sdk+"/go.mod.txt"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("go", "build", "-overlay", overlay, "-o", m.Program, ".")
	c.Dir = "../../test/guests/go"
	c.Env = append(os.Environ(), "GOOS=linux", "GOARCH=riscv64", "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return start(t, m)
}

// asked makes one whole request: decision, forge, delivery.
func asked(t testing.TB, tn *Tenant, path, body string) (Decision, string, *message.Response, *message.Fault) {
	t.Helper()
	r := admit(t, tn)
	defer r.Release()
	req := request(path)
	resp := &message.Response{Status: 200}
	d, f := r.OnRecv(context.Background(), req, "blue")
	if f != nil {
		return d, "", resp, f
	}
	var got []byte
	switch d.Kind {
	case Forge:
		got, f = r.Forge(context.Background(), req, []byte(body), resp)
	case Answer:
		got, f = r.Answer(context.Background(), d, req, resp)
	default:
		got = []byte(value(&req.Header, "X-Go"))
	}
	if f == nil {
		f = r.OnDeliver(context.Background(), req, resp)
	}
	return d, string(got), resp, f
}

// TestGo runs a program of the ordinary Go toolchain: its runtime's threads,
// timers and collector, before the snapshot and in copies of it.
func TestGo(t *testing.T) {
	tn := goGuest(t)
	if lines := tn.Logs(); len(lines) != 2 || lines[1].Text != "go starts, sum 1028" {
		t.Fatalf("log %v", lines)
	}
	for range 2 { // nothing of a request is there in the next one
		for _, c := range []struct {
			path, body, want, delivered string
			kind                        Kind
		}{
			{"/", "", "Hello from Go: GET /", "200 1", Forge},
			{"/empty", "", "", "200 1", Continue},
			{"/pass", "", "passed blue", "200 1", Pass},
			{"/teapot", "", "served 1", "", Answer},
			{"/workers", "", "1028", "200 1", Forge},
			{"/garbage", "", "true", "200 1", Forge},
			{"/json", `{"Name":"x","Items":[1,2,3]}`, `{"answer":42,"name":"x","sum":6}`, "200 1", Forge},
		} {
			d, got, resp, f := asked(t, tn, c.path, c.body)
			if f != nil {
				t.Errorf("%s: %v", c.path, f)
				continue
			}
			if d.Kind != c.kind || got != c.want || value(&resp.Header, "X-Delivered") != c.delivered {
				t.Errorf("%s: %v %q, delivered %q", c.path, d.Kind, got, value(&resp.Header, "X-Delivered"))
			}
		}
	}
	functionsOfGo(t, tn)
	if _, _, _, f := asked(t, tn, "/loop", ""); f == nil || f.Cause != "guest-budget" {
		t.Error(f)
	}
	r := admit(t, tn)
	defer r.Release()
	if d, f := r.OnRecv(context.Background(), request("/panic"), ""); f == nil || !strings.Contains(f.Error(), "ended itself with status 2") {
		t.Errorf("a panic decided %v, %v", d, f)
	}
	report := ""
	for _, l := range tn.Logs() {
		report += l.Text + "\n"
	}
	if !strings.Contains(report, "panic: on purpose\ngoroutine 1 [running, locked to thread]:\nmain.receive(") {
		t.Errorf("log %s", report)
	}
}

// functionsOfGo: named functions run in the request's copy, before on_recv and
// after it.
func functionsOfGo(t *testing.T, tn *Tenant) {
	r := admit(t, tn)
	defer r.Release()
	req := request("/empty")
	call := func(name, value, want string, there bool) {
		t.Helper()
		got, ok, f := r.Named(context.Background(), req, nil, name, value)
		if f != nil || ok != there || string(got) != want {
			t.Errorf("%s(%q) = %q, %v, %v", name, value, got, ok, f)
		}
	}
	call("upper", "text", "TEXT", true)
	call("none", "text", "", false)
	call("upper", "", "", true)
	if d, f := r.OnRecv(context.Background(), req, ""); f != nil || d.Kind != Continue {
		t.Error(d, f)
	}
	call("upper", strings.Repeat("x", 8192), strings.Repeat("X", 8192), true)
	call("absent", "", "", false)
	resp := &message.Response{Status: 200}
	if f := r.OnDeliver(context.Background(), req, resp); f != nil || value(&resp.Header, "X-Delivered") != "200 1" {
		t.Error(f, value(&resp.Header, "X-Delivered"))
	}
}

// TestGoCosts asks a program in Go for little and sees that the runtime did not
// have to get memory for it: both figures double when it does.
func TestGoCosts(t *testing.T) {
	tn := goGuest(t)
	instructions, dirty := tn.Counters().Value(metrics.TenantInstructions), tn.Counters().Value(metrics.TenantDirty)
	r := admit(t, tn)
	if d, f := r.OnRecv(context.Background(), request("/empty"), ""); f != nil || d.Kind != Continue {
		t.Fatal(d, f)
	}
	r.Release()
	instructions = tn.Counters().Value(metrics.TenantInstructions) - instructions
	dirty = tn.Counters().Value(metrics.TenantDirty) - dirty
	if instructions > 1000 || dirty > 6 {
		t.Errorf("reading the URL took %d instructions and %d pages", instructions, dirty)
	}
}

// BenchmarkGo prints what a request costs in a program in Go.
func BenchmarkGo(b *testing.B) {
	tn := goGuest(b)
	for _, c := range []struct{ name, path, body string }{
		{"empty", "/empty", ""}, {"hello", "/", ""}, {"json", "/json", `{"Name":"x","Items":[1,2,3]}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			begin := tn.Status().Instructions
			dirty, at := 0, time.Now()
			for range b.N {
				dirty += onceGo(b, tn, c.path, c.body)
			}
			n := float64(b.N)
			b.ReportMetric(float64(tn.Status().Instructions-begin)/n, "instructions/op")
			b.ReportMetric(float64(dirty)/n, "pages/op")
			b.ReportMetric(float64(time.Since(at).Microseconds())/n, "µs/op")
		})
	}
	s := tn.Status()
	b.Logf("image %d pages, start-up %d instructions", s.Pages, s.Startup)
}

// onceGo is one request and the pages that it wrote.
func onceGo(b *testing.B, tn *Tenant, path, body string) int {
	r := admit(b, tn)
	defer r.Release()
	req := request(path)
	d, f := r.OnRecv(context.Background(), req, "")
	if f != nil {
		b.Fatal(f)
	}
	pages := 0
	if r.front != nil {
		pages = r.front.m.Mem.Dirty()
	}
	if d.Kind == Forge {
		if _, f := r.Forge(context.Background(), req, []byte(body), &message.Response{}); f != nil {
			b.Fatal(f)
		}
		pages += r.back.m.Mem.Dirty()
	}
	return pages
}
