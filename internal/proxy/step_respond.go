package proxy

import "fishplate/internal/filter"

// stepRespond decides the head of the answer: the persistence cookie, the
// guest's on_deliver, the route's edits. Afterwards the generation is let go.
func stepRespond(x *exchange) step {
	if x.source == fromOrigin {
		filter.ForwardResponse(&x.resp, x.s.plan.Forward)
		x.backend.PersistResponse(&x.pick, &x.resp, x.lease.Server)
	}
	if !x.visit.Closed() {
		x.visit.Label(&x.resp)
	}
	if x.source == fromStore {
		filter.ForwardResponse(&x.resp, x.s.plan.Forward)
	}
	if x.run != nil && x.run.WantsDeliver() {
		if f := x.onDeliver(); f != nil {
			return x.guestFault(respond, f)
		}
		x.clock(respond)
	}
	if p := x.plan; p.response != nil {
		x.env.Resp = &x.resp
		p.response.ApplyResponse(&x.resp, &x.env)
		if x.trouble != nil {
			return x.guestFault(respond, x.trouble)
		}
	}
	if x.debug {
		x.debugAnswer()
	}
	x.rec.Last = respond.String()
	if x.source == fromStore || x.source == fromOrigin {
		x.releaseRun() // a slow client pins no fork
	}
	x.unpin()
	return reply
}
