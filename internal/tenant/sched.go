package tenant

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// slice is how many instructions run before the machine returns to Go.
const slice = 100_000

// account is a tenant's standing with the permits: how much it ran, divided by
// its share. It is guarded by the permits' mutex.
type account struct {
	share   uint64
	pass    uint64 // instructions beyond first slices, per share, in units of 1/1024
	waiters []*waiter
	index   int // in permits.queue; -1 when it has no waiters
}

// waiter is a call that needs a permit for its next slice.
type waiter struct {
	granted chan struct{} // one element, sent with the permit
}

// permits bounds the calls that run beyond their first slice, and serves those
// that wait by the deficit of their tenants: whoever had the least for its
// share is next; calls of one tenant are served in order of arrival.
type permits struct {
	mu      sync.Mutex
	total   int
	free    int
	clock   uint64 // pass of the tenant that was served last
	queue   accounts
	waiting int
}

func newPermits(n int) *permits {
	n = max(n, 1)
	return &permits{total: n, free: n}
}

// acquire takes a permit for slices more slices, waiting for it if it must. It
// returns false, without a permit, when the deadline passes or ctx ends first.
func (p *permits) acquire(ctx context.Context, a *account, slices uint64, deadline time.Time) bool {
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

// renew is called by the holder of a permit between two slices. The permit goes
// to a tenant that is further behind, if there is one, and is waited for again.
func (p *permits) renew(ctx context.Context, a *account, deadline time.Time) bool {
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

func (p *permits) release() {
	p.mu.Lock()
	if p.waiting > 0 {
		p.next() // the permit passes on without becoming free
	} else {
		p.free++
	}
	p.mu.Unlock()
}

// arrive keeps a tenant that was idle from claiming what it did not use then.
func (p *permits) arrive(a *account) {
	if len(a.waiters) == 0 {
		a.pass = max(a.pass, p.clock)
	}
}

func (p *permits) charge(a *account, slices uint64) {
	a.pass += slices * slice * 1024 / max(a.share, 1)
	if len(a.waiters) > 0 {
		heap.Fix(&p.queue, a.index)
	}
}

func (p *permits) enqueue(a *account) *waiter {
	w := &waiter{granted: make(chan struct{}, 1)}
	a.waiters = append(a.waiters, w)
	p.waiting++
	if len(a.waiters) == 1 {
		heap.Push(&p.queue, a)
	}
	return w
}

// next wakes the first waiter of the first tenant.
func (p *permits) next() {
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

func (p *permits) wait(ctx context.Context, a *account, w *waiter, deadline time.Time) bool {
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
func (p *permits) abandon(a *account, w *waiter) {
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
	p.release()
}

// accounts is a heap of the tenants that have waiters, by pass.
type accounts []*account

func (q accounts) Len() int           { return len(q) }
func (q accounts) Less(i, j int) bool { return q[i].pass < q[j].pass }
func (q accounts) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}
func (q *accounts) Push(x any) {
	a := x.(*account)
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
