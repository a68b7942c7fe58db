package permit

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// Slice is how many instructions run before the machine returns to Go.
const Slice = 100_000

// Account is a tenant's standing with the permits: how much it ran, divided by
// its share. It is guarded by the permits' mutex.
type Account struct {
	share   uint64
	pass    uint64 // instructions beyond first slices, per share, in units of 1/1024
	waiters []*waiter
	index   int // in Permits.queue; -1 when it has no waiters
}

// NewAccount returns the standing of a tenant with that share, at least 1.
func NewAccount(share int) *Account { return &Account{share: uint64(max(share, 1)), index: -1} }

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
}

// New returns n permits, at least one.
func New(n int) *Permits {
	n = max(n, 1)
	return &Permits{total: n, free: n}
}

// Acquire takes a permit for slices more slices, waiting for it if it must. It
// returns false, without a permit, when the deadline passes or ctx ends first.
func (p *Permits) Acquire(ctx context.Context, a *Account, slices uint64, deadline time.Time) bool {
	p.mu.Lock()
	p.arrive(a)
	if p.free > 0 {
		p.free--
		p.charge(a, slices)
		p.mu.Unlock()
		return true
	}
	w := p.enqueue(a)
	p.charge(a, slices)
	p.mu.Unlock()
	return p.wait(ctx, a, w, deadline)
}

// Renew is called by the holder of a permit between two slices. The permit goes
// to a tenant that is further behind, if there is one, and is waited for again.
func (p *Permits) Renew(ctx context.Context, a *Account, deadline time.Time) bool {
	p.mu.Lock()
	p.charge(a, 1)
	if p.waiting == 0 || p.queue[0].pass > a.pass {
		p.mu.Unlock()
		return true
	}
	w := p.enqueue(a)
	p.next()
	p.mu.Unlock()
	return p.wait(ctx, a, w, deadline)
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

func (p *Permits) charge(a *Account, slices uint64) {
	a.pass += slices * Slice * 1024 / max(a.share, 1)
	if len(a.waiters) > 0 {
		heap.Fix(&p.queue, a.index)
	}
}

func (p *Permits) enqueue(a *Account) *waiter {
	w := &waiter{granted: make(chan struct{}, 1)}
	a.waiters = append(a.waiters, w)
	p.waiting++
	if len(a.waiters) == 1 {
		heap.Push(&p.queue, a)
	}
	return w
}

// next wakes the first waiter of the first tenant.
func (p *Permits) next() {
	a := p.queue[0]
	p.clock = max(p.clock, a.pass)
	w := a.waiters[0]
	a.waiters = append(a.waiters[:0], a.waiters[1:]...)
	p.waiting--
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
