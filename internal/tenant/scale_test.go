package tenant

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"fishplate/internal/model"
)

const (
	manyTenants  = 1000
	manyPrograms = 100

	// perTenant bounds what a tenant costs that served a request: 2 GiB for ten
	// thousand of them are 209 KiB each.
	perTenant = 160 << 10
)

// memoryOf returns a size from /proc/self/status in bytes, 0 where there is none.
func memoryOf(field string) (n int64) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			_, _ = fmt.Sscan(v, &n) // a number of KiB
		}
	}
	return n << 10
}

func hostMappings() int {
	b, _ := os.ReadFile("/proc/self/maps") // none elsewhere
	return bytes.Count(b, []byte{'\n'})
}

// manyModels are n tenants of 100 programs, told apart by an argument.
func manyModels(t testing.TB, n int) (map[string][]byte, []*model.Tenant) {
	base, err := os.ReadFile(guestModel("hello").Program)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for i := range manyPrograms {
		files[fmt.Sprint("p", i)] = append(bytes.Clone(base), fmt.Sprint(i)...) // loaders read what the headers name
	}
	list := make([]*model.Tenant, n)
	for i := range list {
		m := guestModel("hello")
		m.Name, m.Program, m.FromFile = fmt.Sprint("t", i), fmt.Sprint("p", i%manyPrograms), true
		m.Arguments = []string{fmt.Sprint("argument ", i)}
		list[i] = m
	}
	return files, list
}

// asksAll has every tenant answer a request.
func asksAll(t testing.TB, s *Set, n int) {
	for i := range n {
		req := request("/hello")
		if d, f := recv(t, s.Tenant(fmt.Sprint("t", i)), req, ""); f != nil || d.Kind != Forge || value(&req.Header, "X-Hello") != "world" {
			t.Fatalf("tenant %d: %v %v", i, d, f)
		}
	}
}

// up waits until the background has nothing left to do.
func up(s *Set) {
	for {
		s.starts.mu.Lock()
		busy := s.starts.busy
		s.starts.mu.Unlock()
		if !busy {
			return
		}
		runtime.Gosched()
	}
}

func TestManyTenants(t *testing.T) {
	files, list := manyModels(t, manyTenants)
	files["broken"] = []byte("no program")
	files["quits"] = program(t, "nowait")
	for i, name := range []string{"broken", "quits"} {
		m := *list[0]
		m.Name, m.Program = name, name
		list = append(list[:500*i], append([]*model.Tenant{&m}, list[500*i:]...)...)
	}
	s := filesSet(files)
	defer s.Close()
	s.warmth.most = 2000
	debug.FreeOSMemory()
	before, maps := memoryOf("VmRSS"), hostMappings()
	load(t, s, list...)
	asksAll(t, s, manyTenants) // some before their turn
	up(s)
	debug.FreeOSMemory()
	if each := (memoryOf("VmRSS") - before) / manyTenants; each > perTenant {
		t.Errorf("a tenant takes %d KiB, at most %d", each>>10, perTenant>>10)
	} else {
		t.Logf("a tenant takes %d KiB", each>>10)
	}
	if n := s.warmth.backing.Mappings(); runtime.GOOS == "linux" && (n == 0 || n > 2000+100) {
		t.Errorf("idle forks consist of %d mappings", n)
	}
	// One for the image of each, and room for what others left.
	if n := hostMappings() - maps; n > manyTenants+2000+500 {
		t.Errorf("the process has %d mappings more", n)
	}
	states := map[string]int{}
	for _, st := range s.Status() {
		states[st.State]++
	}
	if states["ready"] != manyTenants || states["failed"] != 2 {
		t.Errorf("states are %v", states)
	}
	first := s.Tenant("t0").current.Load()
	load(t, s, list...)
	if s.Starting() != 0 || s.Tenant("t0").current.Load() != first {
		t.Error("a reload without a change started programs")
	}
	asksAll(t, s, manyTenants)
}

// TestSlowStartsAreLeft leaves programs to the background once others have taken
// the time that anybody may be kept waiting for.
func TestSlowStartsAreLeft(t *testing.T) {
	files, list := manyModels(t, 5)
	s := filesSet(files)
	defer s.Close()
	s.starts.busy = true // nobody drains the queue
	s.starts.within = 0  // the first takes some
	load(t, s, list...)
	if n := s.Starting(); n != 4 {
		t.Errorf("%d are starting", n)
	}
}

func TestRequestsStartTenants(t *testing.T) {
	files, list := manyModels(t, startsAtOnce+20)
	last := list[len(list)-1]
	last.Concurrency, last.QueueLimit = 1, 2
	s := filesSet(files)
	defer s.Close()
	s.starts.busy = true // nobody drains the queue
	s.starts.within = time.Hour
	load(t, s, list...)
	tn := s.Tenant(last.Name)
	if st := tn.Status(); st.State != "starting" || s.Starting() != 20 {
		t.Fatalf("%+v, %d are starting", st, s.Starting())
	}
	// As many as may wait do, and get their answers; the next is refused.
	gone, cancel := context.WithCancel(context.Background())
	st := tn.starting.Load()
	for range cap(s.starts.mains) {
		s.starts.mains <- struct{}{} // other programs are being started
	}
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			ctx := context.Background()
			if i == 0 {
				ctx = gone
			}
			r, f := tn.Admit(ctx)
			if i == 0 && (f == nil || f.Cause != "guest-queue-time") || i != 0 && f != nil {
				t.Errorf("request %d: %v", i, f)
			}
			if r != nil {
				r.Release()
			}
		})
	}
	for st.waiting.Load() != 3 {
		runtime.Gosched()
	}
	if _, f := tn.Admit(context.Background()); f == nil || f.Cause != "guest-queue-full" {
		t.Errorf("one too many: %v", f)
	}
	cancel()
	for st.waiting.Load() != 2 {
		runtime.Gosched()
	}
	for range cap(s.starts.mains) {
		<-s.starts.mains
	}
	wg.Wait()
	if st := tn.Status(); st.State != "ready" {
		t.Errorf("%+v", st)
	}
	if _, f := recv(t, tn, request("/"), ""); f != nil {
		t.Error(f)
	}
}

func TestManyChangesKeepServing(t *testing.T) {
	files, list := manyModels(t, startsAtOnce+8)
	s := filesSet(files)
	defer s.Close()
	load(t, s, list...)
	up(s)
	s.starts.busy = true
	for i := range list {
		m := *list[i]
		m.Instructions++
		list[i] = &m
	}
	load(t, s, list...)
	last := s.Tenant(list[len(list)-1].Name)
	old := last.current.Load()
	if st := last.Status(); st.State != "starting" || s.Starting() != 8 {
		t.Fatalf("%+v", st)
	}
	if _, f := recv(t, last, request("/"), ""); f != nil { // by the old image
		t.Error(f)
	}
	// An update by the API comes first: the background leaves it alone.
	if _, err := updateTenant(s, last.Name(), program(t, "loop"), UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	last = s.Tenant(last.Name())
	given := last.current.Load()
	s.starts.drain()
	if now := last.current.Load(); now == old || now != given || last.Status().State != "ready" {
		t.Errorf("%+v", last.Status())
	}
	for _, m := range list {
		if im := s.Tenant(m.Name).current.Load(); im.tenant.Instructions != m.Instructions {
			t.Errorf("%s runs within %d instructions", m.Name, im.tenant.Instructions)
		}
	}
}

func TestColdImagesGiveBack(t *testing.T) {
	files, list := manyModels(t, 8)
	s := filesSet(files)
	defer s.Close()
	load(t, s, list...)
	asksAll(t, s, 8)
	s.warmth.most = 1
	for i := range 8 { // every other has been used since the hand came by
		s.Tenant(fmt.Sprint("t", i)).current.Load().heat.CompareAndSwap(hot, uint32(1+i%2))
	}
	extra := named("extra", false)
	extra.Program = "p1"
	load(t, s, append(list, extra)...)
	if _, f := recv(t, s.Tenant("extra"), request("/"), ""); f != nil {
		t.Fatal(f)
	}
	idle := 0
	for i := range 8 {
		idle += s.Tenant(fmt.Sprint("t", i)).current.Load().frozen.Stats().Idle
	}
	if runtime.GOOS == "linux" && idle > 1 {
		t.Errorf("%d images keep memory of forks", idle)
	}
	asksAll(t, s, 8)
}

// BenchmarkTenant prints what one tenant costs: to start, to load again
// unchanged, and to update among many.
func BenchmarkTenant(b *testing.B) {
	files, list := manyModels(b, manyTenants)
	s := filesSet(files)
	defer s.Close()
	load(b, s, list...)
	up(s)
	b.Run("update", func(b *testing.B) {
		elf := files["p1"]
		for b.Loop() {
			if _, err := updateTenant(s, "t7", elf, UpdateOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reload", func(b *testing.B) {
		for b.Loop() {
			load(b, s, list...)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*manyTenants), "ns/tenant")
	})
}
