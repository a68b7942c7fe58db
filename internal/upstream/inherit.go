package upstream

import (
	"time"

	"fishplate/internal/model"
	"fishplate/internal/records"
	"fishplate/internal/upstream/learned"
	"fishplate/internal/upstream/persist"
)

// SaveHealth writes what is known of the servers, for a process that begins to
// prepare itself to take this one's place.
func (s *Set) SaveHealth(w *records.Writer) error {
	for _, g := range s.all() {
		g.mu.Lock()
		out := learned.Backend{Name: g.name, Found: g.found, Gone: g.gone}
		if l := g.lapsed.Load(); l != nil {
			out.Lapsed = &learned.Lapsed{Persist: *l.persist, Until: l.until}
		}
		for _, srv := range g.servers {
			srv.mu.Lock()
			v := learned.Server{Name: srv.name, Address: srv.address, PinName: srv.pinName, Check: srv.track.Memory(), PinnedAt: srv.pinnedAt.Load(), Removed: srv.removed}
			if v.Is = srv.is; v.Removed.IsZero() {
				v.Is = model.Server{}
			}
			srv.mu.Unlock()
			out.Servers = append(out.Servers, v)
		}
		retired := g.current.Load() == nil
		g.mu.Unlock()
		if retired {
			continue // nothing that the next process has names it
		}
		if err := out.Put(w); err != nil {
			return err
		}
	}
	return nil
}

// Inherit takes in what SaveHealth wrote, before the first Prepare. Until Settle
// no server is forgotten.
func (s *Set) Inherit(r *records.Reader) error {
	all, err := learned.ReadBackends(r)
	if err == nil {
		s.heritage.Store(&all)
	}
	return err
}

// Settle says that nothing is inherited any more.
func (s *Set) Settle() { s.heritage.Store(nil) }

// inherited returns what another process knew of the backend; it may be nil.
func (g *group) inherited() *learned.Backend {
	if all := g.set.heritage.Load(); all != nil {
		return (*all)[g.name]
	}
	return nil
}

// recall begins with what another process knew of the server.
func (s *Server) recall() {
	known := s.group.inherited()
	if known == nil {
		return
	}
	for i := range known.Servers {
		if v := &known.Servers[i]; v.Name == s.name && v.Address == s.address {
			s.track.Recall(v.Check)
			s.pinnedAt.Store(v.PinnedAt)
			if v.PinName != "" {
				s.pinName = v.PinName
			}
		}
	}
}

// recallLeaving takes in the servers that were leaving in another process, and
// the persistence that led to them. It is called with the group's lock held.
func (g *group) recallLeaving(b *Backend, now time.Time) {
	known := g.inherited()
	if known == nil {
		return
	}
	if l := known.Lapsed; l != nil && g.lapsed.Load() == nil {
		m := l.Persist
		old := &lapsed{persist: &m, what: persist.Identity(&m), until: l.Until}
		if persist.UsesTable(&m) {
			old.table = newSessions(&m)
		}
		g.lapsed.Store(old)
	}
	for i := range known.Servers {
		v := &known.Servers[i]
		key := serverKey{v.Name, v.Address}
		if v.Removed.IsZero() || g.servers[key] != nil {
			continue
		}
		s := newServer(g, &v.Is)
		g.servers[key] = s
		s.setCheck(b)
		s.configure(&v.Is, b.model, now)
		s.mu.Lock()
		s.removed, s.draining = v.Removed, v.Removed
		s.mu.Unlock()
	}
}

// SaveSessions writes the persistence tables, and what holds of servers for a
// while, when this process accepts nothing any more.
func (s *Set) SaveSessions(w *records.Writer) error {
	for _, g := range s.all() {
		if err := g.sessionsNow().Put(w); err != nil {
			return err
		}
	}
	return nil
}

func (g *group) sessionsNow() *learned.Sessions {
	out, places := &learned.Sessions{Backend: g.name}, map[*Server]int{}
	g.mu.Lock()
	for _, s := range g.servers {
		places[s] = len(out.Servers)
		out.Servers = append(out.Servers, learned.State{Name: s.name, Address: s.address, Ejected: s.node.EjectedUntil(), Ramp: s.node.Ramping(), Latency: int64(s.node.Latency())})
	}
	tables := [2]*persist.Table[*Server]{g.sessions.Load()}
	out.Pinned[0] = g.pinnedBy
	if l := g.lapsed.Load(); l != nil {
		out.Pinned[1], tables[1] = l.what, l.table
	}
	g.mu.Unlock()
	for i, t := range tables {
		if t == nil {
			continue
		}
		t.Each(func(key string, s *Server, used int64) {
			if place, ok := places[s]; ok {
				out.Rows[i] = append(out.Rows[i], learned.Row{Key: key, Server: place, Used: used})
			}
		})
	}
	return out
}

// Learn takes in what SaveSessions wrote, all of it or nothing, before the first
// request.
func (s *Set) Learn(r *records.Reader) error {
	all, err := learned.ReadSessions(r)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, v := range all {
		if b, ok := s.Backend(v.Backend); ok {
			b.group.learnAll(b, v, now)
		}
	}
	return nil
}

func (g *group) learnAll(b *Backend, v *learned.Sessions, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	servers := make([]*Server, len(v.Servers))
	for i, state := range v.Servers {
		if s := g.servers[serverKey{state.Name, state.Address}]; s != nil {
			servers[i] = s
			s.resume(state, b.model, now)
		}
	}
	tables := [2]*persist.Table[*Server]{}
	if v.Pinned[0] == g.pinnedBy {
		tables[0] = g.sessions.Load()
	}
	if l := g.lapsed.Load(); l != nil && l.what == v.Pinned[1] {
		tables[1] = l.table
	}
	for i, t := range tables {
		for _, row := range v.Rows[i] {
			if s := servers[row.Server]; t != nil && s != nil {
				t.Put([]byte(row.Key), s, min(row.Used, now.UnixNano()))
			}
		}
	}
}

// resume goes on with an ejection and a slow start, as far as this configuration
// has them.
func (s *Server) resume(v learned.State, b *model.Backend, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.Latency > 0 {
		s.node.Expect(now.UnixNano(), time.Duration(v.Latency))
	}
	if begun := time.Unix(0, v.Ramp); v.Ramp > 0 && !begun.After(now) && now.Sub(begun) < s.slowStart {
		s.node.Ramp(begun, s.slowStart)
	}
	if b.Eject != nil && v.Ejected > now.UnixNano() {
		left := min(time.Unix(0, v.Ejected).Sub(now), b.Eject.For)
		s.node.Eject(now.Add(left))
		s.eject = time.AfterFunc(left, s.returned)
	}
}

// LongestRecord bounds the records of both streams, in bytes.
const LongestRecord = learned.Longest
