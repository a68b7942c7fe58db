package proxy

import (
	"fishplate/internal/cache"
	"fishplate/internal/message"
	"fishplate/internal/predicate"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

// A donor is what the slices behind the first one are asked for with, after the
// exchange has let its generation go.
type donor struct {
	plan    *RoutePlan
	backend *upstream.Backend
	errand  *tenant.Errand
	env     predicate.Env
}

// keepDonor notes how to ask for more slices, when the answer may need any.
func (x *exchange) keepDonor() {
	if x.s.sink != nil || !x.visit.Sliced() {
		return // who asks for one slice needs no other, and fetches none ahead
	}
	d := &donor{plan: x.plan, backend: x.backend, errand: x.lend(), env: x.env}
	if d.backend == nil {
		d.backend = x.chooseBackend(uint32(x.srv.wheel.now()))
	}
	d.env.Scratch, d.env.Resp, d.env.Guest = nil, nil, nil
	x.donor = d
}

// sendRange sends the bytes from at up to end, or to the end when that is below
// zero: those of the visit's object from there, and those of other slices by an
// exchange for each.
func (x *exchange) sendRange(s *sender, at, end int64) *message.Fault {
	v := &x.visit
	if x.donor == nil {
		return s.send(at, end)
	}
	if end < 0 {
		end = v.Total()
	}
	for at < end {
		first, last, own := v.SliceAt(at)
		to := min(end, last)
		v.Ahead(at, x.fetchAhead)
		var f *message.Fault
		if own {
			f = s.send(at, to)
		} else {
			f = x.sendSlice(s, first, last, at, to)
		}
		if f != nil {
			return f
		}
		at = to
	}
	return nil
}

// sliceExchange returns an inner exchange for one slice of the same thing.
func (x *exchange) sliceExchange(to sink, first, last int64) *exchange {
	y := x.inner(to)
	y.plan, y.backend, y.decision, y.errand = x.donor.plan, x.donor.backend, x.decision, x.donor.errand
	scratch := y.env.Scratch
	y.env = x.donor.env
	y.env.Scratch, y.env.Req = scratch, &y.req
	cache.SliceRequest(&y.req, first, last)
	return y
}

// runSlice leads an exchange for a slice from lookup to its last byte. It is in
// no log: the client's request is.
func (y *exchange) runSlice() {
	defer func() {
		if p := recover(); p != nil {
			y.panicked(p)
		}
		y.plan = nil
		y.srv.endInner(y)
	}()
	at := stepLookup(y)
	if at == fetch {
		at = stepFetch(y)
	}
	if at == store {
		at = stepStore(y)
	}
	if at == respond {
		stepRespond(y)
	}
	stepReply(y)
}

// A splice puts the body of a slice's answer where the client's answer needs it.
type splice struct {
	x, y  *exchange
	to    sender // the client's, while the slice is sent
	first int64  // of the slice
	skip  int64  // bytes of it that the client does not want
	left  int64  // bytes after those that it does
	same  bool   // the slice is of the representation that was begun
	again bool   // another one may be: the slice was an old one
	gone  error  // of the client
}

// head implements sink: it refuses what does not go together with what was sent.
func (p *splice) head(*message.Response) {
	if p.y.fault != nil {
		return
	}
	if p.same = p.x.visit.Continues(&p.y.visit, p.first); !p.same {
		p.again = p.x.visit.Retire(&p.y.visit)
	}
}

// Write implements sink.
func (p *splice) Write(b []byte) (int, error) {
	n := len(b)
	if !p.same {
		return 0, errUnwanted
	}
	skip := min(p.skip, int64(len(b)))
	p.skip -= skip
	b = b[skip:]
	b = b[:min(p.left, int64(len(b)))]
	p.left -= int64(len(b))
	if len(b) == 0 {
		return n, nil
	}
	if p.gone = p.to.write(b); p.gone != nil {
		return 0, p.gone
	}
	return n, nil
}

// sendSlice sends the bytes from at up to end of the slice with these bounds.
func (x *exchange) sendSlice(s *sender, first, last, at, end int64) *message.Fault {
	var p *splice
	for try := 0; try == 0 || try == 1 && p.again; try++ {
		p = &splice{x: x, to: *s, first: first, skip: at - first, left: end - at}
		p.y = x.sliceExchange(p, first, last)
		p.y.runSlice()
		*s = p.to
	}
	switch {
	case p.gone != nil:
		return clientGone(p.gone)
	case !p.same:
		return &message.Fault{Side: message.SideOrigin, Cause: "slice-differs"}
	case p.left > 0:
		return &message.Fault{Side: message.SideOrigin, Cause: "body-broken"}
	}
	return nil
}

// fetchAhead begins to fetch a slice that nobody waits for yet.
func (x *exchange) fetchAhead(first, last int64) {
	r := &x.srv.refreshes
	select {
	case r.slots <- struct{}{}:
	default:
		return // it will be fetched when it is needed
	}
	y := x.sliceExchange(discard{}, first, last)
	r.tasks.Go(func() {
		defer func() { <-r.slots }()
		y.runSlice()
	})
}
