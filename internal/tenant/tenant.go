package tenant

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/tenant/kv"
)

const (
	queuePerSlot = 4               // waiting requests per admitted one, when the model has no bound
	queueTime    = 5 * time.Second // longest wait for admission
	leastForks   = 8               // that may be alive, when the model has no bound: one request with three inside it
)

// Tenant is somebody's program with its image, or without one when it could
// not be loaded. It is safe for concurrent use.
type Tenant struct {
	model   *model.Tenant
	current atomic.Pointer[image] // nil: answers 503; a live update changes it
	stats   *stats
	shadow  atomic.Pointer[shadow] // nil: there is no candidate

	starting atomic.Pointer[starter] // nil: it was tried

	forks atomic.Int64 // alive
	runs  sync.Pool    // of *Run, blank but for their shards

	mu      sync.Mutex
	active  int
	waiters []chan struct{} // in order of arrival; closing one hands it a slot
	trouble error           // why the program in the file is not the one that runs
}

func newTenant(m *model.Tenant, im *image, st *stats) *Tenant {
	t := &Tenant{model: m, stats: st}
	if im != nil {
		t.current.Store(im)
	}
	return t
}

// Status is what `status` shows of a tenant.
type Status struct {
	Name         string `json:"name"`
	State        string `json:"state"` // "ready", "starting", "stale" (an old program runs on), "failed"
	Error        string `json:"error,omitempty"`
	Program      string `json:"program"`
	Hash         string `json:"hash,omitempty"`
	Pages        int    `json:"pages"`        // of the image, 4 KiB each
	Startup      uint64 `json:"startup"`      // instructions of main
	Active       int    `json:"active"`       // requests admitted
	Waiting      int    `json:"waiting"`      // requests in the queue
	Forks        int    `json:"forks"`        // free in the pool
	Memory       int64  `json:"memory"`       // bytes of the image and of the free forks
	Requests     int64  `json:"requests"`     // asked of the program
	Forges       int64  `json:"forges"`       // answers by forge
	Instructions int64  `json:"instructions"` // retired by calls
	Stops        Stops  `json:"stops"`
	Refused      int64  `json:"refused"`

	Store   *kv.Stat    `json:"store,omitempty"` // of its keys and values; nil: it keeps none
	Storage StorageStat `json:"storage"`

	// RegexFallbacks are the expressions that RE2 cannot read, and why.
	RegexFallbacks []string `json:"regex_fallbacks,omitempty"`
}

// StorageStat is what became of calls into a tenant's storage machine.
type StorageStat struct {
	Calls  int64         `json:"calls"`
	Waits  int64         `json:"waits"`  // calls that waited for others
	Waited time.Duration `json:"waited"` // nanoseconds, of all of them
}

// Stops counts calls that were ended, by reason.
type Stops struct {
	Budget int64 `json:"budget"`
	Time   int64 `json:"time"`
	Memory int64 `json:"memory"`
	Fault  int64 `json:"fault"`
}

// Name returns the tenant's name.
func (t *Tenant) Name() string { return t.model.Name }

// Same says whether both are one tenant, before and after changes of it: a tenant
// that was removed and added is another one.
func (t *Tenant) Same(other *Tenant) bool { return t.stats == other.stats }

// Model returns what the tenant was made from. It must not be changed.
func (t *Tenant) Model() *model.Tenant { return t.model }

// Counters returns the tenant's row of metrics.Tenant. It outlives reloads.
func (t *Tenant) Counters() *metrics.Set {
	t.stats.stored(t.store())
	return t.stats.cells
}

// store returns the tenant's key-value storage, nil when it has none.
func (t *Tenant) store() *kv.Store {
	if im := t.current.Load(); im != nil {
		return im.store
	}
	return nil
}

// Logs returns the last lines that the program wrote, oldest first.
func (t *Tenant) Logs() []Line { return t.stats.last() }

// Status describes the tenant now.
func (t *Tenant) Status() Status {
	c := t.stats.cells
	s := Status{
		RegexFallbacks: t.stats.fellBack(),

		Name: t.model.Name, State: "ready", Program: t.model.Program,
		Requests: c.Value(metrics.TenantRequests), Forges: c.Value(metrics.TenantCalls + 1),
		Instructions: c.Value(metrics.TenantInstructions), Refused: c.Value(metrics.TenantRefused),
		Stops: Stops{
			Budget: c.Value(metrics.TenantStops), Time: c.Value(metrics.TenantStops + 1),
			Memory: c.Value(metrics.TenantStops + 2), Fault: c.Value(metrics.TenantStops + 3),
		},
	}
	s.Storage = StorageStat{
		Calls: c.Value(callStorage), Waits: c.Value(metrics.TenantStorageWaits), Waited: time.Duration(c.Value(metrics.TenantStorageTime)),
	}
	if store := t.store(); store != nil {
		stat := store.Stat()
		s.Store = &stat
	}
	t.mu.Lock()
	s.Active, s.Waiting = t.active, len(t.waiters)
	trouble := t.trouble
	t.mu.Unlock()
	if trouble != nil {
		s.State, s.Error = "stale", trouble.Error()
	}
	if t.starting.Load() != nil {
		s.State = "starting"
	}
	im := t.current.Load()
	if im == nil {
		if s.State != "starting" {
			s.State = "failed"
		}
		return s
	}
	s.Hash = fmt.Sprintf("%x", im.code.hash[:8])
	s.Pages, s.Startup = im.frozen.Pages(), im.startup
	cost := im.frozen.Stats()
	s.Forks, s.Memory = cost.Idle, cost.Snapshot+cost.IdlePrivate+cost.IdleAttributes
	return s
}

func (t *Tenant) setTrouble(err error) {
	t.mu.Lock()
	t.trouble = err
	t.mu.Unlock()
}

func (t *Tenant) retire() {
	if im := t.current.Load(); im != nil {
		im.retire()
	}
	t.shadow.Load().retire()
}

// Admit waits for one of the tenant's slots, in order of arrival, and returns a
// Run that holds it. A full queue, a wait that is too long, and a tenant that
// could not be loaded are faults with status 503. Forks of the Run, also the
// one that a forge needs, come under this one admission and never wait.
func (t *Tenant) Admit(ctx context.Context) (*Run, *message.Fault) {
	if t.current.Load() == nil {
		if f := t.awaken(ctx); f != nil {
			return nil, f
		}
	}
	t.mu.Lock()
	if t.active < t.slots() {
		t.active++
		t.mu.Unlock()
		return t.begin(ctx)
	}
	if len(t.waiters) >= t.queueLimit() {
		t.mu.Unlock()
		t.stats.add(metrics.TenantRefused, 1)
		return nil, t.refuse("guest-queue-full", fmt.Errorf("%d requests wait", t.queueLimit()))
	}
	slot := make(chan struct{})
	t.waiters = append(t.waiters, slot)
	t.mu.Unlock()
	return t.queue(ctx, slot)
}

func (t *Tenant) queueLimit() int {
	if t.model.QueueLimit > 0 {
		return t.model.QueueLimit
	}
	return queuePerSlot * max(t.model.Concurrency, 1)
}

// queue waits for the slot that a leaving Run hands over.
func (t *Tenant) queue(ctx context.Context, slot chan struct{}) (*Run, *message.Fault) {
	t.stats.add(metrics.TenantQueued, 1)
	t.stats.add(metrics.TenantWaiting, 1)
	defer t.stats.add(metrics.TenantWaiting, -1)
	timer := time.NewTimer(queueTime)
	defer timer.Stop()
	err := error(nil)
	select {
	case <-slot:
		return t.begin(ctx)
	case <-timer.C:
		err = fmt.Errorf("no slot within %v", queueTime)
	case <-ctx.Done():
		err = ctx.Err()
	}
	if !t.leaveQueue(slot) {
		t.release() // the slot came at the last moment
	}
	t.stats.add(metrics.TenantRefused, 1)
	return nil, t.refuse("guest-queue-time", err)
}

// leaveQueue returns false when the slot had been handed over already.
func (t *Tenant) leaveQueue(slot chan struct{}) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, w := range t.waiters {
		if w == slot {
			t.waiters = append(t.waiters[:i], t.waiters[i+1:]...)
			return true
		}
	}
	return false
}

// begin makes the Run of a request that has a slot.
func (t *Tenant) begin(ctx context.Context) (*Run, *message.Fault) {
	if f := t.enter(ctx); f != nil {
		return nil, f
	}
	return t.admitted(), nil
}

// slots returns how many requests may be admitted at once: each takes a fork.
func (t *Tenant) slots() int {
	n := max(t.model.Concurrency, 1)
	if t.model.Forks > 0 {
		n = min(n, t.model.Forks)
	}
	return n
}

// forkLimit returns how many forks may be alive. A request has one on either
// side, and so has each that it makes of itself.
func (t *Tenant) forkLimit() int64 {
	if t.model.Forks > 0 {
		return int64(t.model.Forks)
	}
	return int64(max(2*t.model.Concurrency, leastForks))
}

func (t *Tenant) admitted() *Run {
	r, _ := t.runs.Get().(*Run)
	if r == nil {
		r = &Run{shard: metrics.NewShard()}
	}
	r.tenant, r.image = t, t.current.Load()
	r.count(metrics.TenantActive, 1)
	r.count(metrics.TenantRequests, 1)
	r.taping()
	return r
}

// release hands the slot to who waits longest, or frees it.
func (t *Tenant) release() {
	t.mu.Lock()
	if len(t.waiters) > 0 {
		close(t.waiters[0])
		t.waiters = append(t.waiters[:0], t.waiters[1:]...)
	} else {
		t.active--
	}
	t.mu.Unlock()
}

func (t *Tenant) refuse(cause string, err error) *message.Fault {
	return &message.Fault{
		Side: message.SideGuest, Step: "guest", Status: 503, Cause: cause,
		Err: fmt.Errorf("admit to guest %q: %w", t.model.Name, err),
	}
}
