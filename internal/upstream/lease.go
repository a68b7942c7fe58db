package upstream

import (
	"time"

	"fishplate/internal/message"
	"fishplate/internal/netio"
	"fishplate/internal/upstream/balance"
	"fishplate/internal/upstream/cause"
)

// Outcome is how a try ended: the status of the response head, or a fault.
type Outcome struct {
	Status int
	Fault  *message.Fault
}

// failed reports whether the outcome speaks against the server, for outlier
// ejection: a fault of its side, or a status from 500 on other than 501 and 505,
// which answer the request's method and version.
func (o Outcome) failed() bool {
	if o.Fault != nil {
		return o.Fault.Side == message.SideOrigin
	}
	return o.Status >= 500 && o.Status != 501 && o.Status != 505
}

// Release gives slot and connection back, once. A reusable connection is one
// whose response was read to its end and that neither side wants to close.
func (l *Lease) Release(reusable bool) {
	s, c := l.Server, l.Conn
	if s == nil {
		return
	}
	l.Server, l.Conn = nil, nil
	if c != nil {
		c.stay.Since = nowNanos()
		if !reusable || l.backend.limits.TooOld(&c.stay, c.stay.Since) || !s.pool.Put(c, l.backend.limits.Size) {
			c.Close()
		}
		s.group.set.scarce.Freed()
	}
	s.release()
}

// Fault turns an error of the lease's connection into a fault that says what
// the request was doing. A fault is returned as it is.
func (l *Lease) Fault(phase Phase, err error) *message.Fault { return Classify(phase, err) }

// Report tells how the try ended, once per lease and before Release. firstByte
// is the time from the request's last byte (or its head) to the response head;
// 0 when there was none.
func (l *Lease) Report(o Outcome, firstByte time.Duration) {
	s := l.Server
	if s == nil {
		return
	}
	if l.Reused && o.stale() {
		s.counters.Add(l.shard, ServerStale, 1)
		return
	}
	if firstByte > 0 {
		s.counters.Add(l.shard, ServerFirstByteTime, int64(firstByte/micros))
		if !o.failed() { // who refuses fast is not fast
			s.node.Observe(nowNanos(), firstByte)
		}
	}
	s.counters.Add(l.shard, counterOf(o), 1)
	if e := l.backend.model.Eject; e != nil && o.failed() {
		now := time.Now()
		if s.errors.Add(now.UnixNano(), e.Errors, e.Window) {
			l.backend.ejectServer(s, now)
		}
	}
}

// stale reports whether the outcome is what becomes of a connection that its
// server closed while it was idle: it broke before the first response byte.
func (o Outcome) stale() bool {
	return o.Fault != nil && o.Fault.Retry && (o.Fault.Cause == cause.Reset || o.Fault.Cause == cause.Closed)
}

// counterOf returns the counter that an outcome belongs to.
func counterOf(o Outcome) int {
	if o.Fault == nil {
		return Server1xx + min(max(o.Status/100, 1), 5) - 1
	}
	switch o.Fault.Cause {
	case cause.Refused, cause.Connect:
		return ServerConnectErrors
	case cause.ConnectTime:
		return ServerConnectTimeouts
	case cause.TLS:
		return ServerTLSErrors
	case cause.FirstByte:
		return ServerFirstByteTimeouts
	case cause.Idle:
		return ServerIdleTimeouts
	case cause.Reset, cause.Closed:
		return ServerResets
	}
	return ServerResponseErrors
}

// ejectServer takes an outlier out for a while, unless too many are out.
func (b *Backend) ejectServer(s *Server, now time.Time) {
	e, at := b.model.Eject, now.UnixNano()
	g := b.group
	g.mu.Lock()
	out, servers := 0, b.Servers()
	for _, other := range servers {
		if other.node.Ejected(at) {
			out++
		}
	}
	if s.node.Ejected(at) || float64(out+1) > e.Max*float64(len(servers)) {
		g.mu.Unlock()
		return
	}
	s.node.Eject(now.Add(e.For))
	s.mu.Lock()
	if s.eject != nil {
		s.eject.Stop()
	}
	s.eject = time.AfterFunc(e.For, s.returned)
	s.mu.Unlock()
	g.mu.Unlock()
	s.counters.Add(0, ServerEjections, 1)
	g.set.log.Warn("server ejected", "backend", g.name, "server", s.name, "errors", e.Errors, "for", e.For)
}

// returned ends an ejection: the server starts slowly if it is to, and whoever
// waits may have it.
func (s *Server) returned() {
	now := time.Now()
	s.mu.Lock()
	slow := s.slowStart
	s.node.Eject(time.Time{}) // its time is over, whatever the wall clock was set to
	s.mu.Unlock()
	if slow > 0 && s.node.Why(now.UnixNano()) == balance.In {
		s.node.Ramp(now, slow)
	}
	s.group.set.log.Info("server no longer ejected", "backend", s.group.name, "server", s.name)
	s.group.queue.Stir()
}

// nowNanos is the coarse time in Unix nanoseconds.
func nowNanos() int64 { return netio.Now().UnixNano() }
