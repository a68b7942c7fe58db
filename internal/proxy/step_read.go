package proxy

import (
	"fishplate/internal/filter"
	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// stepRead waits for a request head and pins the generation. A connection that
// stays idle leaves here to be parked; one that has ended leaves without a
// record.
func stepRead(x *exchange) step {
	s := x.s
	if s.served > 0 && s.srv.hurried() && x.reader.Buffered() == 0 {
		return finished
	}
	f, quiet := x.readHead()
	if quiet {
		return finished
	}
	if x.begin == 0 {
		x.begin = x.srv.wheel.exact()
		x.mark = x.begin
	} else {
		x.clock(read)
	}
	s.served++
	x.srv.process.Add(s.shard, metrics.ProcessExchanges, 1)
	if f != nil {
		x.req.Close = true
		return x.fail(read, f)
	}
	r := &x.rec
	r.HasRequest = true
	r.Method, r.Host, r.Path, r.Minor = x.req.Method, x.req.Host, x.req.Path, x.req.Minor
	r.Query = x.req.Query
	x.gen = x.srv.current.Load()
	x.gen.pin(s.shard)
	s.refresh(x.gen)
	x.rec.Generation = x.gen.ID
	x.req.Conn = &s.conn
	x.body = x.reader.Body(x.req.Framing, x.req.Length)
	if s.srv.draining.Load() {
		x.req.Close = true
	}
	if len(x.srv.debugKey) > 0 {
		x.debugRequest()
	}
	if filter.Looped(&x.req, x.gen.Name) {
		return x.refuse(read, 508, "loop")
	}
	// Before routing: predicates and limits ask who the client is.
	filter.Forward(&x.req, s.plan.Forward)
	if x.gen.canary != nil {
		x.elect() // listeners are the same for both sides
	}
	return route
}

// readHead reads one request head within the timeouts. quiet means that there
// is none and nothing to tell: x.after says whether to park or to close.
func (x *exchange) readHead() (f *message.Fault, quiet bool) {
	s, wheel := x.s, x.srv.wheel
	due := wheel.now() + parkAfter
	if s.served == 0 && s.tls == nil {
		due = wheel.now() + min(parkAfter, s.plan.head)
	}
	for {
		s.watch.arm(s.net, nil, due)
		f = x.reader.ReadRequest(&x.req, s.scheme())
		fired := s.watch.disarm()
		switch {
		case f == nil:
			s.idleDue = 0
			return nil, false
		case fired && x.reader.Buffered() > 0:
			if x.begin != 0 {
				return slow("head-timeout", message.SideClient), false
			}
			// The head began to arrive; from now on its own timeout counts.
			x.begin = wheel.exact()
			x.mark = x.begin
			due = wheel.now() + s.plan.head
		case fired:
			x.idle()
			return nil, true
		case f.Status == 0:
			return nil, true
		default:
			return f, false
		}
	}
}

// idle decides about a connection on which nothing came.
func (x *exchange) idle() {
	s := x.s
	now := x.srv.wheel.now()
	if s.idleDue == 0 {
		s.idleDue = now - parkAfter + s.plan.idle
	}
	if now < s.idleDue && !x.srv.hurried() {
		x.after = parks
	}
}

func (s *session) scheme() string {
	if s.tls != nil {
		return "https"
	}
	return "http"
}

func slow(cause string, side message.Side) *message.Fault {
	return &message.Fault{Side: side, Status: 408, Cause: cause}
}

var _ http1.Stream = (*replay)(nil)
