package upstream

import (
	"context"
	"slices"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/netio"
	"fishplate/internal/predicate"
	"fishplate/internal/upstream/balance"
	"fishplate/internal/upstream/cause"
	"fishplate/internal/upstream/queue"
)

// Pick is one exchange's search for a server, over all its tries. It may be
// reused for the next exchange after Reset, and is not safe for concurrent use.
type Pick struct {
	Env   *predicate.Env
	Shard metrics.Shard
	Fresh bool // only a new connection will do: the caller is not going to speak HTTP on it
	// Left reports whether the client has gone; a queued request asks it now and
	// then. Nil: it never goes.
	Left func() bool

	query    balance.Query
	tried    [8]*balance.Node
	last     *Server // of the latest try
	again    *Server // the next try goes there, on a new connection
	want     *Server // the first try goes there, if it takes requests
	stale    bool    // the one free retry of a stale connection is spent
	attempts int     // retries made
	sent     bool    // the latest try had a connection, so the server may know of the request
	reused   bool    // and that connection was idle before
	pin      pin
}

// Reset prepares the Pick for a new exchange.
func (p *Pick) Reset(env *predicate.Env, shard metrics.Shard) {
	key := p.pin.key[:0]
	*p = Pick{Env: env, Shard: shard}
	p.pin.key = key
}

// Attempts returns how many retries were made so far.
func (p *Pick) Attempts() int { return p.attempts }

// Lease is a server's slot and a connection to it, held by one exchange. It is
// a value; exactly one copy is released.
type Lease struct {
	Server *Server
	Conn   *UpConn
	// Reused says that the connection was idle before: when it fails before the
	// first response byte, the server may have closed it, and MayRetry grants a
	// free retry.
	Reused  bool
	Queued  time.Duration // waited for the slot
	backend *Backend
	shard   metrics.Shard
}

// Acquire finds a server and a connection to it: the pinned one, else the
// policy's choice; when all are full, after a wait in the queue. ctx ends when
// the client leaves. The fault of a failed connection may be given to MayRetry,
// with an empty Lease.
func (b *Backend) Acquire(ctx context.Context, p *Pick) (Lease, *message.Fault) {
	g := b.group
	now := netio.Now()
	p.query.Env, p.query.Now = p.Env, now.UnixNano()
	if p.last == nil {
		g.counters.Add(p.Shard, BackendRequests, 1)
		g.budget.Deposit(b.model.Retry.Budget)
		b.readPin(p, false)
	}
	p.sent, p.reused = false, false
	s, queued, f := b.claim(ctx, p)
	if f != nil {
		return Lease{}, f
	}
	fresh := p.again != nil || p.Fresh
	p.last, p.again = s, nil
	b.learn(p, s)
	s.counters.Add(p.Shard, ServerRequests, 1)
	l := Lease{Server: s, Queued: queued, backend: b, shard: p.Shard}
	if !fresh {
		if l.Conn = b.idle(s, p.query.Now, p.Shard); l.Conn != nil {
			l.Reused, p.sent, p.reused = true, true, true
			s.counters.Add(p.Shard, ServerReused, 1)
			return l, nil
		}
	}
	l, f = b.connect(ctx, p, l, fresh)
	p.sent = f == nil
	return l, f
}

// idle takes a usable idle connection from the pool, or nil.
func (b *Backend) idle(s *Server, now int64, shard metrics.Shard) *UpConn {
	c, stale := s.pool.Usable(&b.limits, now, (*UpConn).stale)
	s.counters.Add(shard, ServerStale, int64(stale))
	return c
}

// connect dials for a lease; on failure the slot is given back and the failure
// counted, unless it is our own.
func (b *Backend) connect(ctx context.Context, p *Pick, l Lease, fresh bool) (Lease, *message.Fault) {
	c, err := b.dial(ctx, l.Server, l.shard)
	if netio.Short(err) {
		if err = b.again(ctx, p, &l, fresh, err); err == nil {
			return l, nil
		}
	}
	if err == nil {
		l.Conn = c
		return l, nil
	}
	var f *message.Fault
	if ctx.Err() == context.Canceled || err == context.Canceled {
		f = cause.Fault(message.SideClient, cause.ClientLeft, err)
	} else if f = Classify(Connecting, err); f.Side == message.SideOrigin {
		l.Report(Outcome{Fault: f}, 0)
	} else if tell := b.group.set.options.Exhausted; tell != nil {
		tell(l.Server.name, err)
	}
	l.Server.release()
	return Lease{}, f
}

// claim takes a slot of a server, waiting for it if need be.
func (b *Backend) claim(ctx context.Context, p *Pick) (*Server, time.Duration, *message.Fault) {
	if s := p.again; s != nil && s.node.Take() {
		return s, 0, nil
	}
	s, v, f := b.choose(p)
	if s != nil || f != nil {
		return s, 0, f
	}
	return b.wait(ctx, p, v)
}

// choose tries to take a slot without waiting. Without server and fault, v says
// why it is worth waiting.
func (b *Backend) choose(p *Pick) (s *Server, v balance.Verdict, f *message.Fault) {
	if s := p.wanted(); s != nil {
		return s, balance.Chosen, nil
	}
	if p.pin.server != nil {
		s, elsewhere, f := b.choosePinned(p)
		if !elsewhere {
			return s, balance.AllFull, f
		}
	}
	r := b.live()
	for range len(r.servers) + 1 {
		i, v := r.table.Pick(&p.query)
		switch v {
		case balance.Chosen:
			// Between choice and slot another request may take the last one.
			if s := r.servers[i]; s.node.Take() {
				return s, v, nil
			}
		case balance.None:
			if b.group.looking.Load() {
				return nil, balance.Waiting, nil
			}
			b.group.counters.Add(p.Shard, BackendNoServer, 1)
			return nil, v, cause.Busy(cause.NoServer, 0)
		case balance.Waiting:
			if s := b.standIn(p); s != nil {
				return s, balance.Chosen, nil
			}
			return nil, v, nil
		default:
			return nil, v, nil
		}
	}
	return nil, balance.AllFull, nil
}

// standIn takes a slot of a server that is leaving, within its grace, while those
// that took its place wait for their first check; nil is none. Nobody is pinned
// by that.
func (b *Backend) standIn(p *Pick) (least *Server) {
	for _, s := range b.group.pins.Load().leaving {
		if s.node.Why(p.query.Now) != balance.In || s.expired(p.query.Now) || slices.Contains(p.query.Tried, &s.node) {
			continue
		}
		if least == nil || s.node.Active() < least.node.Active() {
			least = s
		}
	}
	if least == nil || !least.node.Take() {
		return nil
	}
	return least
}

// Bounds of the wait when the configuration has no queue, for the cases where
// waiting does not depend on it: servers whose first check is under way, and
// pinned requests.
const (
	impliedLimit = 1000
	impliedWait  = 5 * time.Second
)

// wait queues the request until it has a slot.
func (b *Backend) wait(ctx context.Context, p *Pick, v balance.Verdict) (*Server, time.Duration, *message.Fault) {
	g, limit, timeout := b.group, impliedLimit, impliedWait
	q := b.model.Queue
	if now := g.current.Load(); q == nil && now != nil {
		q = now.model.Queue // the servers are today's, and full by today's bounds
	}
	if q != nil {
		limit, timeout = q.Limit, q.Timeout
	} else if v == balance.AllFull && p.pin.server == nil {
		limit = 0
	}
	w, _ := g.waiters.Get().(*waiter)
	if w == nil {
		w = queue.NewWaiter[*Server]()
	}
	w.Set(p.pin.server, b.priority(p.Env))
	start := time.Now()
	w.Timer.Reset(timeout)
	s, f := b.await(ctx, p, w, limit, timeout)
	w.Timer.Stop()
	w.Set(nil, 0)
	g.waiters.Put(w)
	took := time.Since(start)
	if f == nil || f.Cause != cause.QueueFull {
		g.counters.Add(p.Shard, BackendQueued, 1)
		g.counters.Add(p.Shard, BackendQueueTime, int64(took/micros))
	}
	return s, took, f
}

// await is the waiting itself. When it returns, w is not in the queue and its
// channel is empty.
func (b *Backend) await(ctx context.Context, p *Pick, w *waiter, limit int, timeout time.Duration) (*Server, *message.Fault) {
	g := b.group
	for {
		if !g.queue.Join(w, limit) {
			g.counters.Add(p.Shard, BackendQueueFull, 1)
			return nil, cause.Busy(cause.QueueFull, timeout)
		}
		// A slot that came free before we joined was offered to nobody.
		p.query.Now = time.Now().UnixNano()
		pinned := p.pin.server
		s, _, f := b.choose(p)
		if s == nil && f == nil && p.pin.server == pinned {
			s, f = b.sleep(ctx, p, w, timeout)
			switch {
			case s != nil:
				return s, nil
			case f == nil:
				continue
			}
		}
		if !g.queue.Leave(w) {
			if late := <-w.Granted; late != nil {
				late.release()
			}
		}
		if s == nil && f == nil {
			w.Want(p.pin.server) // its server is gone: now it is the one of its name, or any
			continue
		}
		return s, f
	}
}

// leftEvery is how often a waiting request looks whether its client is there.
const leftEvery = 100 * time.Millisecond

// sleep waits for a grant, which may be of no server (choose again), or for a
// reason to give up.
func (b *Backend) sleep(ctx context.Context, p *Pick, w *waiter, timeout time.Duration) (*Server, *message.Fault) {
	var look <-chan time.Time
	if p.Left != nil {
		t := time.NewTicker(leftEvery)
		defer t.Stop()
		look = t.C
	}
	for {
		select {
		case s := <-w.Granted:
			return s, nil
		case <-ctx.Done():
			b.group.counters.Add(p.Shard, BackendQueueLeft, 1)
			return nil, cause.Fault(message.SideClient, cause.ClientLeft, context.Cause(ctx))
		case <-w.Timer.C:
			b.group.counters.Add(p.Shard, BackendQueueTimeouts, 1)
			return nil, b.waitedTooLong(p, timeout)
		case <-look:
			if p.Left() {
				b.group.counters.Add(p.Shard, BackendQueueLeft, 1)
				return nil, cause.Fault(message.SideClient, cause.ClientLeft, nil)
			}
		}
	}
}

func (b *Backend) waitedTooLong(p *Pick, timeout time.Duration) *message.Fault {
	if s := p.pin.server; s != nil && !s.pinnable(time.Now().UnixNano()) {
		return cause.Busy(cause.PinnedDown, timeout)
	}
	return cause.Busy(cause.QueueTime, timeout)
}

// release gives a slot back: to the request whose turn it is, or to nobody.
func (s *Server) release() {
	q := &s.group.queue
	if q.Waiting() == 0 {
		s.node.Drop()
		if q.Waiting() == 0 {
			return
		}
		if !s.node.Take() {
			return
		}
	}
	for {
		limit := s.node.Max()
		open := s.open(time.Now().UnixNano())
		if (limit == 0 || s.node.Active() <= limit) && q.Grant(s, open) {
			return
		}
		s.node.Drop()
		// Whoever joined after grant looked, and before the slot was dropped,
		// saw it taken.
		if !q.Wants(s, open) || !s.node.Take() {
			return
		}
	}
}
