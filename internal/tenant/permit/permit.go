package permit

import (
	"container/heap"
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Slice is how many instructions run before the machine returns to Go.
const Slice = 100_000

// ahead is how far a tenant may be ahead of one that waits, in instructions of a
// tenant with share 1 for each 1024, before its new calls wait too.
const ahead = 8 * Slice

// Account is a tenant's standing with the permits: how much it ran, divided by
// its share. It is guarded by the permits' mutex, but for loose.
type Account struct {
	share   uint64
	pass    uint64 // instructions per share, in units of 1/1024
	waiters []*waiter
	index   int // in Permits.queue; -1 when it has no waiters

	loose atomic.Uint64 // instructions that are not in pass yet
}

// NewAccount returns the standing of a tenant with that share, at least 1.
func NewAccount(share int) *Account { return &Account{share: uint64(max(share, 1)), index: -1} }

// Spend notes that the tenant ran, or was charged for, n instructions.
func (a *Account) Spend(n uint64) { a.loose.Add(n) }

// waiter is a call that needs a permit for its next slice.
type waiter struct {
	granted chan struct{} // one element, sent with the permit
}

// Permits bounds the calls that run beyond their first slice, and serves those
// that wait by the deficit of their tenants: whoever had the least for its
// share is next; calls of one tenant are served in order of arrival.
type Permits struct {
	mu      sync.Mutex
	total   int
	free    int
	clock   uint64 // pass of the tenant that was served last
	queue   accounts
	waiting int

	contended atomic.Bool // waiting > 0
}

// New returns n permits, at least one.
func New(n int) *Permits {
	n = max(n, 1)
	return &Permits{total: n, free: n}
}

// Acquire takes a permit for one more slice, waiting for it if it must. It
// returns false, without a permit, when the deadline passes or ctx ends first.
func (p *Permits) Acquire(ctx context.Context, a *Account, deadline time.Time) bool {
	p.mu.Lock()
	p.settle(a)
	p.arrive(a)
	if p.free > 0 {
		p.free--
		p.clock = max(p.clock, a.pass)
		p.mu.Unlock()
		return true
	}
	w := p.enqueue(a)
	p.mu.Unlock()
	return p.wait(ctx, a, w, deadline)
}

// Renew is called by the holder of a permit between two slices. The permit goes
// to a tenant that is further behind, if there is one, and is waited for again.
func (p *Permits) Renew(ctx context.Context, a *Account, deadline time.Time) bool {
	p.mu.Lock()
	p.settle(a)
	if p.waiting == 0 {
		// Nobody is short of anything: what is spent now is held against nobody.
		p.clock = max(p.clock, a.pass)
		p.mu.Unlock()
		return true
	}
	if p.first().pass > a.pass {
		p.mu.Unlock()
		return true
	}
	w := p.enqueue(a)
	p.next()
	p.mu.Unlock()
	return p.wait(ctx, a, w, deadline)
}

// Enter lets a new call begin. The first slice of a call needs no permit, but a
// tenant that is far ahead of another that waits has to wait for its turn before
// it begins more. It returns false when the deadline passes or ctx ends first.
func (p *Permits) Enter(ctx context.Context, a *Account, deadline time.Time) bool {
	if !p.contended.Load() || !p.ahead(a) {
		return true
	}
	if !p.Acquire(ctx, a, deadline) {
		return false
	}
	p.Release()
	return true
}

func (p *Permits) ahead(a *Account) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(a)
	return p.waiting > 0 && a.pass > p.first().pass+ahead*1024/a.share
}

// Release gives a permit back, to who is next.
func (p *Permits) Release() {
	p.mu.Lock()
	if p.waiting > 0 {
		p.next() // the permit passes on without becoming free
	} else {
		p.free++
	}
	p.mu.Unlock()
}

// State returns how many permits are free and how many calls wait for one.
func (p *Permits) State() (free, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.free, p.waiting
}

// arrive keeps a tenant that was idle from claiming what it did not use then.
func (p *Permits) arrive(a *Account) {
	if len(a.waiters) == 0 {
		a.pass = max(a.pass, p.clock)
	}
}

// settle adds what the tenant spent to its pass. It returns false when that was
// nothing.
func (p *Permits) settle(a *Account) bool {
	n := a.loose.Swap(0)
	if n == 0 {
		return false
	}
	a.pass += n * 1024 / a.share
	if len(a.waiters) > 0 {
		heap.Fix(&p.queue, a.index)
	}
	return true
}

// first returns the tenant whose turn it is. There is one.
func (p *Permits) first() *Account {
	for {
		if a := p.queue[0]; !p.settle(a) {
			return a
		}
	}
}

func (p *Permits) enqueue(a *Account) *waiter {
	w := &waiter{granted: make(chan struct{}, 1)}
	a.waiters = append(a.waiters, w)
	p.waiting++
	p.contended.Store(true)
	if len(a.waiters) == 1 {
		heap.Push(&p.queue, a)
	}
	return w
}

// next wakes the first waiter of the first tenant.
func (p *Permits) next() {
	a := p.first()
	p.clock = max(p.clock, a.pass)
	w := a.waiters[0]
	a.waiters = append(a.waiters[:0], a.waiters[1:]...)
	p.waiting--
	p.contended.Store(p.waiting > 0)
	if len(a.waiters) == 0 {
		heap.Remove(&p.queue, 0)
	}
	w.granted <- struct{}{}
}

func (p *Permits) wait(ctx context.Context, a *Account, w *waiter, deadline time.Time) bool {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case <-w.granted:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	p.abandon(a, w)
	return false
}

// abandon takes a waiter out of the queue, or gives the permit back that it was
// granted at the last moment.
func (p *Permits) abandon(a *Account, w *waiter) {
	p.mu.Lock()
	for i, other := range a.waiters {
		if other != w {
			continue
		}
		a.waiters = append(a.waiters[:i], a.waiters[i+1:]...)
		p.waiting--
		p.contended.Store(p.waiting > 0)
		if len(a.waiters) == 0 {
			heap.Remove(&p.queue, a.index)
		}
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	p.Release()
}

// accounts is a heap of the tenants that have waiters, by pass.
type accounts []*Account

func (q accounts) Len() int           { return len(q) }
func (q accounts) Less(i, j int) bool { return q[i].pass < q[j].pass }
func (q accounts) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *accounts) Push(x any) {
	a := x.(*Account)
	a.index = len(*q)
	*q = append(*q, a)
}
func (q *accounts) Pop() any {
	old := *q
	a := old[len(old)-1]
	*q = old[:len(old)-1]
	a.index = -1
	return a
}
