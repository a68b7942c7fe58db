package proxy

import (
	"io"
	"math"
	"time"

	"fishplate/internal/cache"
	"fishplate/internal/message"
	"fishplate/internal/tenant"
)

// An outflow is the answer that a program sends by pieces, and what it has read
// of the request's body. It all happens inside the step fetch: the program's
// call is what lasts.
type outflow struct {
	begun   bool
	sent    bool           // the head was made for the client
	filling *cache.Filling // takes the body into the store; nil: it is not stored
	gone    error          // the client left, or is too slow

	read   int            // bytes taken of a collected body
	idle   int64          // how long the program has waited for the client's body in vain
	waited int64          // and how long in all
	broken *message.Fault // no more of it will come
}

var _ tenant.Outside = (*outside)(nil)

// forgeStream lets the program make the response while the request's body comes.
func (x *exchange) forgeStream() step {
	x.answerWith(200, nil)
	f := x.guarding("forge", func() (f *message.Fault) {
		x.answer, f = x.run.Forge(x.context(), &x.req, nil, &x.resp)
		return f
	})
	o := &x.outflow
	if !o.begun {
		if f != nil {
			return x.guestFault(fetch, f)
		}
		x.clock(fetch)
		return store
	}
	if f == nil && x.fault == nil {
		x.clock(fetch)
		return reply
	}
	if o.filling != nil {
		o.filling.End(false)
		o.filling = nil
	}
	if x.fault != nil {
		return reply // on_deliver failed: there is no head yet
	}
	if o.gone != nil {
		f = clientGone(o.gone) // what the program did about it is not the cause
	}
	if o.sent {
		f.Status = 0 // the client sees the answer break off
	}
	return x.guestFault(fetch, f)
}

// Begin implements tenant.Outside: store, respond and the head of reply, for an
// answer whose body follows.
func (o *outside) Begin(resp *message.Response) error {
	x := (*exchange)(o)
	out := &x.outflow
	if out.begun {
		return tenant.ErrStage
	}
	out.begun, x.source, x.answer = true, fromStream, nil
	x.clock(fetch)
	if x.decision.Cached {
		size := int64(-1)
		if resp.Framing != message.Chunked {
			size = resp.Length
		}
		if out.filling = x.visit.Making(resp, size, x.srv.wheel.time(x.mark), terms(x.run.Terms())); out.filling == nil {
			x.run.NotStored()
		}
	}
	x.allies = x.keepAllies()
	if x.plan == nil {
		x.plan = new(RoutePlan) // of a renewal whose route has gone
	}
	if stepRespond(x); x.fault != nil {
		return tenant.ErrFailed
	}
	if x.srv.draining.Load() || x.req.Expect100 && x.bodyUntouched() {
		x.req.Close = true // whether such a body will come is the client's choice
	}
	framing, length := x.framing()
	s := &x.sender
	s.x, s.r, s.begun, s.chunked = x, nil, false, framing == message.Chunked
	s.out = x.appendHead(x.buffer(&x.out), framing, length)
	x.rec.Status, out.sent = resp.Status, true
	if out.gone = s.flush(nil); out.gone != nil && out.filling == nil {
		return tenant.ErrFailed
	}
	return nil
}

// bodyUntouched reports whether nothing of the request's body has been seen.
func (x *exchange) bodyUntouched() bool {
	return x.body != nil && !x.body.Done() && !x.told && x.rec.BytesIn == 0 && x.reader.Buffered() == 0
}

// Write implements tenant.Outside. What is stored goes on when the client leaves,
// as an origin's answer would.
func (o *outside) Write(p []byte) error {
	x := (*exchange)(o)
	out, s := &x.outflow, &x.sender
	if !out.sent {
		return tenant.ErrFailed
	}
	if out.filling != nil && !out.filling.Append(p) {
		// The store has no room for it, and nobody but our client reads it.
		out.filling.End(false)
		out.filling = nil
	}
	if out.gone == nil && !x.bodyless() {
		out.gone = s.write(p)
		if pending := len(s.out); out.gone == nil && pending > 0 && !(s.chunked && pending == len("\r\n")) {
			out.gone = s.flush(nil)
		}
	}
	if out.gone != nil && out.filling == nil {
		return tenant.ErrFailed
	}
	return nil
}

// replyStream ends an answer whose body the program has sent.
func (x *exchange) replyStream() *message.Fault {
	out, s := &x.outflow, &x.sender
	if out.filling != nil {
		out.filling.End(true)
		out.filling = nil
	}
	if out.gone != nil {
		x.req.Close = true
		return clientGone(out.gone)
	}
	if s.chunked && !x.bodyless() {
		s.out = append(s.out, "0\r\n\r\n"...)
		if err := s.flush(nil); err != nil {
			return clientGone(err)
		}
	}
	if out.broken != nil {
		x.req.Close = true
	}
	x.settleBody()
	return nil
}

// BodyLength implements tenant.Outside.
func (o *outside) BodyLength() int64 {
	x := (*exchange)(o)
	switch {
	case x.collected != nil:
		return int64(len(x.collected))
	case x.req.Framing == message.Length:
		return x.req.Length
	case x.req.Framing == message.Chunked:
		return -1
	}
	return 0
}

// ReadBody implements tenant.Outside. The client has timeouts.body for every
// piece that is waited for; how long the program is not interested does not
// count.
func (o *outside) ReadBody(p []byte, d time.Duration) (int, error) {
	x := (*exchange)(o)
	out := &x.outflow
	switch {
	case x.collected != nil:
		n := copy(p, x.collected[out.read:])
		if out.read += n; n == 0 && len(p) > 0 {
			return 0, io.EOF
		}
		return n, nil
	case out.broken != nil:
		return 0, tenant.ErrFailed
	case x.body == nil || x.body.Done():
		return 0, io.EOF
	case x.s.net == nil:
		return 0, tenant.ErrFailed
	}
	if x.req.Expect100 && x.bodyUntouched() {
		if out.begun {
			return 0, tenant.ErrFailed // it has its answer, and was not told to go on
		}
		if err := x.flush([]byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return 0, tenant.ErrFailed
		}
		x.told = true
	}
	return x.readSome(p, d)
}

// readSome reads once from the client.
func (x *exchange) readSome(p []byte, d time.Duration) (int, error) {
	out, now := &x.outflow, x.srv.wheel.exact()
	most := x.s.plan.body - out.idle
	wait := min(most, int64(d))
	x.s.watch.arm(x.s.net, nil, now+min(wait, math.MaxInt64-now))
	n, err := x.body.Read(p)
	fired := x.s.watch.disarm()
	took := x.srv.wheel.exact() - now
	out.waited += took
	x.rec.BytesIn += int64(n)
	limits := &x.s.plan.Model.Limits
	switch {
	case n > 0 && x.meter > 0 && x.rec.BytesIn > x.meter:
		out.broken = &message.Fault{Side: message.SideClient, Status: 413, Cause: "body-too-large"}
		return 0, tenant.ErrLimit
	case n > 0 && limits.BodyRate > 0 && out.waited > x.s.plan.body && x.rec.BytesIn < limits.BodyRate*(out.waited/1e9):
		out.broken = slow("body-slow", message.SideClient)
	case n > 0:
		out.idle = 0
		return n, nil
	case err == nil || isEnd(err):
		return 0, err
	case (fired || isTimeout(err)) && wait < most:
		out.idle += took
		x.body.Resume()
		return 0, tenant.ErrTime
	default:
		out.broken = bodyFault(err, fired)
	}
	x.srv.causes.Add(out.broken.Cause)
	return 0, tenant.ErrFailed
}
