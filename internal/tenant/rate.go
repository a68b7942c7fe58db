package tenant

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/tenant/permit"
)

// rateBurst is for how much of a second a tenant that was idle may run at once.
const rateBurst = 4

// rate bounds the instructions per second of a tenant: a bucket that calls take
// from when they have run, so that it may be in debt, and that nobody begins a
// call or a slice on before the debt is paid.
type rate struct {
	per atomic.Uint64 // instructions per second; 0 is no bound

	mu     sync.Mutex
	tokens float64
	filled time.Time
}

// limit sets the bound.
func (r *rate) limit(per uint64) { r.per.Store(per) }

// fill brings the bucket up to date. The caller holds the lock.
func (r *rate) fill(per float64) {
	now := time.Now()
	most := max(per/rateBurst, permit.Slice)
	if r.filled.IsZero() {
		r.tokens = most
	}
	r.tokens = min(most, r.tokens+now.Sub(r.filled).Seconds()*per)
	r.filled = now
}

// spend takes n instructions.
func (r *rate) spend(n uint64) {
	per := float64(r.per.Load())
	if per == 0 {
		return
	}
	r.mu.Lock()
	r.fill(per)
	r.tokens -= float64(n)
	r.mu.Unlock()
}

// debt returns how long it takes until something may run again.
func (r *rate) debt() time.Duration {
	per := float64(r.per.Load())
	if per == 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fill(per); r.tokens >= 0 {
		return 0
	}
	return time.Duration(-r.tokens/per*float64(time.Second)) + time.Microsecond
}

// wait waits until something may run, and returns false, at once, when that is
// after the deadline, or when ctx ends.
func (r *rate) wait(ctx context.Context, deadline time.Time) bool {
	for {
		d := r.debt()
		if d == 0 {
			return true
		}
		if time.Now().Add(d).After(deadline) {
			return false
		}
		timer := time.NewTimer(d)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// enter lets an admitted request begin: when the tenant's rate allows it, and
// when no tenant waits that had much less. Its fault has given the slot back.
func (t *Tenant) enter(ctx context.Context) *message.Fault {
	st, im := t.stats, t.current.Load()
	if st.rate.debt() == 0 && im.permits.Enter(ctx, im.account, time.Time{}) {
		return nil
	}
	st.add(metrics.TenantLimits+limitWait, 1)
	deadline := time.Now().Add(queueTime)
	cause := ""
	switch {
	case !st.rate.wait(ctx, deadline):
		cause = "guest-rate"
	case !im.permits.Enter(ctx, im.account, deadline):
		cause = "guest-queue-time"
	default:
		return nil
	}
	t.release()
	if ctx.Err() != nil {
		return t.refuse("guest-queue-time", ctx.Err())
	}
	st.add(metrics.TenantRefused, 1)
	if cause == "guest-rate" {
		st.add(metrics.TenantLimits+limitRate, 1)
		return t.refuse(cause, fmt.Errorf("%d instructions per second are used up for more than %v", st.rate.per.Load(), queueTime))
	}
	return t.refuse(cause, fmt.Errorf("others came first for %v", queueTime))
}

// The limits that metrics.TenantLimits counts, by index.
const (
	limitWait = iota
	limitRate
	limitForks
	limitResponse
	limitStorage
	limitStart
)
