package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/netip"
	"os"
	"runtime"
	"time"

	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/netio"
)

// parkAfter is how long a connection may be idle before it loses its goroutine.
const parkAfter = int64(time.Second)

// A session is one client connection. While it is parked, this is all that is
// left of it; an exchange, with the codec and its buffers, is attached while
// its goroutine lives.
type session struct {
	srv      *Server
	plan     *ListenerPlan
	planID   uint64 // generation of plan
	counters *metrics.Set

	net    *netio.Conn
	tls    *tls.Conn       // nil on a plain connection
	stream http1.Stream    // net, tls, or what replays bytes already read
	ctx    context.Context // of an inner exchange that may be given up; else nil
	stay   func() bool     // undoes what happens when ctx ends
	sink   sink            // takes the answer of an inner exchange, which has no net; else nil
	plain  *netio.Conn     // nil unless body bytes may bypass us: net, without replay
	conn   message.Conn
	client netip.Addr // counted in plan.Clients; invalid when not

	acceptor *acceptor // whose right this session's goroutine has; nil: it accepts nobody

	watch    watch
	shard    metrics.Shard
	idleDue  int64 // instant at which an idle connection is closed
	served   int   // requests
	admitted bool  // accept has counted it
	aborts   bool  // the last answer was broken off, and nothing but a reset tells it
}

// streak is how many exchanges a session leads before others have a turn: a client
// whose next request is always there already would leave them none.
const streak = 16

// serve runs the session until it ends or parks. It is the whole life of the
// connection's goroutine.
func (s *session) serve(from step) {
	x := s.srv.attach(s)
	if s.watch.shard == nil {
		s.srv.wheel.add(&s.watch, s.shard)
	}
	after := ends
	for led := 1; ; led++ {
		after = x.guarded(from)
		if after != goesOn {
			break
		}
		from = read
		s.yield()
		x.release() // who waits for the next request holds no buffer
		x.reset()
		if s.srv.alone || led%streak == 0 {
			runtime.Gosched()
		}
	}
	slow := x.rec.Status == 408
	s.srv.detach(x)
	if after == lingers {
		s.linger(slow)
	}
	s.srv.wheel.remove(&s.watch)
	if after == parks && s.srv.park(s) {
		return
	}
	s.close()
}

// guarded leads one exchange and turns a panic, which is a defect of ours, into
// the end of this one connection.
func (x *exchange) guarded(from step) (after outcome) {
	defer func() {
		if p := recover(); p != nil {
			x.panicked(p)
			after = ends
		}
	}()
	x.lead(from)
	return x.after
}

// refresh takes the listener's plan of a generation. A listener that the
// generation does not have keeps its last plan until its connections end.
func (s *session) refresh(g *Generation) {
	if s.planID == g.ID {
		return
	}
	s.planID = g.ID
	if p := g.Listeners[s.conn.Listener]; p != nil {
		s.plan = p
	} else if s.plan == nil {
		s.plan = g.left[s.conn.Listener].plan
	}
}

// logs returns the access logs of the running generation.
func (s *session) logs() []*Log { return *s.srv.logs.Load() }

// wake is what the parker calls.
func (s *session) wake(expired bool) {
	s.srv.process.Add(s.shard, metrics.ProcessParked, -1)
	if expired {
		s.close()
		return
	}
	s.serve(read)
}

// close ends the connection.
func (s *session) close() {
	switch {
	case s.aborts:
		s.net.Abort()
	case s.tls != nil:
		// close_notify must not wait for a client that does not read.
		_ = s.net.SetWriteDeadline(time.Now().Add(time.Second))
		_ = s.tls.Close() // the client may have gone before us
	}
	_ = s.net.Close() // nothing is left to tell anybody
	if s.client.IsValid() {
		s.plan.Clients.Release(s.client)
	}
	if s.admitted {
		s.counters.Add(s.shard, metrics.ListenerConnections, -1)
	}
	s.srv.left(s)
}

// Lingering: a close with unread bytes makes the kernel send a reset, which can
// destroy the answer before the client has read it (RFC 9112 §9.6). So what the client
// sends is read on until it ends or is silent, as long as an upload may take, but for
// one that was too slow.
const (
	lingerQuiet = int64(5 * time.Second)
	lingerTime  = int64(30 * time.Second)
	lingerSlow  = int64(2 * time.Second)
)

func (s *session) linger(slow bool) {
	if s.tls != nil {
		_ = s.net.SetWriteDeadline(time.Now().Add(time.Second))
		_ = s.tls.CloseWrite() // the answer is out already
	}
	if s.net.CloseWrite() != nil {
		return
	}
	s.yield() // what comes may come without a pause
	wheel, within := s.srv.wheel, lingerTime
	if slow {
		within = lingerSlow
	}
	end := wheel.exact() + within
	for now := wheel.exact(); now < end; now = wheel.exact() {
		s.watch.arm(s.net, nil, min(now+lingerQuiet, end))
		buf, _, err := s.net.ReadPooled() // who waits holds no buffer
		if err == nil {
			netio.PutBuffer(buf)
		}
		if s.watch.disarm() || err != nil {
			return
		}
	}
}

// replay is a stream whose first bytes were read before the codec began.
type replay struct {
	*netio.Conn
	first []byte
}

// Read yields the bytes read before, then the connection's.
func (r *replay) Read(p []byte) (int, error) {
	if len(r.first) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.first)
	if r.first = r.first[n:]; len(r.first) == 0 {
		r.first = nil
	}
	return n, nil
}

// isTimeout tells a deadline, ours or the system's.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// isEnd tells an orderly end of a stream or body; a fault that was caused by an
// early end wraps io.EOF and is none.
func isEnd(err error) bool { return err == io.EOF }

func tlsVersion(v uint16) string {
	switch v {
	case tls.VersionTLS13:
		return "1.3"
	case tls.VersionTLS12:
		return "1.2"
	}
	return "other"
}
