package upstream

import (
	"slices"
	"time"

	"fishplate/internal/model"
	"fishplate/internal/upstream/balance"
	"fishplate/internal/upstream/persist"
)

// A server that leaves the configuration gets no new sessions. It finishes its
// requests and serves those who are pinned to it until its grace ends, or until
// nobody is left who could come: then it is forgotten. Named again before that,
// it is the same server, with its connections, history and sessions.

// leave marks the server as no longer configured. Its grace is its own, or the
// backend's that is given; a later call changes the end and not the beginning.
func (s *Server) leave(now time.Time, grace time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.removed.IsZero() {
		s.removed, s.draining = now, now
	}
	if s.is.Grace != nil {
		grace = *s.is.Grace
	}
	s.until.Store(s.removed.Add(grace).UnixNano())
}

// leaving reports whether the server left the configuration.
func (s *Server) leaving() bool { return s.until.Load() != 0 }

// expired reports whether the server left, and its grace is over.
func (s *Server) expired(now int64) bool {
	until := s.until.Load()
	return until != 0 && now >= until
}

// pinnable reports whether a pinned session may use the server: it is well, and
// in, draining, or removed but within its grace.
func (s *Server) pinnable(now int64) bool {
	switch s.node.Why(now) {
	case balance.In, balance.Drain:
		return !s.expired(now)
	}
	return false
}

// open reports whether the server takes requests that are not pinned to it. The
// servers of a removed backend take those that were routed to it before.
func (s *Server) open(now int64) bool {
	return s.node.Why(now) == balance.In && (!s.leaving() || s.group.current.Load() == nil)
}

// finished reports whether a removed server may be forgotten: nobody uses it,
// and its grace is over or no pinned client can come any more.
func (s *Server) finished(now time.Time, pins ...*model.Persist) bool {
	if !s.leaving() || s.node.Active() > 0 {
		return false
	}
	return s.expired(now.UnixNano()) || !slices.ContainsFunc(pins, func(m *model.Persist) bool { return s.awaited(m, now) })
}

// awaited reports whether a client that m pinned may still come. A table knows;
// of cookies is known only how long they hold, if they do not hold for ever.
func (s *Server) awaited(m *model.Persist, now time.Time) bool {
	if m == nil {
		return false
	}
	if persist.UsesTable(m) {
		return s.sessions.Load() > 0
	}
	if m.Mode != "insert" {
		return true // the application's cookie lives as long as it says
	}
	s.mu.Lock()
	removed := s.removed
	s.mu.Unlock()
	last := removed
	if at := time.Unix(0, s.pinnedAt.Load()); at.After(last) {
		last = at
	}
	return (m.Idle == 0 || now.Sub(last) < m.Idle) && (m.MaxAge == 0 || now.Sub(removed) < m.MaxAge)
}

// lapsed is the persistence that a backend had before the one that it has now.
// It still leads clients to the servers that left with it.
type lapsed struct {
	persist *model.Persist
	what    string
	table   *persist.Table[*Server] // nil for kinds without one
	until   time.Time               // kept until then in any case: the change may be taken back
}

// adoptSessions puts the persistence of a new view in force. Its table is kept
// over reloads as long as the same thing is looked up in it. It is called with
// the group's lock held.
func (g *group) adoptSessions(b *Backend, now time.Time) {
	m := b.model.Persist
	what, table := persist.Identity(m), g.sessions.Load()
	if what != g.pinnedBy {
		old := g.lapsed.Load()
		this := &lapsed{g.persist, g.pinnedBy, table, now.Add(b.model.Grace)}
		if table = nil; old != nil && old.what == what {
			table = old.table
		} else {
			old.close()
		}
		if this.persist == nil {
			this = nil
		}
		g.lapsed.Store(this)
	}
	g.persist, g.pinnedBy = m, what
	switch {
	case !persist.UsesTable(m):
		table = nil
	case table == nil:
		table = newSessions(m)
	default:
		table.Limit(m.Size, m.Age)
	}
	g.sessions.Store(table)
}

// newSessions returns an empty table, which counts the rows of each server.
func newSessions(m *model.Persist) *persist.Table[*Server] {
	return persist.NewTable(m.Size, m.Age, func(s *Server, n int64) { s.sessions.Add(n) })
}

func (l *lapsed) close() {
	if l != nil && l.table != nil {
		l.table.Close()
	}
}

// former returns the persistence before the present one, nil for none.
func (g *group) former() *model.Persist {
	if l := g.lapsed.Load(); l != nil {
		return l.persist
	}
	return nil
}

// depart looks at the servers that are leaving: over are those that were
// forgotten just now, ended says that some grace ended. It is called with the
// group's lock held.
func (g *group) depart(now time.Time) (over []*Server, ended bool) {
	waited := g.set.keeps.Load()
	for key, s := range g.servers {
		if !g.set.keeps.Load() && s.finished(now, g.persist, g.former()) {
			delete(g.servers, key)
			s.until.Store(1) // whoever still has a pin to it goes elsewhere
			over = append(over, s)
			if s.pinName != s.name { // the name alone is found by who has it
				g.gone = g.gone.With(s.name, s.address)
			}
			continue
		}
		if s.expired(now.UnixNano()) && !s.ended {
			s.ended, ended = true, true
		}
		waited = waited || s.leaving() && !s.ended
	}
	if l := g.lapsed.Load(); l != nil && !waited && !now.Before(l.until) {
		l.close()
		g.lapsed.Store(nil)
	}
	if len(over) > 0 || ended {
		g.version++
		g.index(g.current.Load())
	}
	return over, ended || len(over) > 0
}

// sweep closes what is idle for too long and drops removed servers that have
// finished.
func (g *group) sweep(now time.Time) {
	g.mu.Lock()
	over, ended := g.depart(now)
	last := g.last
	stay := make([]*Server, 0, len(g.servers))
	for _, s := range g.servers {
		stay = append(stay, s)
	}
	g.mu.Unlock()
	for _, s := range over {
		s.endCheck()
		s.pool.Close()
	}
	if last != nil {
		for _, s := range stay {
			s.pool.Sweep(&last.limits, now.UnixNano())
		}
	}
	if t := g.sessions.Load(); t != nil {
		var heir func(*Server) (*Server, bool)
		if ended && !g.set.keeps.Load() {
			heir = func(s *Server) (*Server, bool) { return g.heir(s, now.UnixNano()) }
		}
		t.Sweep(now.UnixNano(), heir)
	}
	if l := g.lapsed.Load(); l != nil && l.table != nil {
		l.table.Sweep(now.UnixNano(), nil)
	}
	if ended {
		g.queue.Stir() // who waited for a server that is gone may have another
	}
}

// heir returns the server that has the sessions of s now: itself, or when it is
// gone the one of its name.
func (g *group) heir(s *Server, now int64) (*Server, bool) {
	if b := g.current.Load(); s.expired(now) && b != nil {
		s = b.server(s.name)
	}
	return s, s != nil && !s.expired(now)
}

// Follows reports whether sessions that are pinned to the backend stay with it
// when their route names another.
func (b *Backend) Follows() bool {
	return b.model.Persist != nil && b.model.Persist.Follow == "session"
}

// Grace returns the longest time that a server of the backend has to leave.
func (b *Backend) Grace() time.Duration {
	grace := b.model.Grace
	for _, s := range b.model.Servers {
		if s.Grace != nil {
			grace = max(grace, *s.Grace)
		}
	}
	return grace
}

// Holds reports whether the request belongs to a session that is pinned to a
// server of the backend which still takes it.
func (b *Backend) Holds(p *Pick) bool {
	b.readPin(p, false)
	return p.pin.server != nil && p.pin.server.pinnable(nowNanos())
}
