package tenant

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/tenant/kv"
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
	code    *code
	program *riscv.Program // of code
	storage *storage
	shadow  bool      // a candidate: nothing that it does has effects
	warms   bool      // and it is asked nothing but warm-up requests
	store   *kv.Store // of the tenant, nil: it has none
	frozen  *riscv.Image
	tape    *tape  // while main runs
	began   []byte // what main learned, as recordings need it; nil: nobody does
	memento memento
	wants   Later // what the program is to be asked after on_recv
	calls   *dispatchTable
	look    CacheLook // nil: nothing is ever found
	objects Objects   // nil: nothing is stored
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
	warmth  *warmth
	heat    atomic.Uint32 // see warmth
	retired atomic.Bool
}

// newImage runs the start-up code of a program to the wait call, in the storage
// machine and then in the one for requests. With keep the storage machine stays.
func newImage(ctx context.Context, t *model.Tenant, c *code, s *Set, st *stats, store *kv.Store, keep bool) (*image, error) {
	t = withDefaults(t)
	st.limit(t.LogRate)
	st.rate.limit(t.Rate)
	im := &image{
		tenant: t, code: c, program: c.program, calls: s.calls, look: s.o.CacheLook, permits: s.permits, stats: st, made: time.Now(),
		account: permit.NewAccount(t.Share), store: store, narrow: c.program.XLEN() == 32,
		warmth: s.warmth,
	}
	im.objects, im.regexes.Parent = s.o.Objects, &s.patterns
	im.clock = clockSince(im.made)
	im.storage = newStorage(im)
	im.tape = s.startTape(st, t.Debug.Ring, t.Debug.Record > 0 || t.Debug.OnFault)
	if err := im.start(ctx, keep); err != nil {
		im.storage.close()
		return nil, fmt.Errorf("start guest %q: %w", t.Name, err)
	}
	im.leaveStart()
	// An exchange may hold an image after it was replaced, so its memory lives as
	// long as anybody can reach it.
	runtime.AddCleanup(im, func(f *riscv.Image) { f.Keep(0); f.Close() }, im.frozen)
	runtime.AddCleanup(im, func(h *keeper) { h.close() }, im.storage.held)
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

// start runs main twice, as the ABI has it: storage first. Both machines write to
// one table of callbacks and one of functions, so the one for requests has the
// last word.
func (im *image) start(ctx context.Context, keep bool) error {
	first, err := im.boot(ctx, forStorage, memento{bearings: bearings{functions: map[string]uint64{}}})
	if err != nil {
		return fmt.Errorf("as storage: %w", err)
	}
	// Whether the program hands state over is known when both have registered.
	if keep {
		im.storage.adopt(first)
	} else {
		first.m.Close()
	}
	v, err := im.boot(ctx, forRequests, first.memento)
	if err != nil {
		return err
	}
	defer v.m.Close()
	im.startup = v.m.Instret
	return im.freeze(v)
}

// boot makes a machine and runs main in it to the wait call. What was registered
// before is kept. A program for whose mappings there is too little room begins
// once more, with more.
func (im *image) boot(ctx context.Context, as role, before memento) (*vm, error) {
	v, err := im.bootOnce(ctx, as, before)
	if errors.Is(err, errNarrow) && !im.wide {
		im.wide = true
		return im.bootOnce(ctx, as, before)
	}
	return v, err
}

func (im *image) bootOnce(ctx context.Context, as role, before memento) (*vm, error) {
	base := im.program.HeapStart
	if as != forRequests {
		base = storageBase(im.program)
	}
	top := base + brkWindow + stackSize
	heapBase := top + exitPage
	mmapBase, window := heapBase+heapWindow, uint64(mmapWindow)
	if im.wide {
		window = wideWindow
	}
	o := riscv.Options{
		MemoryLimit:  uint64(im.tenant.Memory),
		AddressSpace: mmapBase + window,
		Backing:      im.warmth.backing,
	}
	if im.tenant.JIT == "off" {
		o.JIT = riscv.JITOff
	}
	m, err := riscv.NewMachine(im.program, o)
	if err != nil {
		return nil, err
	}
	v := &vm{m: m, image: im, decision: decision{backend: -1}, role: as}
	v.bearings = bearings{
		exit: top, stackTop: top, brkBase: base, heapBase: heapBase, heapEnd: heapBase + heapWindow,
		mmapBase: mmapBase, mmapNext: mmapBase, mmapEnd: mmapBase + window, wide: im.wide,
		functions: maps.Clone(before.functions), callbacks: before.callbacks,
	}
	if addr, ok := im.program.Lookup("fast_exit"); ok {
		v.exit = addr
	}
	v.heap.Reset(v.heapBase, heapWindow)
	m.Time = im.clock
	v.tapes(im.tape)
	if err := im.runMain(ctx, v); err != nil {
		m.Close()
		return nil, err
	}
	return v, nil
}

func (im *image) runMain(ctx context.Context, v *vm) error {
	if err := v.processStack(); err != nil {
		return err
	}
	v.limit = im.tenant.Instructions
	if f := v.run(ctx); f != nil {
		if !errors.Is(f.Err, errNarrow) {
			im.stats.stopped(f.Cause)
		}
		return f.Err
	}
	im.stats.add(metrics.TenantCalls+3, 1)
	if !v.waiting {
		return errors.New("the program ended without waiting for requests: did it call wait_for_requests?")
	}
	return nil
}

func (im *image) freeze(v *vm) (err error) {
	v.settle()
	im.memento, im.wants = v.memento, v.later()
	// Forks allocate from the high-water mark of main, so a block of main's is
	// never handed out again.
	im.memento.heapBase = v.heap.Top()
	if im.frozen, err = v.m.Freeze(); err != nil {
		return err
	}
	im.frozen.Keep(im.tenant.Concurrency)
	im.measure()
	return nil
}

// measure shows what the image takes.
func (im *image) measure() {
	if im != nil {
		im.stats.set(metrics.TenantMemory, int64(im.frozen.Pages())*pageSize)
	}
}

// clockSince is what a guest reads from the CSR time: microseconds since its
// image was made, coarsened. It does not refer to the image: the storage machine
// has it, and is closed when nobody can reach the image any more.
func clockSince(made time.Time) func() uint64 {
	return func() uint64 { return uint64(time.Since(made).Microseconds()) &^ 3 }
}

// now is time.Now for who asks for no more than differences: that reads two
// clocks of the host, this one.
func (im *image) now() time.Time { return im.made.Add(time.Since(im.made)) }

// take gives a fork: a machine, and the host's half of one.
func (im *image) take() (*vm, error) {
	im.warmth.use(im, &im.heat)
	m, err := im.frozen.Fork()
	if err != nil {
		return nil, fmt.Errorf("fork guest %q: %w", im.tenant.Name, err)
	}
	m.Time = im.clock
	v, _ := im.free.Get().(*vm)
	if v == nil {
		v = &vm{image: im, shard: metrics.NewShard()}
		v.reset()
	}
	v.m, v.pages = m, freePages
	m.Mem.Allow(freePages)
	v.count(metrics.TenantForks, 1)
	return v, nil
}

// give takes a fork back. Its machine waits in the image, cleaned, for the next
// fork; so does the host's half.
func (im *image) give(v *vm) {
	if n := v.m.Mem.Dirty(); n > 0 {
		v.count(metrics.TenantDirty, int64(n))
	}
	im.clean(v)
	v.m = nil
	v.reset()
	im.free.Put(v)
}

// clean closes a fork's machine. To clean many pages takes as long as slices do,
// and needs a permit as they do; the call paid for it. Who does not get one soon
// cleans nonetheless: the memory is wanted.
func (im *image) clean(v *vm) {
	if v.m.Mem.Dirty() > freePages && im.permits != nil && im.permits.Acquire(context.Background(), im.account, time.Now().Add(cleanWait)) {
		defer im.permits.Release()
	}
	v.m.Close()
}

// retire keeps no memory for forks any more. The image can still be forked, by
// an exchange that holds it.
func (im *image) retire() {
	im.retired.Store(true)
	im.frozen.Keep(0)
}

// count adds to one of the tenant's counters.
func (im *image) count(i int, n int64) { im.stats.add(i, n) }

// count is image.count for what each call does.
func (v *vm) count(i int, n int64) { v.image.stats.cells.Add(v.shard, i, n) }
