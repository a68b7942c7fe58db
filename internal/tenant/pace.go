package tenant

import (
	"context"
	"encoding/binary"
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
	end    uint64    // counter at which the present slice ends
	held   bool      // a permit
	begun  time.Time // when it began
	calls  int       // of the host, in it
	late   bool      // it lasts too long: others have their turn first
	slices int64
	paid   uint64 // counter up to which the tenant's accounts have it
	place         // where it was asked last whether the slice is over
}

// place is where a call can be stopped: the counter, and how many such places there
// were at it before.
type place struct{ at, nth uint64 }

// bytes are a place in a recording.
func (p place) bytes() []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, p.at), p.nth)
}

// fuel returns how far the machine may run now, or why it may not.
func (p *pacer) fuel() (uint64, error) {
	at := p.v.m.Instret
	if at >= p.v.limit {
		return 0, &trap{cause: "guest-budget", text: fmt.Sprintf("budget of %d instructions used up", p.v.image.tenant.Instructions)}
	}
	if err := p.rest(); err != nil {
		return 0, err
	}
	return min(p.end, p.v.limit) - at, nil
}

// rest lets others have their turn when the slice is over, and ends a repetition
// where the recorded call was stopped. Whether a slice lasts too long differs from
// run to run, where it is asked does not: a stop is told by its place among those
// at one instruction.
func (p *pacer) rest() error {
	at := p.v.m.Instret
	if p.nth++; at != p.at {
		p.at, p.nth = at, 0
	}
	ends := at >= p.end
	if !ends && !p.late && !p.v.tape.due(p.place) {
		return nil
	}
	p.late = false
	if err := p.next(); err != nil {
		return err
	}
	// Where slices end may not depend on time: threads of the program change there.
	if ends {
		p.end = at + permit.Slice
	}
	return nil
}

// next ends a slice.
func (p *pacer) next() error {
	t := p.v.image.tenant
	if p.v.stage == stageStart { // main runs before there is anybody to be fair to
		if p.ctx.Err() != nil {
			return &trap{cause: "guest-cancelled", text: "the start was given up"}
		}
		return nil
	}
	if yes, err := p.v.tape.replayed(p.place); yes {
		if err == nil && p.ctx.Err() != nil {
			err = &trap{cause: "guest-cancelled", text: "the repetition was interrupted"}
		}
		return err
	}
	return p.v.tape.stopped(p.place, p.turn(t))
}

// turn waits for the next slice, if there may be one.
func (p *pacer) turn(t *model.Tenant) error {
	im := p.v.image
	deadline := p.v.taken.Add(t.Time)
	p.slices++
	p.pay()
	if im.stats.rate.debt() > 0 {
		// Whoever waits for its own limit keeps nobody else waiting.
		p.letGo()
		im.count(metrics.TenantLimits+limitWait, 1)
		if !im.stats.rate.wait(p.ctx, deadline) && p.ctx.Err() == nil {
			im.count(metrics.TenantLimits+limitRate, 1)
			return &trap{cause: "guest-rate", text: fmt.Sprintf("%d instructions per second used up", t.Rate)}
		}
	}
	var ok bool
	if p.held {
		ok = im.permits.Renew(p.ctx, im.account, deadline)
	} else {
		ok = im.permits.Acquire(p.ctx, im.account, deadline)
	}
	p.held = ok
	if err := p.ctx.Err(); err != nil {
		return &trap{cause: "guest-cancelled", text: "the client left"}
	}
	p.begun, p.calls = time.Now(), 0
	if !ok || !p.begun.Before(deadline) {
		return &trap{cause: "guest-time", text: fmt.Sprintf("time of %v used up", t.Time)}
	}
	return nil
}

// pay charges the tenant for what ran since it was charged last, the host's work
// included.
func (p *pacer) pay() {
	now := p.v.m.Instret
	if now > p.paid && p.v.stage != stageStart {
		p.v.image.account.Spend(now - p.paid)
		p.v.image.stats.rate.spend(now - p.paid)
	}
	p.paid = now
}

// Slices are bounded in time too, since no tariff fits every host: whoever makes
// many calls of the host has the clock looked at now and then.
const (
	callsAtOnce = 32
	cleanWait   = time.Second                            // for a permit to clean a fork
	dearCall    = 1000                                   // instructions of a call after which it is looked at in any case
	sliceTime   = 4 * permit.Slice * time.Nanosecond / 2 // four times what a slice should take
)

// called notes a call of the host.
func (p *pacer) called() {
	if p.calls++; p.calls%callsAtOnce == 0 {
		p.look()
	}
}

// look ends a slice that lasts too long. No figure that a repetition has to
// repeat depends on it.
func (p *pacer) look() {
	if p.v.stage != stageStart && time.Since(p.begun) > sliceTime {
		p.late = true
	}
}

// letGo gives the permit back before a wait; the next slice asks for one again.
func (p *pacer) letGo() {
	if p.held {
		p.v.image.permits.Release()
		p.held = false
	}
}

func (p *pacer) finish() {
	p.pay()
	p.letGo()
	if p.slices > 0 {
		p.v.image.count(metrics.TenantSlices, p.slices)
	}
}
