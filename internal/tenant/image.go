package tenant

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/tenant/permit"
	"fishplate/internal/tenant/text"
	"fishplate/riscv"
)

// The layout above a program, in bytes (guest ABI §1.4).
const (
	brkWindow  = 1 << 20
	stackSize  = 1 << 20
	pageSize   = 4096
	exitPage   = pageSize
	heapWindow = 512 << 20
	mmapWindow = 256 << 20
)

// image is a program after its start-up code, frozen, and the host's halves of
// forks that are free. Its machine memory is outside the collector's sight:
// retire gives up what waits for forks, the tenant's clean-up the image.
type image struct {
	tenant  *model.Tenant
	program *riscv.Program
	frozen  *riscv.Image
	memento memento
	calls   *dispatchTable
	look    CacheLook // nil: nothing is ever found
	permits *permit.Permits
	account *permit.Account
	stats   *stats
	regexes text.Cache
	startup uint64 // instructions of main
	made    time.Time
	narrow  bool          // a 32-bit program
	wide    bool          // it needs wideWindow
	clock   func() uint64 // of every fork
	free    sync.Pool     // of *vm without a machine, reset
}

// newImage loads a program and runs its start-up code to the wait call.
func newImage(t *model.Tenant, elf []byte, s *Set, st *stats) (*image, error) {
	program, err := riscv.LoadProgram(elf)
	if err != nil {
		return nil, fmt.Errorf("load guest %q: %w", t.Name, err)
	}
	t = withDefaults(t)
	im := &image{
		tenant: t, program: program, calls: s.calls, look: s.o.CacheLook, permits: s.permits, stats: st, made: time.Now(),
		account: permit.NewAccount(t.Share), narrow: program.XLEN() == 32,
	}
	im.clock = im.sinceMade
	if err := im.start(); err != nil {
		return nil, fmt.Errorf("start guest %q: %w", t.Name, err)
	}
	return im, nil
}

// withDefaults fills in the limits that a model built by hand leaves out.
func withDefaults(t *model.Tenant) *model.Tenant {
	full := *t
	if full.Memory <= 0 {
		full.Memory = 64 << 20
	}
	if full.Instructions == 0 {
		full.Instructions = 20_000_000
	}
	if full.Time <= 0 {
		full.Time = time.Second
	}
	if full.Concurrency <= 0 {
		full.Concurrency = 64
	}
	return &full
}

// start runs main in a first machine and freezes it. A program for whose
// mappings there is too little room begins once more, with more.
func (im *image) start() error {
	err := im.startOnce()
	if errors.Is(err, errNarrow) && !im.wide {
		im.wide = true
		return im.startOnce()
	}
	return err
}

func (im *image) startOnce() error {
	base := im.program.HeapStart
	top := base + brkWindow + stackSize
	heapBase := top + exitPage
	mmapBase, window := heapBase+heapWindow, uint64(mmapWindow)
	if im.wide {
		window = wideWindow
	}
	o := riscv.Options{
		MemoryLimit:  uint64(im.tenant.Memory),
		AddressSpace: mmapBase + window,
	}
	if im.tenant.JIT == "off" {
		o.JIT = riscv.JITOff
	}
	m, err := riscv.NewMachine(im.program, o)
	if err != nil {
		return err
	}
	defer m.Close()
	v := &vm{m: m, image: im, decision: decision{backend: -1}}
	v.memento = memento{
		exit: top, stackTop: top, brkBase: base, heapBase: heapBase, heapEnd: heapBase + heapWindow,
		mmapBase: mmapBase, mmapNext: mmapBase, mmapEnd: mmapBase + window, wide: im.wide,
		functions: map[string]uint64{},
	}
	if addr, ok := im.program.Lookup("fast_exit"); ok {
		v.exit = addr
	}
	v.heap.Reset(v.heapBase, heapWindow)
	m.Time = im.clock
	if err := v.processStack(); err != nil {
		return err
	}
	v.limit = im.tenant.Instructions
	if f := v.run(context.Background()); f != nil {
		if !errors.Is(f.Err, errNarrow) {
			im.stats.stopped(f.Cause)
		}
		return f.Err
	}
	im.stats.add(metrics.TenantCalls+3, 1)
	if !v.waiting {
		return errors.New("the program ended without waiting for requests: did it call wait_for_requests?")
	}
	im.startup = m.Instret
	return im.freeze(v)
}

func (im *image) freeze(v *vm) (err error) {
	v.settle()
	im.memento = v.memento
	// Forks allocate from the high-water mark of main, so a block of main's is
	// never handed out again.
	im.memento.heapBase = v.heap.Top()
	if im.frozen, err = v.m.Freeze(); err != nil {
		return err
	}
	im.frozen.Keep(im.tenant.Concurrency)
	im.stats.set(metrics.TenantMemory, int64(im.frozen.Pages())*pageSize)
	return nil
}

// sinceMade is what a guest reads from the CSR time: microseconds since its
// image was made, coarsened.
func (im *image) sinceMade() uint64 { return uint64(time.Since(im.made).Microseconds()) &^ 3 }

// take gives a fork: a machine, and the host's half of one.
func (im *image) take() (*vm, error) {
	im.stats.add(metrics.TenantForks, 1)
	m, err := im.frozen.Fork()
	if err != nil {
		return nil, fmt.Errorf("fork guest %q: %w", im.tenant.Name, err)
	}
	m.Time = im.clock
	v, _ := im.free.Get().(*vm)
	if v == nil {
		v = &vm{image: im}
		v.reset()
	}
	v.m = m
	return v, nil
}

// give takes a fork back. Its machine waits in the image, cleaned, for the next
// fork; so does the host's half.
func (im *image) give(v *vm) {
	im.stats.add(metrics.TenantDirty, int64(v.m.Mem.Dirty()))
	v.m.Close()
	v.m = nil
	v.reset()
	im.free.Put(v)
}

// retire keeps no memory for forks any more. The image can still be forked, by
// an exchange that holds it.
func (im *image) retire() { im.frozen.Keep(0) }

// count adds to one of the tenant's counters.
func (im *image) count(i int, n int64) { im.stats.add(i, n) }
