package proxy

import (
	"fishplate/internal/cache"
	"fishplate/internal/http1"
	"fishplate/internal/tenant"
)

// stepLookup asks the cache. A hit jumps to respond; a miss makes this exchange
// the one that fetches, or makes it wait for another's fetch.
func stepLookup(x *exchange) step {
	p, d := x.plan.cache, &x.decision
	if p == nil || d.Kind == tenant.Forge && !d.Cached {
		return x.onMiss(false)
	}
	if is, may := p.Purges(x.req.Method, x.req.ClientIP); is {
		return x.purge(p, may)
	}
	if x.collected == nil && p.Reads(&x.req) {
		body, f := x.collect()
		if f != nil {
			return x.fail(lookup, f)
		}
		x.collected = body
	}
	// What the origin will not see must not choose what is stored.
	http1.StripHopByHop(&x.req.Header)
	v := &x.visit
	if x.s.net != nil {
		v.Reader.Client = x.s.net
	}
	v.Open(x.context(), p, cache.Request{
		Req: &x.req, Env: &x.env, Now: x.srv.wheel.time(x.mark), Shard: x.s.shard, Body: x.collected, Files: x.s.plain != nil,
		Given: cache.Given{Key: d.Key, Bypass: d.Kind == tenant.Pass, Terms: terms(&d.Terms)},
	})
	switch v.State {
	case cache.Hit:
		if v.Refresh && x.collected != nil {
			v.Foreground() // the program needs the body, which only this request has
			break
		}
		if next, done := x.onHit(); done {
			return next
		}
		if v.State == cache.Hit && x.answerStored() {
			return respond
		}
	case cache.Timeout:
		x.clock(lookup)
		return x.refuse(lookup, 504, "only-if-cached")
	}
	x.clock(lookup)
	return x.onMiss(v.State == cache.Fetch)
}

// answerStored makes the visit's object the answer. False means that the
// request's conditions are for the origin to judge.
func (x *exchange) answerStored() bool {
	v := &x.visit
	if !v.Answer(&x.resp) {
		v.Yield()
		return false
	}
	x.source = fromStore
	x.keepDonor()
	if v.Refresh {
		x.srv.refreshes.start(x)
	}
	return true
}

// terms hands on what a guest wants for its object.
func terms(t *tenant.Terms) cache.Terms {
	return cache.Terms{
		HasTTL: t.Has&tenant.HasTTL != 0, HasGrace: t.Has&tenant.HasGrace != 0, HasKeep: t.Has&tenant.HasKeep != 0,
		Uncacheable: t.Has&tenant.Uncacheable != 0, TTL: t.TTL, Grace: t.Grace, Keep: t.Keep, Tags: t.Tags,
	}
}

// storeForged makes an object of the answer that the program forged, if the
// program wants that and the rules allow it.
func (x *exchange) storeForged() step {
	if !x.visit.Made(&x.resp, x.answer, x.srv.wheel.time(x.mark), terms(x.run.Terms())) {
		x.run.NotStored()
		return respond
	}
	x.answerStored() // of an object that was made here every condition can be judged
	return respond
}
