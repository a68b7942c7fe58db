package tenant

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
)

// guest compiles a C program of test/guests with definitions.
func guest(t testing.TB, source string, defines ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "guest.elf")
	tool, err := exec.LookPath("riscv64-linux-gnu-gcc")
	if err != nil {
		t.Fatal("riscv64-linux-gnu-gcc is missing: install gcc-riscv64-linux-gnu")
	}
	args := strings.Fields("-march=rv64gc -mabi=lp64d -O2 -static -nostdlib -ffreestanding -fno-stack-protector -fno-pic -no-pie " +
		"-fno-asynchronous-unwind-tables -Wall -Wextra -Werror -DFP_START -I../../sdk/c -I../../sdk/abi " +
		"-Wl,-Ttext=0x120000,--build-id=none,-z,separate-code,-z,max-page-size=4096,-z,norelro")
	args = append(append(args, defines...), "../../test/guests/"+source+".c", "-o", out)
	if b, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		t.Fatalf("compile %s: %v\n%s", source, err, b)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sumModel() *model.Tenant {
	m := guestModel("store_sum")
	m.Program = "sum"
	return m
}

// sumSet is a Set with the tenant store_sum, whose file is the program.
func sumSet(t testing.TB, files map[string][]byte, change func(*model.Tenant)) (*Set, *model.Tenant) {
	t.Helper()
	s := filesSet(files)
	t.Cleanup(s.Close)
	m := sumModel()
	if change != nil {
		change(m)
	}
	load(t, s, m)
	return s, m
}

// sum asks path and returns the field X-Sum.
func sum(t testing.TB, tn *Tenant, path string) string {
	t.Helper()
	req := request(path)
	if _, f := recv(t, tn, req, ""); f != nil {
		t.Fatal(f)
	}
	return value(&req.Header, "X-Sum")
}

func TestStorageKeepsAndShares(t *testing.T) {
	s, m := sumSet(t, map[string][]byte{"sum": guest(t, "store_sum")}, nil)
	tn := s.Tenant(m.Name)
	if n := tn.current.Load().storage.held.m; n != nil {
		t.Error("a storage that nobody uses has a machine")
	}
	for i, c := range []struct{ path, want string }{
		{"/stack", "1 1 0"}, {"/stack", "2 2 0"}, {"/heap", "3 3 0"},
		{"/data", "0"}, // the program's own data are the storage's there
		{"/again", "1 -1 0"}, {"/read", "4 4 0"},
	} {
		if got := sum(t, tn, c.path); got != c.want {
			t.Errorf("%d: %s gives %q, want %q", i, c.path, got, c.want)
		}
	}
	for _, want := range []string{"/ab", "/ab/cde", "/ab/cde/f"} {
		path := want[strings.LastIndex(want, "/"):]
		r := admit(t, tn)
		req := request("/text" + path)
		d, f := r.OnRecv(context.Background(), req, "")
		if f != nil || d.Kind != Answer {
			t.Fatal(d, f)
		}
		var resp message.Response
		if b, f := r.Answer(context.Background(), d, req, &resp); f != nil || string(b) != want {
			t.Errorf("%q %v, want %q", b, f, want)
		}
		r.Release()
	}
	if got := tn.Logs(); len(got) != 2 || got[0].Text != "storage" || got[1].Text != "request" {
		t.Errorf("logs %v", got)
	}
}

func TestStorageFaultsAreTheCallers(t *testing.T) {
	s, m := sumSet(t, map[string][]byte{"sum": guest(t, "store_sum")}, nil)
	tn := s.Tenant(m.Name)
	for path, cause := range map[string]string{"/spin": "guest-budget", "/crash": "guest-fault"} {
		if _, f := recv(t, tn, request(path), ""); f == nil || f.Cause != cause || !strings.Contains(f.Error(), "storage") {
			t.Errorf("%s: %v", path, f)
		}
	}
	if got := sum(t, tn, "/one"); got != "1 1 0" {
		t.Errorf("after faults %q", got)
	}
}

// TestStorageIsCharged: what the function costs is the caller's.
func TestStorageIsCharged(t *testing.T) {
	s, m := sumSet(t, map[string][]byte{"sum": guest(t, "store_sum")}, nil)
	tn := s.Tenant(m.Name)
	sum(t, tn, "/one")
	before := tn.Status().Instructions
	sum(t, tn, "/plain")
	plain := tn.Status().Instructions - before
	sum(t, tn, "/one")
	if n := tn.Status().Instructions - before - 2*plain; n < remoteCost || n > remoteCost+3000 {
		t.Errorf("a call into storage costs %d instructions", n)
	}
}

// TestStorageWaitIsBounded: who cannot have the storage within its time is told
// so, and has no permit meanwhile.
func TestStorageWaitIsBounded(t *testing.T) {
	s, m := sumSet(t, map[string][]byte{"sum": guest(t, "store_sum")}, func(m *model.Tenant) { m.Time = 30 * time.Millisecond })
	tn := s.Tenant(m.Name)
	st := tn.current.Load().storage
	<-st.turn
	if _, f := recv(t, tn, request("/one"), ""); f == nil || f.Cause != "guest-time" {
		t.Errorf("a wait without end: %v", f)
	}
	if free, waiting := s.permits.State(); free != 1 || waiting != 0 {
		t.Errorf("%d permits free, %d waiting", free, waiting)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := admit(t, tn)
	if _, f := r.OnRecv(ctx, request("/one"), ""); f == nil || f.Cause != "guest-cancelled" {
		t.Errorf("a client that left: %v", f)
	}
	r.Release()
	st.leave()
	if got := sum(t, tn, "/one"); got != "1 1 0" {
		t.Error(got)
	}
}

// TestStorageUnderSpinners: calls into a storage in which somebody spins all the
// time end, with an answer or a fault, and nothing is stuck.
func TestStorageUnderSpinners(t *testing.T) {
	s, m := sumSet(t, map[string][]byte{"sum": guest(t, "store_sum")}, func(m *model.Tenant) { m.Concurrency, m.Instructions = 8, 1_000_000 })
	tn := s.Tenant(m.Name)
	var g sync.WaitGroup
	for i := range 8 {
		g.Go(func() {
			for range 10 {
				r, f := tn.Admit(context.Background())
				if f != nil {
					t.Error(f)
					return
				}
				_, f = r.OnRecv(context.Background(), request([]string{"/spin", "/one"}[i%2]), "")
				if i%2 == 0 && (f == nil || f.Cause != "guest-budget" && f.Cause != "guest-time") {
					t.Error(f)
				}
				r.Release()
			}
		})
	}
	g.Wait()
	if free, waiting := s.permits.State(); free != 1 || waiting != 0 {
		t.Errorf("%d permits free, %d waiting", free, waiting)
	}
}

func give(t testing.TB, s *Set, name string, elf []byte) Version {
	t.Helper()
	v, err := updateTenant(s, name, elf, UpdateOptions{Author: "me", Comment: "why"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestUpdateHandsOver(t *testing.T) {
	one, two := guest(t, "store_sum"), guest(t, "store_sum", `-DPART="two"`)
	s, m := sumSet(t, map[string][]byte{"sum": one}, nil)
	tn := s.Tenant(m.Name)
	sum(t, tn, "/x")
	late := admit(t, tn) // of the old program
	if v := give(t, s, m.Name, two); v.Number != 2 || !v.Current || v.Source != "update" {
		t.Errorf("%+v", v)
	}
	if s.Tenant(m.Name) != tn {
		t.Error("an update made another tenant")
	}
	req := request("/x")
	if _, f := recv(t, tn, req, ""); f != nil || value(&req.Header, "X-Sum") != "2 2 1" || value(&req.Header, "X-Part") != "two" {
		t.Errorf("%v %s", f, fields(&req.Header))
	}
	// Its function is called by name in the storage that has the state.
	req = request("/x")
	if _, f := late.OnRecv(context.Background(), req, ""); f != nil || value(&req.Header, "X-Sum") != "3 3 1" || value(&req.Header, "X-Part") != "one" {
		t.Errorf("%v %s", f, fields(&req.Header))
	}
	late.Release()
	if _, err := updateTenant(s, m.Name, guest(t, "store_sum", "-DREFUSE"), UpdateOptions{}); err == nil || !strings.Contains(err.Error(), "not this one") {
		t.Errorf("a program that refuses the state: %v", err)
	}
	if got := sum(t, tn, "/x"); got != "4 4 1" {
		t.Errorf("after an update that failed %q", got)
	}
	if v, err := rollbackTenant(s, m.Name, 1); err != nil || v.Source != "rollback" || v.Number != 3 {
		t.Errorf("%+v %v", v, err)
	}
	req = request("/x")
	if _, f := recv(t, tn, req, ""); f != nil || value(&req.Header, "X-Sum") != "5 5 2" || value(&req.Header, "X-Part") != "one" {
		t.Errorf("%v %s", f, fields(&req.Header))
	}
	give(t, s, m.Name, guest(t, "store_sum", "-DFORGET"))
	if got := sum(t, tn, "/x"); got != "1 1 0" {
		t.Errorf("a program without hand-over %q", got)
	}
	list := s.Versions(m.Name)
	if len(list) != 4 || list[0].Number != 4 || !list[0].Current || list[3].Source != "file" || list[0].Author != "me" {
		t.Errorf("%+v", list)
	}
}

// TestUpdatesUnderWritersLoseNothing: while writers add to a sum in storage, the
// program is replaced a hundred times. Every addition that was answered counts.
func TestUpdatesUnderWritersLoseNothing(t *testing.T) {
	elfs := [][]byte{guest(t, "store_sum"), guest(t, "store_sum", `-DPART="two"`)}
	s, m := sumSet(t, map[string][]byte{"sum": elfs[0]}, nil)
	tn := s.Tenant(m.Name)
	var added atomic.Int64
	stop := make(chan struct{})
	var g sync.WaitGroup
	for range 4 {
		g.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r, f := tn.Admit(context.Background())
				if f != nil {
					t.Error(f)
					return
				}
				if _, f := r.OnRecv(context.Background(), request("/x"), ""); f != nil {
					t.Error(f)
				} else {
					added.Add(1)
				}
				r.Release()
			}
		})
	}
	for i := range 100 {
		if _, err := updateTenant(s, m.Name, elfs[(i+1)%2], UpdateOptions{}); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	g.Wait()
	if got, want := sum(t, tn, "/read"), fmt.Sprintf("%d %d 100", added.Load(), added.Load()); got != want {
		t.Errorf("sum %s, want %s", got, want)
	}
	if n := len(s.Versions(m.Name)); n != keptVersions {
		t.Errorf("%d versions kept", n)
	}
}

func TestUpdatesAreLimited(t *testing.T) {
	hello := program(t, "hello")
	public, private, _ := ed25519.GenerateKey(nil)
	files := map[string][]byte{"sum": hello, "sum.sig": Sign(private, "store_sum", hello)}
	s, m := sumSet(t, files, func(m *model.Tenant) {
		m.Key = base64.StdEncoding.EncodeToString(public)
		m.Update = model.UpdateLimit{Size: int64(len(hello)), Rate: 1e-9}
	})
	signed := func(name string) UpdateOptions { return UpdateOptions{Signature: Sign(private, name, hello)} }
	text := UpdateOptions{Signature: []byte(base64.StdEncoding.EncodeToString(signed(m.Name).Signature) + "\n")}
	for i, c := range []struct {
		name string
		elf  []byte
		o    UpdateOptions
		want error
	}{
		{"nobody", hello, signed("nobody"), ErrNoTenant},
		{m.Name, append([]byte{0}, hello...), UpdateOptions{}, ErrSize},
		{m.Name, hello, signed(m.Name), nil},
		{m.Name, hello, signed("other"), ErrSignature},
		{m.Name, hello, text, nil},
		{m.Name, hello, signed(m.Name), ErrRate},
	} {
		if _, err := updateTenant(s, c.name, c.elf, c.o); !errors.Is(err, c.want) {
			t.Errorf("%d: %v, want %v", i, err, c.want)
		}
	}
	delete(files, "sum.sig")
	if err := s.Try(context.Background(), m.Name, "hello", hello, signed("other").Signature, 0.5); !errors.Is(err, ErrSignature) {
		t.Errorf("a candidate that nobody signed: %v", err)
	}
	if err := s.Try(context.Background(), m.Name, "hello", hello, signed(m.Name).Signature, 0.5); err != nil {
		t.Errorf("a candidate: %v", err)
	}
	if _, errs := s.Prepare(context.Background(), []*model.Tenant{m}); len(errs) != 1 || !errors.Is(errs[0], ErrSignature) {
		t.Error(errs)
	}
	files["sum.sig"] = make([]byte, 64)
	if _, errs := s.Prepare(context.Background(), []*model.Tenant{m}); len(errs) != 1 || !errors.Is(errs[0], ErrSignature) {
		t.Error(errs)
	}
}

func TestUpdatesSurviveReloads(t *testing.T) {
	one, two, three := guest(t, "store_sum"), guest(t, "store_sum", `-DPART="two"`), guest(t, "store_sum", `-DPART="three"`)
	files := map[string][]byte{"sum": one}
	s, m := sumSet(t, files, nil)
	part := func() string {
		t.Helper()
		req := request("/x")
		if _, f := recv(t, s.Tenant(m.Name), req, ""); f != nil {
			t.Fatal(f)
		}
		return value(&req.Header, "X-Part") + " " + value(&req.Header, "X-Sum")
	}
	part()
	give(t, s, m.Name, two)
	load(t, s, withGiven(s, m))
	if got := part(); got != "two 2 2 1" {
		t.Errorf("after a reload of the same %q", got)
	}
	changed := *m
	changed.Instructions++
	load(t, s, withGiven(s, &changed))
	if got := part(); got != "two 3 3 2" {
		t.Errorf("after a reload with another limit %q", got)
	}
	files["sum"] = three
	load(t, s, &changed)
	if got := part(); got != "three 4 4 3" {
		t.Errorf("after the file changed %q", got)
	}
	if list := s.Versions(m.Name); list[0].Source != "file" || list[0].Number != 3 {
		t.Errorf("%+v", list)
	}
	// An update that is given up after its state was handed over changes nothing.
	g := bagOf(s)
	offer, err := s.Offer(m.Name, two, UpdateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.Expect(offer)
	g.keep(offer.SHA256, offer.ELF())
	next := changed
	next.Given = offer.Given("")
	u, errs := s.Prepare(context.Background(), []*model.Tenant{&next})
	if errs != nil {
		t.Fatal(errs)
	}
	u.Abort()
	if got := part(); got != "three 5 5 3" {
		t.Errorf("after an update that was given up %q", got)
	}
	give(t, s, m.Name, two)
	if got := part(); got != "two 6 6 4" {
		t.Errorf("after an update %q", got)
	}
}

func TestCodeIsShared(t *testing.T) {
	hello := program(t, "hello")
	s := filesSet(map[string][]byte{"a": hello, "b": append([]byte(nil), hello...)})
	defer s.Close()
	load(t, s, named("a", false), named("b", false))
	if s.Tenant("a").current.Load().code != s.Tenant("b").current.Load().code {
		t.Error("the same program was decoded twice")
	}
}

// BenchmarkUpdate is one live update of a small program with hand-over.
func BenchmarkUpdate(b *testing.B) {
	elfs := [][]byte{guest(b, "store_sum"), guest(b, "store_sum", `-DPART="two"`)}
	s, m := sumSet(b, map[string][]byte{"sum": elfs[0]}, nil)
	i := 0
	for b.Loop() {
		i++
		give(b, s, m.Name, elfs[i%2])
	}
}

// BenchmarkRemote is on_recv with and without a call into storage.
func BenchmarkRemote(b *testing.B) {
	s, m := sumSet(b, map[string][]byte{"sum": guest(b, "store_sum")}, nil)
	for _, path := range []string{"/plain", "/x", "/text/a"} {
		b.Run(path[1:], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, f := recv(b, s.Tenant(m.Name), request(path), ""); f != nil {
					b.Fatal(f)
				}
			}
		})
	}
}
