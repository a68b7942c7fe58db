package upstream

import (
	"bytes"
	"net/netip"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/upstream/persist"
)

// pin is what persistence found out about one exchange.
type pin struct {
	read    bool
	server  *Server // where the client belongs; nil = nowhere, or no longer
	was     *Server // what the request said, for the answer's cookie
	issued  time.Time
	renewed time.Time
	key     []byte // of the table kinds; empty = the request has none
}

// pinIndex finds servers by what cookies call them. It is immutable.
type pinIndex struct {
	tags  map[string]*Server
	names map[string]*Server // rewritten cookie names, for mode "name"
}

// index makes the pin index anew. It is called with the group's lock held; b is
// nil for a retired group.
func (g *group) index(b *Backend) {
	x := &pinIndex{tags: map[string]*Server{}, names: map[string]*Server{}}
	for _, s := range g.servers {
		// Of two servers of one name the configured one wins over the leaving.
		if old := x.tags[s.tag]; old != nil && !s.leaving() {
			x.tags[s.tag] = s
		} else if old == nil {
			x.tags[s.tag] = s
		}
		if b != nil && b.model.Persist != nil && b.model.Persist.Mode == "name" {
			if name, ok := g.set.tagger.Name(b.model.Persist.Name, g.name, s.name); ok {
				x.names[name] = s
			}
		}
	}
	g.pins.Store(x)
}

func (s *Server) leaving() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.removed.IsZero()
}

// usesTable reports whether a kind of persistence keeps a table.
func usesTable(m *model.Persist) bool {
	return m != nil && (m.Kind != "cookie" || m.Mode == "passive")
}

// adoptSessions keeps the table over reloads as long as the same thing is
// looked up in it. It is called with the group's lock held.
func (g *group) adoptSessions(m *model.Persist) {
	if !usesTable(m) {
		g.sessions.Store(nil)
		g.tableFor = ""
		return
	}
	what := m.Kind + " " + m.Mode + " " + m.Name
	if t := g.sessions.Load(); t != nil && g.tableFor == what {
		t.Limit(m.Size, m.Age)
		return
	}
	g.sessions.Store(persist.NewTable[*Server](m.Size, m.Age))
	g.tableFor = what
}

// PersistRequest reads the client's pin and hides our marks from the server: an
// inserted cookie is taken out, a prefixed value or a rewritten name gets its
// own form back. It is called once per exchange, before Acquire and before the
// head is forwarded.
func (b *Backend) PersistRequest(p *Pick) { b.readPin(p, true) }

// readPin finds where the client belongs. Without edit the request stays as it
// is.
func (b *Backend) readPin(p *Pick, edit bool) {
	m := b.model.Persist
	if m == nil || p.pin.read || p.Env == nil || p.Env.Req == nil {
		return
	}
	p.pin.read = true
	req := p.Env.Req
	if m.Kind == "cookie" {
		b.readCookie(p, req, edit)
	} else if p.pin.key = persistKey(p.pin.key[:0], m, req); len(p.pin.key) > 0 {
		b.lookUp(p)
	}
	p.pin.was = p.pin.server
}

// lookUp finds the server of p.pin.key in the table.
func (b *Backend) lookUp(p *Pick) {
	if t := b.group.sessions.Load(); t != nil {
		p.pin.server, _ = t.Find(p.pin.key, nowNanos())
	}
}

// persistKey appends the part of the request that the table kinds look up.
func persistKey(dst []byte, m *model.Persist, req *message.Request) []byte {
	var v []byte
	switch m.Kind {
	case "source":
		return appendSource(dst, m, req.ClientIP)
	case "header":
		v, _ = req.Get(m.Name)
	case "query":
		v, _ = req.QueryValue(m.Name)
	case "parameter":
		v = pathParameter(req.Target, m.Name)
	}
	return append(dst, v...)
}

func appendSource(dst []byte, m *model.Persist, ip netip.Addr) []byte {
	ip = ip.Unmap()
	bits := m.Mask
	if ip.Is6() {
		bits = m.Mask6
	}
	if bits <= 0 || bits > ip.BitLen() {
		bits = ip.BitLen()
	}
	prefix, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return dst // an exchange without a client address
	}
	return prefix.Addr().AppendTo(dst)
}

// pathParameter returns the value of ";name=value" in the target's path.
func pathParameter(target []byte, name string) []byte {
	path, _, _ := bytes.Cut(target, []byte{'?'})
	for {
		_, rest, found := bytes.Cut(path, []byte{';'})
		if !found {
			return nil
		}
		path = rest
		if after, ok := bytes.CutPrefix(rest, []byte(name+"=")); ok {
			if end := bytes.IndexAny(after, ";/"); end >= 0 {
				after = after[:end]
			}
			return after
		}
	}
}

// prefixMark separates our tag from the application's value.
const prefixMark = '~'

func (b *Backend) readCookie(p *Pick, req *message.Request, edit bool) {
	m, x := b.model.Persist, b.group.pins.Load()
	if x == nil {
		return
	}
	persist.EditCookies(req, func(name, value []byte) ([]byte, []byte, bool) {
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
			b.readTag(p, x, value)
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
			p.pin.key = append(p.pin.key[:0], value...)
			b.lookUp(p)
		}
		return name, value, true
	})
}

// readTag reads an inserted cookie: our tag, and with max_age or idle the dates
// that say whether it still holds.
func (b *Backend) readTag(p *Pick, x *pinIndex, value []byte) {
	m := b.model.Persist
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
	p.pin.server = x.tags[said.Tag]
}

// choosePinned tries the server where the client belongs. elsewhere says that
// the client is free to go to another one.
func (b *Backend) choosePinned(p *Pick) (s *Server, elsewhere bool, f *message.Fault) {
	s = p.pin.server
	tried := p.attempts > 0
	if !tried && s.pinnable(p.query.Now, b.model.Grace) {
		if s.node.Take() {
			s.counters.Add(p.Shard, ServerPinned, 1)
			return s, false, nil
		}
		return nil, false, nil
	}
	switch b.model.Persist.OnDown {
	case "fail":
		if !tried {
			return nil, false, busy(causePinnedDown, 0)
		}
	case "wait":
		if !tried {
			return nil, false, nil
		}
	default:
		b.group.counters.Add(p.Shard, BackendRepinned, 1)
		p.pin.server = nil
		return nil, true, nil
	}
	// A retry of a pinned request that may not move goes to the same server.
	if s.pinnable(p.query.Now, b.model.Grace) && s.node.Take() {
		return s, false, nil
	}
	return nil, false, nil
}

// learn puts the server of a request into the table, where the request itself
// carries the key.
func (b *Backend) learn(p *Pick, s *Server) {
	m := b.model.Persist
	if m == nil || len(p.pin.key) == 0 || p.pin.server == s || m.Kind == "cookie" {
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
		if name, ok := b.group.set.tagger.Name(m.Name, b.group.name, srv.name); ok {
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
	if t := b.group.sessions.Load(); t != nil && len(key) > 0 {
		t.Put(key, srv, nowNanos())
	}
}

// insertCookie adds our cookie when the client has none for this server, or
// when a quarter of its idle time has passed.
func (b *Backend) insertCookie(p *Pick, resp *message.Response, srv *Server) {
	m, now := b.model.Persist, time.Now()
	same := p.pin.was != nil && p.pin.was.tag == srv.tag
	if same && (m.Idle == 0 || now.Sub(p.pin.renewed) < m.Idle/4) {
		return
	}
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
