package upstream

import (
	"bytes"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/upstream/cause"
	"fishplate/internal/upstream/persist"
)

// pin is what persistence found out about one exchange.
type pin struct {
	read    bool
	asks    bool    // only explained: no use of a session
	server  *Server // where the client belongs; nil = nowhere, or no longer
	was     *Server // what the request said, for the answer's cookie
	tag     string  // that an inserted cookie has
	issued  time.Time
	renewed time.Time
	key     []byte // of the table kinds; empty = the request has none
}

// pinIndex finds servers by what cookies call them. It is immutable.
type pinIndex struct {
	tags  map[string]*Server
	names map[string]*Server // rewritten cookie names, for mode "name"
	// leaving are the servers that left and are in their grace.
	leaving []*Server
}

// pinName is what cookies call a new server: its name, and with the address
// behind it when a server of that name and another address is leaving, whose
// clients must still be told apart.
func (g *group) pinName(m *model.Server) string {
	for key := range g.servers {
		if key.name == m.Name && key.address != m.Address {
			return persist.Qualified(m.Name, m.Address)
		}
	}
	return m.Name
}

// index makes the pin index anew. It is called with the group's lock held; b is
// nil for a retired group.
func (g *group) index(b *Backend) {
	x := &pinIndex{tags: map[string]*Server{}, names: map[string]*Server{}}
	heirs, now := map[string]*Server{}, time.Now().UnixNano()
	for _, s := range g.servers {
		if s.expired(now) {
			continue
		}
		if s.leaving() {
			x.leaving = append(x.leaving, s)
		}
		g.enter(x, s, s.pinName)
		if other := persist.Qualified(s.name, s.address); other != s.pinName {
			g.enter(x, s, other)
		}
		if h := heirs[s.name]; h == nil || s.after(h) {
			heirs[s.name] = s
		}
	}
	// What nobody has in cookies any more leads to who has the name now.
	for name, s := range heirs {
		g.enterFree(x, s, name)
	}
	for _, key := range g.gone {
		if s := heirs[key[0]]; s != nil {
			g.enterFree(x, s, persist.Qualified(key[0], key[1]))
		}
	}
	g.pins.Store(x)
}

// after reports whether s has their common name later than h: it is in the
// configuration, or has more of its grace left.
func (s *Server) after(h *Server) bool {
	mine, its := uint64(s.until.Load()-1), uint64(h.until.Load()-1) // 0, which is none, is the largest
	return mine > its || mine == its && s.address < h.address
}

func (g *group) enterFree(x *pinIndex, s *Server, name string) {
	if x.tags[g.set.tagger.Tag(g.name, name)] == nil {
		g.enter(x, s, name)
	}
}

// enter makes a server found under a name that cookies may have for it.
func (g *group) enter(x *pinIndex, s *Server, name string) {
	x.tags[g.set.tagger.Tag(g.name, name)] = s
	for _, m := range []*model.Persist{g.persist, g.former()} {
		if m == nil || m.Mode != "name" {
			continue
		}
		if rewritten, ok := g.set.tagger.Name(m.Name, g.name, name); ok {
			x.names[rewritten] = s
		}
	}
}

// PersistRequest reads the client's pin and hides our marks from the server: an
// inserted cookie is taken out, a prefixed value or a rewritten name gets its
// own form back. It is called once per exchange, before Acquire and before the
// head is forwarded.
func (b *Backend) PersistRequest(p *Pick) { b.readPin(p, true) }

// readPin finds where the client belongs. Without edit the request stays as it
// is.
func (b *Backend) readPin(p *Pick, edit bool) {
	old := b.group.lapsed.Load()
	if p.pin.read || b.model.Persist == nil && old == nil || p.Env == nil || p.Env.Req == nil {
		return
	}
	p.pin.read = true
	if m := b.model.Persist; m != nil {
		b.findPin(p, m, b.group.sessions.Load(), edit)
		b.follow(p, nowNanos())
	}
	if old != nil && p.pin.server == nil {
		key := len(p.pin.key)
		b.findPin(p, old.persist, old.table, false)
		p.pin.key = p.pin.key[:key]
		if s := p.pin.server; s != nil && !s.leaving() {
			p.pin.server = nil // it holds for the servers that left with it
		}
	}
	p.pin.was = p.pin.server
}

// findPin is readPin for one persistence. The key is put behind what p.pin.key
// holds.
func (b *Backend) findPin(p *Pick, m *model.Persist, t *persist.Table[*Server], edit bool) {
	if m.Kind == "cookie" {
		b.readCookie(p, m, t, edit)
		return
	}
	from := len(p.pin.key)
	if p.pin.key = persist.AppendKey(p.pin.key, m, p.Env.Req); len(p.pin.key) > from {
		p.lookUp(t, p.pin.key[from:])
	}
}

// lookUp finds the server of a key in the table.
func (p *Pick) lookUp(t *persist.Table[*Server], key []byte) {
	if t != nil {
		p.pin.server, _ = t.Find(key, nowNanos(), !p.pin.asks)
	}
}

// prefixMark separates our tag from the application's value.
const prefixMark = '~'

func (b *Backend) readCookie(p *Pick, m *model.Persist, t *persist.Table[*Server], edit bool) {
	x := b.group.pins.Load()
	if x == nil {
		return
	}
	persist.EditCookies(p.Env.Req, func(name, value []byte) ([]byte, []byte, bool) {
		if m.Mode == "name" {
			s := x.names[string(name)]
			if s != nil {
				p.pin.server = s
			}
			if edit && (s != nil || b.group.set.tagger.OwnName(string(name), m.Name, b.group.name)) {
				return []byte(m.Name), value, true
			}
			return name, value, true
		}
		if string(name) != m.Name {
			return name, value, true
		}
		switch m.Mode {
		case "insert":
			b.readTag(p, m, x, value)
			return name, value, !edit
		case "prefix":
			tag, rest, found := bytes.Cut(value, []byte{prefixMark})
			if found && persist.IsTag(tag) {
				p.pin.server = x.tags[string(tag)] // nil when it is gone
				if edit {
					return name, rest, true
				}
			}
		case "rewrite":
			p.pin.server = x.tags[string(value)]
		case "passive":
			p.lookUp(t, value)
		}
		return name, value, true
	})
}

// readTag reads an inserted cookie: our tag, and with max_age or idle the dates
// that say whether it still holds.
func (b *Backend) readTag(p *Pick, m *model.Persist, x *pinIndex, value []byte) {
	said, ok := b.group.set.tagger.Parse(value)
	if !ok {
		return
	}
	if m.MaxAge > 0 || m.Idle > 0 {
		now := time.Now()
		if m.MaxAge > 0 && now.Sub(said.Issued) >= m.MaxAge || m.Idle > 0 && now.Sub(said.Renewed) >= m.Idle {
			return
		}
		p.pin.issued, p.pin.renewed = said.Issued, said.Renewed
	}
	p.pin.tag, p.pin.server = said.Tag, x.tags[said.Tag]
}

// choosePinned tries the server where the client belongs. elsewhere says that
// the client is free to go to another one.
func (b *Backend) choosePinned(p *Pick) (s *Server, elsewhere bool, f *message.Fault) {
	b.follow(p, p.query.Now)
	s = p.pin.server
	tried := p.attempts > 0
	if s.expired(p.query.Now) || tried && s.leaving() || b.model.Persist == nil && !s.pinnable(p.query.Now) {
		// It does not come back: nothing is gained by waiting or by failing.
		b.unpin(p)
		return nil, true, nil
	}
	if !tried && s.pinnable(p.query.Now) {
		if s.node.Take() {
			s.counters.Add(p.Shard, ServerPinned, 1)
			s.pinnedAt.Store(p.query.Now)
			return s, false, nil
		}
		return nil, false, nil
	}
	word := ""
	if m := b.model.Persist; m != nil {
		word = m.OnDown
	}
	switch word {
	case "fail":
		if !tried {
			return nil, false, cause.Busy(cause.PinnedDown, 0)
		}
	case "wait":
		if !tried {
			return nil, false, nil
		}
	default:
		b.unpin(p)
		return nil, true, nil
	}
	// A retry of a pinned request that may not move goes to the same server.
	if s.pinnable(p.query.Now) && s.node.Take() {
		return s, false, nil
	}
	return nil, false, nil
}

// follow leads a client whose server is gone to the one that has its name now.
func (b *Backend) follow(p *Pick, now int64) {
	if s := p.pin.server; s != nil && s.expired(now) && b.model.Persist != nil {
		if next, ok := b.group.heir(s, now); ok {
			p.pin.server, p.pin.was = next, next
		}
	}
}

// unpin lets a pinned request go to another server.
func (b *Backend) unpin(p *Pick) {
	b.group.counters.Add(p.Shard, BackendRepinned, 1)
	p.pin.server = nil
}

// learn puts the server of a request into the table, where the request itself
// carries the key.
func (b *Backend) learn(p *Pick, s *Server) {
	m := b.model.Persist
	if m == nil || len(p.pin.key) == 0 || p.pin.server == s || m.Kind == "cookie" || s.leaving() {
		return
	}
	if t := b.group.sessions.Load(); t != nil {
		t.Put(p.pin.key, s, nowNanos())
	}
}

// PersistResponse puts the pin into the response, or learns it from there. srv
// is the server that answered.
func (b *Backend) PersistResponse(p *Pick, resp *message.Response, srv *Server) {
	m := b.model.Persist
	if m == nil {
		return
	}
	if m.Kind == "header" {
		if v, ok := resp.Get(m.Name); ok {
			b.remember(v, srv)
		}
		return
	}
	if m.Kind != "cookie" {
		return
	}
	if m.Mode == "insert" {
		b.insertCookie(p, resp, srv)
		return
	}
	newName := m.Name
	if m.Mode == "name" {
		if name, ok := b.group.set.tagger.Name(m.Name, b.group.name, srv.pinName); ok {
			newName = name
		}
	}
	persist.EditSetCookies(resp, func(name, value []byte) ([]byte, []byte, bool) {
		if string(name) != m.Name {
			return nil, nil, false
		}
		switch m.Mode {
		case "rewrite":
			return name, []byte(srv.tag), true
		case "prefix":
			return name, append([]byte(srv.tag+string(prefixMark)), value...), true
		case "name":
			return []byte(newName), value, true
		case "passive":
			b.remember(value, srv)
		}
		return nil, nil, false
	})
}

func (b *Backend) remember(key []byte, srv *Server) {
	if t := b.group.sessions.Load(); t != nil && len(key) > 0 && !srv.expired(nowNanos()) {
		t.Put(key, srv, nowNanos())
	}
}

// insertCookie adds our cookie when the client has none for this server, or one
// that led here by the name alone, or when a quarter of its idle time has passed.
func (b *Backend) insertCookie(p *Pick, resp *message.Response, srv *Server) {
	m, now := b.model.Persist, time.Now()
	same := p.pin.was != nil && p.pin.was.tag == srv.tag
	if !same && srv.leaving() {
		return // it stood in for others
	}
	if same && p.pin.tag == srv.tag && (m.Idle == 0 || now.Sub(p.pin.renewed) < m.Idle/4) {
		return
	}
	srv.pinnedAt.Store(now.UnixNano())
	value := srv.tag
	if m.MaxAge > 0 || m.Idle > 0 {
		issued := now
		if same {
			issued = p.pin.issued
		}
		value = b.group.set.tagger.Dated(srv.tag, issued, now)
	}
	resp.Add("Set-Cookie", persist.SetCookie(m, value))
}
