package tenant

import (
	"context"
	"fmt"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/tenant/permit"
)

// pacer cuts a call into slices. The first runs on the caller's goroutine
// unasked; every further one needs a permit, and between slices the wall clock,
// the client's patience and the other tenants are looked after.
type pacer struct {
	v      *vm
	ctx    context.Context
	end    uint64 // counter at which the present slice ends
	held   bool   // a permit
	slices int64
}

// fuel returns how far the machine may run now, or why it may not.
func (p *pacer) fuel() (uint64, error) {
	at := p.v.m.Instret
	if at >= p.v.limit {
		return 0, &trap{cause: "guest-budget", text: fmt.Sprintf("budget of %d instructions used up", p.v.image.tenant.Instructions)}
	}
	if at >= p.end {
		if err := p.next(); err != nil {
			return 0, err
		}
		p.end = at + permit.Slice
	}
	return min(p.end, p.v.limit) - at, nil
}

// next ends a slice.
func (p *pacer) next() error {
	t := p.v.image.tenant
	if p.v.stage == stageStart {
		return nil // main runs before there is anybody to be fair to
	}
	if yes, err := p.v.tape.replayed(p.v.m.Instret); yes {
		return err
	}
	return p.v.tape.stopped(p.v.m.Instret, p.turn(t))
}

// turn waits for the next slice, if there may be one.
func (p *pacer) turn(t *model.Tenant) error {
	deadline := p.v.taken.Add(t.Time)
	p.slices++
	var ok bool
	if p.held {
		ok = p.v.image.permits.Renew(p.ctx, p.v.image.account, deadline)
	} else {
		// The second slice pays for the first as well; a later one comes here when
		// the permit was given back for a wait.
		ok = p.v.image.permits.Acquire(p.ctx, p.v.image.account, uint64(1+1/p.slices), deadline)
	}
	p.held = ok
	if err := p.ctx.Err(); err != nil {
		return &trap{cause: "guest-cancelled", text: "the client left"}
	}
	if !ok || !time.Now().Before(deadline) {
		return &trap{cause: "guest-time", text: fmt.Sprintf("time of %v used up", t.Time)}
	}
	return nil
}

func (p *pacer) finish() {
	if p.held {
		p.v.image.permits.Release()
		p.held = false
	}
	if p.slices > 0 {
		p.v.image.count(metrics.TenantSlices, p.slices)
	}
}
