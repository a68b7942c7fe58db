package tenant

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

const (
	// startsAtOnce is how many new or changed tenants of tenants files one Prepare
	// starts itself, so that few tenants are up, and their errors known, before
	// anybody sees them. The others start behind Commit.
	startsAtOnce = 32

	// startsWithin bounds the time of that: a few programs that never come to their
	// wait would keep everybody from being served.
	startsWithin = 500 * time.Millisecond

	// A start in the background is followed by a rest of this part of the time that
	// it took, in which a server on one processor looks at its connections.
	restPart = 4
)

// starter starts a tenant's program that nobody has started yet: in the
// background, or for the first request, whichever comes first.
type starter struct {
	set    *Set
	tenant *Tenant
	code   *code
	before *image // what runs until then; nil: nothing

	once    sync.Once
	done    chan struct{} // closed when it was tried
	dropped atomic.Bool   // the configuration has another tenant of the name
	waiting atomic.Int64  // requests
}

// starts is the work that Commit leaves behind: one goroutine, while there is
// some, starts what no request has asked for, in order.
type starts struct {
	mains  chan struct{} // a place for each start that requests wait for
	within time.Duration // startsWithin

	work   sync.WaitGroup
	life   context.Context // ends with close, and what is being started with it
	end    context.CancelFunc
	mu     sync.Mutex
	queue  []*starter
	busy   bool
	closed bool
}

func newStarts() *starts {
	s := &starts{mains: make(chan struct{}, max(runtime.GOMAXPROCS(0)-1, 1)), within: startsWithin}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// later returns a tenant whose program is started behind Commit. What ran before
// serves until then, within the limits that it had.
func (u *Update) later(old *Tenant, made *Tenant, c *code) *Tenant {
	st := &starter{set: u.set, tenant: made, code: c, done: make(chan struct{})}
	if old != nil {
		if st.before = old.current.Load(); st.before != nil {
			made.current.Store(st.before)
		}
	}
	made.starting.Store(st)
	u.starters = append(u.starters, st)
	return made
}

// add queues starters.
func (s *starts) add(list []*starter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	s.queue = append(s.queue, list...)
	if !s.busy && len(s.queue) > 0 {
		s.busy = true
		s.work.Go(s.drain)
	}
}

// begin does f in a goroutine that close waits for; after close it does not.
func (s *starts) begin(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Go(f)
	}
}

// close drops what was not begun, ends what was, and waits for that.
func (s *starts) close() {
	s.mu.Lock()
	s.closed, s.queue = true, nil
	s.mu.Unlock()
	s.end()
	s.work.Wait()
}

func (s *starts) next() *starter {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.queue, s.busy = nil, false
		return nil
	}
	st := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	return st
}

func (s *starts) drain() {
	for st := s.next(); st != nil; st = s.next() {
		if st.dropped.Load() {
			continue
		}
		begin := time.Now()
		st.run()
		s.rest(time.Since(begin) / restPart)
	}
}

// rest waits for a while, or until the end.
func (s *starts) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.life.Done():
	}
}

// run starts the program once; whoever calls it waits until that was tried.
func (st *starter) run() {
	st.once.Do(func() {
		if err := st.start(); err != nil {
			st.tenant.setTrouble(err)
			st.set.o.Logger.Error("guest does not start", "tenant", st.tenant.Name(), "error", err)
		}
		st.tenant.starting.Store(nil)
		close(st.done)
	})
}

// start is run, for the one who does it. A panic is an error of this tenant.
func (st *starter) start() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("start guest %q: %v", st.tenant.Name(), p)
		}
	}()
	ctx := st.set.starts.life
	if st.dropped.Load() {
		return nil // another tenant has its place
	}
	if err := st.set.warmUp(ctx, st.tenant.model, st.code); err != nil {
		return err
	}
	if err := st.set.replace(ctx, st.tenant, st.code); err != nil {
		return err
	}
	if sh := st.set.newShadow(ctx, st.tenant.model); sh != nil {
		st.tenant.shadow.Store(sh)
	}
	return nil
}

// awaken starts the tenant's program for a request that cannot be served without,
// and waits for that. Its fault says why there is still none.
func (t *Tenant) awaken(ctx context.Context) *message.Fault {
	st := t.starting.Load()
	if st == nil {
		return t.missing()
	}
	defer st.waiting.Add(-1)
	n := st.waiting.Add(1)
	if n > int64(t.slots()+t.queueLimit()) {
		t.stats.add(metrics.TenantRefused, 1)
		return t.refuse("guest-queue-full", fmt.Errorf("%d requests wait for the program's start", t.queueLimit()))
	}
	if n == 1 {
		st.set.starts.begin(st.hurry)
	}
	t.stats.add(metrics.TenantQueued, 1)
	timer := time.NewTimer(queueTime)
	defer timer.Stop()
	select {
	case <-st.done:
		return t.missing()
	case <-timer.C:
		t.stats.add(metrics.TenantRefused, 1)
		t.stats.add(metrics.TenantLimits+limitStart, 1)
		return t.refuse("guest-starting", fmt.Errorf("the program has not started within %v", queueTime))
	case <-ctx.Done():
		return t.refuse("guest-queue-time", ctx.Err())
	}
}

// hurry is run before its turn, a few at a time.
func (st *starter) hurry() {
	select {
	case <-st.done:
	case <-st.set.starts.life.Done():
	case st.set.starts.mains <- struct{}{}:
		st.run()
		<-st.set.starts.mains
	}
}

// missing is the fault of a tenant without a program; nil when it has one.
func (t *Tenant) missing() *message.Fault {
	if t.current.Load() != nil {
		return nil
	}
	t.mu.Lock()
	err := t.trouble
	t.mu.Unlock()
	return t.refuse("guest-missing", err)
}

// Starting returns how many tenants wait in the background to be started.
func (s *Set) Starting() int {
	s.starts.mu.Lock()
	defer s.starts.mu.Unlock()
	return len(s.starts.queue)
}
