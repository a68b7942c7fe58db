package proxy

import (
	"fishplate/internal/filter"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// stepAdmit applies the limits of the route, in the order of their cost, then
// its edits of the request. A redirect or respond block answers here.
func stepAdmit(x *exchange) step {
	next := x.admit()
	if x.trouble != nil && x.fault == nil {
		return x.guestFault(admit, x.trouble)
	}
	return next
}

func (x *exchange) admit() step {
	p := x.plan
	if p.access != nil && !p.access.Allowed(x.req.ClientIP) {
		p.Counters.Add(x.s.shard, metrics.RouteRefused+1, 1)
		return x.refuse(admit, 403, "access-denied")
	}
	if p.body > 0 {
		if f := filter.BodyTooLarge(&x.req, p.body); f != nil {
			p.Counters.Add(x.s.shard, metrics.RouteRefused+2, 1)
			return x.fail(admit, f)
		}
		x.meter = p.body
	}
	for _, limit := range p.rates {
		x.scratch = limit.Key(x.scratch[:0], &x.env)
		ok, after := x.srv.estate.Rates.Allow(limit, x.scratch, x.srv.wheel.deadline(x.begin))
		if !ok {
			p.Counters.Add(x.s.shard, metrics.RouteRefused, 1)
			return x.fail(admit, &message.Fault{
				Side: message.SideClient, Status: 429, Cause: "rate-limited", RetryAfter: after,
			})
		}
	}
	if p.redirect != nil {
		return x.redirect(p.redirect)
	}
	if p.respond != nil {
		x.answerWith(p.respond.status, p.respond.body)
		if p.respond.headers != nil {
			x.env.Resp = &x.resp
			p.respond.headers.ApplyResponse(&x.resp, &x.env)
		}
		return respond
	}
	if p.request != nil {
		p.request.ApplyRequest(&x.req, &x.env)
	}
	return guest
}

func (x *exchange) redirect(r *filter.Redirect) step {
	to, ok := r.Location(x.scratch[:0], &x.env)
	x.scratch = to
	if !ok || !message.ValidValue(to) {
		return x.fail(admit, &message.Fault{Side: message.SideSelf, Status: 500, Cause: "bad-redirect"})
	}
	x.answerWith(r.Status, nil)
	x.resp.AddBytes([]byte("Location"), to)
	return respond
}

// answerWith makes the exchange's answer one of ours.
func (x *exchange) answerWith(status int, body []byte) {
	x.resp.Header.Reset(nil)
	x.resp.Status, x.resp.Reason, x.resp.Minor = status, nil, 1
	x.resp.Framing, x.resp.Length = message.Length, int64(len(body))
	x.resp.Close, x.resp.Upgrade = false, nil
	x.answer, x.source = body, fromSelf
}
