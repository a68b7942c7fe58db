package proxy

import (
	"errors"
	"fmt"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/tenant"
)

// stepGuest asks the tenant's program about the request.
func stepGuest(x *exchange) step {
	x.s.yield() // from here on others are asked: programs, the store, servers
	t := x.plan.tenant
	if t == nil {
		x.releaseRun() // an expression may have called somebody's function
		return lookup
	}
	x.rec.Tenant = t.Name()
	x.env.Tenant = x.rec.Tenant
	x.clock(admit)
	if f := x.admitTo(t); f != nil {
		return x.guestFault(guest, f)
	}
	argument, f := x.callArgument(t)
	if f != nil {
		return x.guestFault(guest, f)
	}
	run := x.run
	f = x.guarding("on_recv", func() (f *message.Fault) {
		x.decision, f = run.OnRecv(x.context(), &x.req, argument)
		return f
	})
	if f != nil {
		return x.guestFault(guest, f)
	}
	x.ruled = true
	x.clock(guest)
	d := &x.decision
	if f := x.follow(d); f != nil {
		return x.guestFault(guest, f)
	}
	switch {
	case d.Kind == tenant.Answer:
		return x.synth()
	case d.Kind == tenant.Purge:
		return x.purgeOwn()
	case d.Kind == tenant.Forge:
	case run.Wants(tenant.LaterLookup|tenant.LaterOrigin|tenant.LaterDeliver) == 0:
		x.releaseRun()
	}
	return lookup
}

// callArgument is what the callbacks get as their third argument. It may be what
// a function of a program says.
func (x *exchange) callArgument(t *tenant.Tenant) (string, *message.Fault) {
	v := x.plan.argument
	if v == nil {
		return x.plan.fixed, nil
	}
	text, _ := v.Append(nil, &x.env) // null is an empty argument
	if x.trouble != nil {
		return "", x.trouble
	}
	return string(text), x.admitTo(t)
}

// synth makes the answer that the program gave instead of a backend's.
func (x *exchange) synth() step {
	x.answerWith(x.decision.Status, nil)
	f := x.guarding("on_synth", func() (f *message.Fault) {
		x.answer, f = x.run.Answer(x.context(), x.decision, &x.req, &x.resp)
		return f
	})
	if f != nil {
		return x.guestFault(guest, f)
	}
	return respond
}

// forge lets the program make the response, with the request's body in hand.
func (x *exchange) forge() step {
	if x.decision.Stream {
		return x.forgeStream()
	}
	body, f := x.collect()
	if f != nil {
		return x.fail(fetch, f)
	}
	x.answerWith(200, nil)
	x.asked.swap(&x.req)
	f = x.guarding("forge", func() (f *message.Fault) {
		x.answer, f = x.run.Forge(x.context(), &x.req, body, &x.resp)
		return f
	})
	x.asked.swap(&x.req)
	if f != nil {
		if x.onBackendError(f) {
			return respond
		}
		return x.guestFault(fetch, f)
	}
	x.clock(fetch)
	return store
}

// collectDefault bounds a body that is collected for a program, when the route
// has no limit of its own.
const collectDefault = 1 << 20

// collect reads the whole request body. The slice is valid until the exchange
// ends.
func (x *exchange) collect() ([]byte, *message.Fault) {
	if x.body.Done() {
		return x.collected, nil
	}
	limit := x.meter
	if limit == 0 {
		limit = collectDefault
	}
	if x.req.Framing == message.Length && x.req.Length > limit {
		return nil, &message.Fault{Side: message.SideClient, Status: 413, Cause: "body-too-large"}
	}
	if x.req.Expect100 && x.reader.Buffered() == 0 {
		if err := x.flush([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return nil, clientGone(err)
		}
	}
	var body []byte
	for !x.body.Done() {
		x.s.watch.arm(x.s.net, nil, x.srv.wheel.now()+x.s.plan.body)
		piece, err := x.body.Next()
		fired := x.s.watch.disarm()
		if err != nil && !isEnd(err) {
			return nil, bodyFault(err, fired)
		}
		if int64(len(body)+len(piece)) > limit {
			return nil, &message.Fault{Side: message.SideClient, Status: 413, Cause: "body-too-large"}
		}
		body = append(body, piece...)
	}
	x.rec.BytesIn = int64(len(body))
	return body, nil
}

// onDeliver shows the program the response that is about to go out.
func (x *exchange) onDeliver() *message.Fault {
	return x.guarding("on_deliver", func() *message.Fault {
		return x.run.OnDeliver(x.context(), &x.req, &x.resp)
	})
}

// guarding runs a guest callback. A panic of the machine is a defect of ours,
// but it must stay the matter of this one request: it becomes a fault.
func (x *exchange) guarding(what string, call func() *message.Fault) (f *message.Fault) {
	defer func() {
		if p := recover(); p != nil {
			x.srv.process.Add(x.s.shard, metrics.ProcessPanics, 1)
			x.srv.logger.Error("panic in a guest call", "tenant", x.rec.Tenant, "call", what, "panic", p)
			f = &message.Fault{Side: message.SideSelf, Status: 503, Cause: "guest-panic", Err: fmt.Errorf("%s: %v", what, p)}
		}
	}()
	return call()
}

func (x *exchange) guestFault(at step, f *message.Fault) step {
	f.Step = ""
	if f.Side == message.SideGuest && f.Err == nil {
		f.Err = errors.New("decided by the program")
	}
	return x.fail(at, f)
}

// detail is what the access log tells of a guest's fault: tenant, pc, symbol.
func detail(f *message.Fault) string {
	if f.Err == nil {
		return ""
	}
	var inner *message.Fault
	if errors.As(f.Err, &inner) && inner.Err != nil {
		return inner.Err.Error()
	}
	return f.Err.Error()
}

func (x *exchange) releaseRun() {
	if x.run != nil {
		x.run.Release()
		x.run = nil
	}
}
