package proxy

import (
	"errors"
	"sync/atomic"

	"fishplate/internal/metrics"
	"fishplate/internal/netio"
)

// An acceptor is the right to accept at one shard of a listener. One goroutine has
// it, and leads the sessions that it accepts by itself, one after the other: a short
// connection that comes with its request, and whose answer is at hand, then costs no
// other goroutine, neither a switch to one nor the wake-up of a processor for it. A
// session that is about to wait, or to do what may take long, gives the right away
// before (yield), and goes on as a session like any other while another goroutine
// accepts. So a slow client, server or program holds up nobody but itself.
type acceptor struct {
	srv   *Server
	l     *netio.Listener
	name  func() string // the listener's at the time
	in    *netio.Acceptor
	shard int
	helps bool // takes what waits, and does not wait itself
	ended func()

	session *session     // the one that is led by who accepts; nil: none
	takers  atomic.Int32 // who has the right, and the helpers that were called

	run, pass func() // work and yield, made once
}

const (
	// turn is how many connections are taken, without a wait between them, before
	// whoever else has something to do comes.
	turn = 64
	// crowd is how many are taken so before another goroutine is called to take some
	// too: waking a processor for fewer costs more than it saves.
	crowd = 4
)

// acceptor returns the right to accept at a shard. ended is called when nobody has
// it any more, and no helper is left.
func (s *Server) acceptor(l *netio.Listener, shard int, name func() string, ended func()) *acceptor {
	a := &acceptor{srv: s, l: l, name: name, in: l.Acceptor(shard), shard: shard, ended: ended}
	a.takers.Store(1)
	a.run, a.pass = a.work, a.yield
	return a
}

// work accepts until the right is given away, or there is nobody to accept.
func (a *acceptor) work() {
	for taken := 1; ; taken++ {
		c, err := a.next()
		if c == nil {
			if err != nil && !errors.Is(err, netio.ErrClosed) {
				a.srv.logger.Error("accept", "listener", a.name(), "error", err)
			}
			a.leave()
			return
		}
		if a.in.Waited {
			taken = 1
		}
		if taken%crowd == 0 {
			a.call()
		}
		if !a.lead(c) {
			return
		}
		if taken%turn == 0 {
			a.srv.turns.Wait()
		}
	}
}

func (a *acceptor) next() (*netio.Conn, error) {
	if a.helps {
		return a.in.Waiting(), nil
	}
	return a.in.Accept()
}

// lead leads the session of a connection, and reports whether the right is still
// ours.
func (a *acceptor) lead(c *netio.Conn) bool {
	s := a.srv
	t := &session{srv: s, net: c, stream: c, plain: c, shard: metrics.NewShard(), acceptor: a}
	t.conn.Listener = a.name()
	a.session = t
	c.BeforeWait(a.pass)
	s.open.Add(1)
	t.serve(accept)
	if t.acceptor == nil {
		return false
	}
	a.session = nil
	return true
}

// yield gives the right away, to another goroutine unless this one only helped.
func (a *acceptor) yield() {
	t := a.session
	a.session, t.acceptor = nil, nil
	t.net.BeforeWait(nil)
	if a.helps {
		a.leave()
		return
	}
	a.srv.hands.lead(a.run)
}

// yield lets another goroutine accept, if this one does besides leading the session.
func (s *session) yield() {
	if s.acceptor != nil {
		s.acceptor.yield()
	}
}

// call lets another goroutine take what waits, too, where there are processors for
// more.
func (a *acceptor) call() {
	if a.helps {
		return
	}
	if a.takers.Load() > a.srv.spare {
		return
	}
	a.takers.Add(1)
	a.srv.help(a.l, a.shard, a.name, a.leave)
}

// leave is called by each of those who take when it takes no more.
func (a *acceptor) leave() {
	if a.takers.Add(-1) == 0 {
		a.ended()
	}
}

// help takes what waits at a shard, on another goroutine.
func (s *Server) help(l *netio.Listener, shard int, name func() string, ended func()) {
	a := s.acceptor(l, shard, name, ended)
	a.helps = true
	s.hands.lead(a.run)
}
