package tenant

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/tenant/heap"
	"fishplate/riscv"
)

const (
	lineCost      = 200     // instructions of a line of the log
	remoteCost    = 4000    // instructions that a call into storage costs beside its own
	cleanupBudget = 64_000  // instructions of what follows the first STOP of a call by text
	storageFloor  = 2 << 30 // address above which storage machines have heap, stack and mappings
)

// storage is the machine of a program that lives until the next update: main
// ran in it with RISCV_MODE=storage, and forks call functions in it, one at a
// time. It is made when somebody uses it: most programs never do, and of main's
// first run, which fills the table of callbacks, nothing else is wanted.
//
// Its heap, stack and mappings lie above those of the machines for requests, so
// that during a REMOTECALL the caller's are seen at their own addresses, and no
// address means two things but those of the program's own data.
type storage struct {
	image *image
	// turn has one element; who takes it may use everything below. Waiters are
	// served in order of arrival.
	turn   chan struct{}
	held   *keeper
	v      *vm // nil: not started
	rest   riscv.Registers
	moved  *image // where the state went
	failed error  // why it cannot be started
	gated  bool   // who prepared the image has the turn, until it is committed
	tried  bool   // it was in use before that, by those who met its generation first

	used atomic.Bool // somebody called into it, or state was handed to it
}

// keeper has the machine of a storage. It does not refer to the image, so that a
// clean-up of the image may hold it.
type keeper struct{ m *riscv.Machine }

func (h *keeper) close() {
	if h.m != nil {
		h.m.Close()
		h.m = nil
	}
}

func newStorage(im *image) *storage {
	s := &storage{image: im, turn: make(chan struct{}, 1), held: new(keeper)}
	s.turn <- struct{}{}
	return s
}

// storageBase is where heap, stack and mappings of a storage machine begin.
func storageBase(p *riscv.Program) uint64 {
	above := p.HeapStart + brkWindow + stackSize + exitPage + heapWindow + mmapWindow
	if p.XLEN() == 32 {
		return above
	}
	return max(above, storageFloor)
}

// mode is what main finds in its environment.
func (v *vm) mode() string {
	if v.isStorage() {
		return "RISCV_MODE=storage"
	}
	return "RISCV_MODE=request"
}

// role is what a machine is for.
type role uint8

const (
	forRequests role = iota
	forStorage
	quietStorage // the same; what main prints was printed when it ran first
)

// print writes to the tenant's log.
func (v *vm) print(text []byte) {
	if v.role != quietStorage || v.stage != stageStart {
		v.image.stats.print(text)
	}
}

// isStorage says whether this is the storage machine.
func (v *vm) isStorage() bool { return v.role != forRequests }

// adopt makes a machine whose main has run the storage.
func (s *storage) adopt(v *vm) {
	s.v, s.held.m, s.rest = v, v.m, v.m.Save()
}

// close gives the machine up. The caller has the turn, or nobody can have it.
func (s *storage) close() {
	s.held.close()
	s.v = nil
}

// before is a storage machine at one moment, and the host's half of it then.
type before struct {
	m       *riscv.Machine
	memento memento
	heap    heap.Heap
	used    bool
}

// stepAside lets the storage go on in a copy of its machine, which comeBack gives
// up. The caller has the turn.
func (s *storage) stepAside() (before, error) {
	im, err := s.v.m.Freeze()
	if err != nil {
		return before{}, err
	}
	defer im.Close() // the copy keeps what it needs
	m, err := im.Fork()
	if err != nil {
		return before{}, err
	}
	m.Time = s.image.clock
	b := before{m: s.v.m, memento: s.v.memento, heap: s.v.heap.Clone(), used: s.used.Load()}
	b.memento.functions = maps.Clone(b.memento.functions)
	s.v.m = m
	return b, nil
}

// comeBack makes the machine what it was. What on_live_update did outside of it,
// to keys and values for example, stays.
func (s *storage) comeBack(b before) {
	s.v.m.Close()
	s.v.m, s.v.memento, s.v.heap = b.m, b.memento, b.heap
	s.used.Store(b.used)
}

// wake starts the machine unless it runs. The caller has the turn.
func (s *storage) wake() error {
	if s.v != nil || s.failed != nil {
		return s.failed
	}
	v, err := s.image.boot(context.Background(), quietStorage, memento{bearings: bearings{functions: map[string]uint64{}}})
	if err != nil {
		s.failed = fmt.Errorf("start storage: %w", err)
		return s.failed
	}
	s.adopt(v)
	return nil
}

// take waits for the turn until the deadline.
func (s *storage) take(ctx context.Context, deadline time.Time) error {
	select {
	case <-s.turn:
		return nil
	default:
	}
	began, st := time.Now(), s.image.stats
	st.add(metrics.TenantStorageWaits, 1)
	defer func() { st.add(metrics.TenantStorageTime, int64(time.Since(began))) }()
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-s.turn:
		return nil
	case <-timer.C:
		return &trap{cause: "guest-time", text: "the storage was busy until the time was used up"}
	case <-ctx.Done():
		return &trap{cause: "guest-cancelled", text: "the client left"}
	}
}

func (s *storage) leave() { s.turn <- struct{}{} }

// enter takes the turn of the storage that has the state now, started. The
// caller must leave it.
func (s *storage) enter(ctx context.Context, deadline time.Time) (*storage, error) {
	for {
		if err := s.take(ctx, deadline); err != nil {
			return nil, err
		}
		next := s.moved
		if next == nil {
			if err := s.wake(); err != nil {
				s.leave()
				return nil, trapf("%v", err)
			}
			return s, nil
		}
		s.leave()
		s = next.storage
	}
}

// call runs a function of the storage's program from where main stopped. It
// returns what it cost. since is when the caller's time began.
func (s *storage) call(ctx context.Context, since time.Time, fn uint64, args ...uint64) (uint64, error) {
	v := s.v
	s.used.Store(true)
	s.image.stats.add(callStorage, 1)
	ran := v.m.Instret
	v.m.Restore(&s.rest)
	v.m.Instret = ran
	v.enter(fn, 0, 0, 0)
	copy(v.m.X[10:18], args)
	return s.run(ctx, since)
}

// run continues the machine within the limit that is set.
func (s *storage) run(ctx context.Context, since time.Time) (uint64, error) {
	v := s.v
	before := v.m.Instret
	v.stage, v.taken = stageStorage, since
	err := v.paced(ctx)
	if err == errStop {
		err = nil
	}
	if err != nil {
		err = v.storageTrap(err)
	}
	return v.m.Instret - before, err
}

// storageTrap says that an error is of the storage machine, and where it was.
func (v *vm) storageTrap(err error) error {
	t := &trap{cause: "guest-fault", text: fmt.Sprintf("storage: %v at pc %s", err, v.where(v.m.PC))}
	if inner, ok := err.(*trap); ok {
		t.cause = inner.cause
	}
	return t
}

// translate finds the function of another version of a program: by its address
// when it is the same, else by its name.
func translate(from, to *image, fn uint64) (uint64, error) {
	if from.code == to.code {
		return fn, nil
	}
	if name, off := from.program.Symbol(fn); name != "" && off == 0 {
		if addr, ok := to.program.Lookup(name); ok {
			return addr, nil
		}
	}
	return 0, trapf("function %#x is not one of the program that the storage was handed over to", fn)
}

// withheld answers the calls that a storage machine, which has no request, and a
// candidate, which may have no effect, are refused; it returns false for others.
func (v *vm) withheld(n uint64) bool {
	bodies := n >= 680 && n < 690
	asks := n >= 618 && n < 640 || bodies // backends, fetches
	switch {
	case v.stage == stageStorage && asks:
		v.code(errStage)
	case !v.image.shadow:
		return false
	case bodies && v.image.warms: // nobody's: they end in the warm-up
		return false
	case asks && n >= 623 || n == 670 || n == 671 || n == 672 || n == 673:
		v.code(errDenied)
	case n == 513 || n == 553 || n == 554: // a ban, a field of the log, a counter
		v.result(0)
	default:
		return false
	}
	return true
}
