package upstream

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/upstream/balance"
	"fishplate/internal/upstream/health"
	"fishplate/internal/upstream/persist"
)

// BackendStatus is what status prints of a backend.
type BackendStatus struct {
	Name     string           `json:"name"`
	Balance  string           `json:"balance"`
	Servers  []ServerStatus   `json:"servers"`
	Waiting  int              `json:"waiting"` // requests in the queue
	Persist  string           `json:"persist,omitempty"`
	Sessions int              `json:"sessions"` // rows of the persistence table
	Counters map[string]int64 `json:"counters"`
}

// ServerStatus is what status prints of a server.
type ServerStatus struct {
	Name           string           `json:"name"`
	Address        string           `json:"address"`
	State          string           `json:"state"`
	Weight         int              `json:"weight"`
	Backup         bool             `json:"backup,omitempty"`
	Zone           string           `json:"zone,omitempty"`
	Connections    int              `json:"connections"` // in use
	MaxConnections int              `json:"max_connections,omitempty"`
	Idle           int              `json:"idle"`
	Sessions       int              `json:"sessions"`
	Stateless      bool             `json:"stateless"` // clients may be pinned that Sessions does not count: a cookie tells, no table
	DrainingSince  *time.Time       `json:"draining_since"`
	DrainingUntil  *time.Time       `json:"draining_until"` // when the grace of a removed server ends
	EjectedUntil   *time.Time       `json:"ejected_until,omitempty"`
	LatencyMS      float64          `json:"latency_ms"`
	Load           *float64         `json:"load,omitempty"`
	Check          *CheckStatus     `json:"check,omitempty"`
	Counters       map[string]int64 `json:"counters"`
}

// CheckStatus is what status prints of a server's active check.
type CheckStatus struct {
	State   string          `json:"state"`
	Since   time.Time       `json:"since"`
	History []health.Result `json:"history"` // oldest first
}

// Status returns the state of all backends, retired ones that still finish
// included.
func (s *Set) Status() []BackendStatus {
	list := []BackendStatus{}
	for _, g := range s.all() {
		list = append(list, g.status())
	}
	return list
}

// Status returns the backend's state, with the servers that are leaving.
func (b *Backend) Status() BackendStatus { return b.group.status() }

// Counters returns what BackendCounters names.
func (b *Backend) Counters() *metrics.Set { return b.group.counters }

func (g *group) status() BackendStatus {
	st := BackendStatus{
		Name: g.name, Servers: []ServerStatus{}, Waiting: g.queue.Waiting(), Counters: values(g.counters, BackendCounters()),
	}
	if t := g.sessions.Load(); t != nil {
		st.Sessions = t.Len()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	in := map[*Server]bool{}
	if b := g.current.Load(); b != nil {
		st.Balance = b.model.Balance.Text
		if m := b.model.Persist; m != nil {
			st.Persist = m.Kind
		}
		for _, s := range b.Servers() {
			in[s] = true
			st.Servers = append(st.Servers, s.status())
		}
	}
	stay := len(st.Servers)
	for _, s := range g.servers {
		if !in[s] {
			st.Servers = append(st.Servers, s.status())
		}
	}
	for i := range st.Servers {
		st.Servers[i].Stateless = persist.Stateless(g.persist) || persist.Stateless(g.former())
	}
	slices.SortFunc(st.Servers[stay:], func(a, b ServerStatus) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Address, b.Address))
	})
	return st
}

func (s *Server) status() ServerStatus {
	st := ServerStatus{
		Name: s.name, Address: s.address, State: s.State(), Weight: s.Weight(), Connections: s.Active(),
		MaxConnections: s.node.Max(), Idle: s.pool.Len(), Sessions: int(s.sessions.Load()),
		LatencyMS: float64(s.node.Latency()) / float64(time.Millisecond), Counters: values(s.counters, ServerCounters()),
	}
	if v, at := s.node.Load(); at != 0 {
		st.Load = &v
	}
	if now := time.Now(); s.node.Ejected(now.UnixNano()) {
		until := time.Unix(0, s.node.EjectedUntil())
		st.EjectedUntil = &until
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Backup, st.Zone = s.is.Backup, s.is.Zone
	if at := s.draining; !at.IsZero() {
		st.DrainingSince = &at
	}
	if until := s.until.Load(); until != 0 {
		at := time.Unix(0, until)
		st.DrainingUntil = &at
	}
	if s.checking {
		state, since := s.track.State()
		st.Check = &CheckStatus{state.String(), since, s.track.History()}
	}
	return st
}

func values(set *metrics.Set, names []string) map[string]int64 {
	m := map[string]int64{}
	for i, name := range names {
		m[name] = set.Value(i)
	}
	return m
}

// Explanation says where a request would go and why.
type Explanation struct {
	Backend    string              `json:"backend"`
	Server     string              `json:"server"` // "" = none now
	Candidates []balance.Candidate `json:"candidates"`
	Persist    string              `json:"persist"`
}

// Explain says what Acquire would do for the request now, and changes nothing.
func (b *Backend) Explain(p *Pick) Explanation {
	now := time.Now().UnixNano()
	r := b.roster.Load()
	e := Explanation{Backend: b.Name()}
	var chosen int
	e.Candidates, chosen, _ = r.table.Explain(&balance.Query{Env: p.Env, Now: now, Tried: p.query.Tried})
	if chosen >= 0 {
		e.Server = r.servers[chosen].name
	}
	if e.Candidates == nil {
		e.Candidates = []balance.Candidate{}
	}
	b.explainPin(p, now, &e)
	return e
}

func (b *Backend) explainPin(p *Pick, now int64, e *Explanation) {
	p.pin.asks = true
	b.readPin(p, false)
	s, m := p.pin.server, b.model.Persist
	if m == nil {
		if m = b.group.former(); m == nil || s == nil {
			return
		}
	}
	switch {
	case s == nil:
		e.Persist = m.Kind + ": not pinned"
	case s.pinnable(now):
		e.Persist = fmt.Sprintf("%s: pinned to %s", m.Kind, s.name)
		e.Server = s.name
	default:
		word := persist.OnDown(m)
		if s.expired(now) {
			word = "rebalance"
		}
		e.Persist = fmt.Sprintf("%s: pinned to %s, which is %s: %s", m.Kind, s.name, s.State(), word)
		if word != "rebalance" {
			e.Server = ""
		}
	}
}
