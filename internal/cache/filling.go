package cache

import (
	"fishplate/internal/cache/bans"
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
	v.leads, v.held = false, false
	f.object.Pin()
	return f
}

// Detach returns the filling as a thing of its own.
func (f *Filling) Detach() *Filling {
	own := *f
	*f = Filling{}
	return &own
}

// AppendNow adds as many bytes as there is room for without waiting for anybody.
func (f *Filling) AppendNow(p []byte) (n int) {
	if f.part {
		return 0
	}
	return f.flight.appendNow(f.object, p)
}

// Append adds bytes; false means that nobody wants more.
func (f *Filling) Append(p []byte) bool {
	more := true
	if f.part {
		p, more = f.weld.take(p)
	}
	return f.flight.Append(f.object, p) && more
}

// End settles the flight: whole says that the body is all there.
func (f *Filling) End(whole bool) {
	o := f.object
	if f.part {
		whole = whole && f.weld.finish(o)
		if f.weld.behind != nil {
			f.weld.behind.Unpin()
		}
	}
	if whole {
		o.Finish()
		if !f.flight.over {
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
}
