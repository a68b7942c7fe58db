package cache

import (
	"time"

	"fishplate/internal/cache/bans"
	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/metrics"
)

// A claim is what putting an object into the store takes: who wants it there,
// and which purges and bans it may have missed on its way.
type claim struct {
	policy *Policy
	shard  metrics.Shard
	hold   bans.Hold
	held   bool
	since  uint64 // purges from here on count for what is fetched
	// promise is what was taken of the store for the object, in bytes.
	promise int64
}

// withdraw gives the promise back.
func (c *claim) withdraw() {
	c.policy.store.growing.Add(-c.promise)
	c.promise = 0
}

func (c *claim) count(cell int, n int64) { c.policy.counters.Add(c.shard, cell, n) }

// A Filling is the body of an object on its way. Whoever has it appends, and
// ends it exactly once.
type Filling struct {
	claim
	flight *Flight
	object *store.Object
	part   bool // the body is one part of the object: weld says which
	weld   weld
}

// Filling takes the flight from the visit: from now on only its end settles it.
// It lies in the visit; whoever goes on with it elsewhere takes it by Detach.
func (v *Visit) Filling() *Filling {
	f := &v.drafts().filling
	*f = Filling{claim: v.claim, flight: v.flight, object: v.Object, weld: v.weld}
	v.weld = weld{}
	f.part = f.weld != weld{}
	v.leads, v.held, v.promise = false, false, 0
	f.object.Pin()
	return f
}

// Detach returns the filling as a thing of its own.
func (f *Filling) Detach() *Filling {
	own := *f
	*f = Filling{}
	return &own
}

// AppendNow takes as many bytes as there is room for without waiting for anybody.
func (f *Filling) AppendNow(p []byte) (n int) {
	if !f.grow(len(p)) {
		return 0
	}
	if f.part {
		return f.weld.takeNow(p, func(p []byte) int { return f.flight.appendNow(f.object, p) })
	}
	return f.flight.appendNow(f.object, p)
}

// Append adds bytes; false means that nobody wants more.
func (f *Filling) Append(p []byte) bool {
	more := true
	if f.part {
		p, more = f.weld.take(p)
	}
	if !f.flight.over && !f.grow(len(p)) {
		f.flight.limit = max(f.object.Available(), 1) // nothing more of it is kept
	}
	return f.flight.Append(f.object, p) && more
}

// grow takes of the store what n more bytes need. False means that objects on
// their way have enough of it.
func (f *Filling) grow(n int) bool {
	for f.object.Available()+int64(n) > f.promise && f.promise > 0 {
		if !f.policy.store.promise(promised) {
			return false
		}
		f.promise += promised
	}
	return true
}

// End settles the flight: whole says that the body is all there.
func (f *Filling) End(whole bool) {
	o := f.object
	if f.part {
		whole = whole && f.weld.finish(func(p []byte) bool { return f.flight.Append(o, p) })
		if f.weld.behind != nil {
			f.weld.behind.Unpin()
		}
	}
	if whole {
		o.Finish()
		if f.flight.over {
			f.markKey(o.Key(), o.KeyText(), rules.ReasonTooLarge, f.policy.Model.HitForMiss)
		} else {
			f.publish(o)
		}
		f.flight.settle(landed)
	} else {
		o.Abort()
		f.flight.settle(failed)
	}
	if f.held {
		f.hold.Release()
	}
	f.withdraw()
	o.Unpin()
}

// supersede removes the key's object that did not vary, once answers do: it would
// match every request for which there is no variant yet.
func (c *claim) supersede(o *store.Object) {
	if old := c.policy.store.memory.Lookup(c.policy.part, o.Key(), o.KeyText(), invariable{}); old != nil {
		old.Remove()
		old.Unpin()
	}
}

// invariable matches objects that are for every request.
type invariable struct{}

func (invariable) Match(o *store.Object) bool { return len(o.Vary()) == 0 }

// publish makes a complete object findable, unless a purge has struck it while
// it was on its way.
func (c *claim) publish(o *store.Object) {
	s := c.policy.store
	if c.held {
		o.SetBan(c.hold.Number())
	}
	if s.recent.struck(c.since, o) {
		return
	}
	o.Publish()
	if len(o.Vary()) > 0 {
		c.supersede(o)
	}
	if s.recent.struck(c.since, o) { // by a purge that walked past before Publish
		o.Remove()
		return
	}
	c.count(metrics.CacheStored, 1)
	s.offerDisk(c.policy.part.Name(), o)
	// The disk strikes what it has by the time of a purge or a ban, and memory may
	// have lost the object before the lurker sees it: so what came meanwhile counts.
	if s.disk.Load() == nil {
		return
	}
	if s.recent.struck(c.since, o) {
		o.Remove()
		s.strikeDisk(o, false)
	} else if !s.bans.Passed(o.Ban()) {
		verdict, number := s.bans.Test(s.view(o))
		s.banish(o, verdict, number, c.policy.clock().UnixNano())
	}
}

// markKey says that the answers of a key are not stored, for a while.
func (c *claim) markKey(key store.Key, text []byte, why rules.Reason, long time.Duration) {
	p := c.policy
	if long <= 0 || p.part.Owner() != p.owner {
		return
	}
	now := p.clock().UnixNano()
	m := &store.Meta{Flags: flagMarker, Encoding: uint8(why), Born: now, Stored: now, Fresh: int64(long)}
	o, err := p.store.memory.Begin(p.part, key, m, &store.Parts{Key: text}, 0)
	if err != nil {
		return // the next answer will be judged again
	}
	o.Finish()
	o.SetBan(p.store.bans.Newest())
	o.Publish()
	o.Unpin()
	c.forgetDisk(text)
}
