package upstream

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/upstream/balance"
	"fishplate/internal/upstream/persist"
	"fishplate/internal/upstream/queue"
	"fishplate/internal/upstream/retry"
)

// waiter is a request that waits for a slot.
type waiter = queue.Waiter[*Server]

// group is the estate behind the views of one backend.
type group struct {
	set      *Set
	name     string
	counters *metrics.Set
	queue    queue.Queue[*Server]
	waiters  sync.Pool // of *waiter
	budget   retry.Budget
	current  atomic.Pointer[Backend] // the committed view; nil before and after
	pins     atomic.Pointer[pinIndex]
	sessions atomic.Pointer[persist.Table[*Server]] // nil unless the persistence kind has a table
	lapsed   atomic.Pointer[lapsed]                 // the persistence before, while somebody may need it
	looking  atomic.Bool                            // discovery has not answered yet

	// mu serialises changes. It is no leaf: servers' locks are taken under it.
	mu       sync.Mutex
	servers  map[serverKey]*Server // removed ones too, until they have finished
	gone     persist.Gone          // servers that cookies may still name by their address
	version  uint64                // grows whenever servers or orders change
	found    []*model.Server       // by discovery, last good
	discover *model.Discover       // what the running discovery was started with
	stopDNS  context.CancelFunc
	beside   *Backend       // the view that is tried beside the committed one; nil: none
	last     *Backend       // the view that is committed, or was before the backend was removed
	persist  *model.Persist // of that view
	pinnedBy string         // its identity
}

// serverKey is what makes two configured servers the same.
type serverKey struct{ name, address string }

func newGroup(s *Set, name string) *group {
	g := &group{set: s, name: name, counters: newBackendSet(), servers: map[serverKey]*Server{}}
	if known := g.inherited(); known != nil {
		g.found = known.Found // until this process has looked itself
		g.gone = known.Gone
	}
	return g
}

// plan resolves a view's servers, creating those that are new without showing
// them to anybody, and compiles its policy for them.
func (g *group) plan(b *Backend) (*roster, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.planLocked(b)
}

func (g *group) planLocked(b *Backend) (*roster, error) {
	r := &roster{version: g.version}
	list := b.model.Servers
	if b.model.Discover != nil {
		list = slices.Concat(list, g.found)
	}
	seen := map[serverKey]bool{}
	var members []balance.Member
	for _, m := range list {
		key := serverKey{m.Name, m.Address}
		if seen[key] {
			continue // discovery found what is also written
		}
		seen[key] = true
		s := g.servers[key]
		if s == nil {
			s = newServer(g, m)
			s.cold = g.current.Load() != nil
		}
		r.servers, r.models = append(r.servers, s), append(r.models, m)
		members = append(members, balance.Member{
			Node: &s.node, Name: m.Name, Address: m.Address, Zone: m.Zone, Weight: s.weightFor(m), Backup: m.Backup,
		})
	}
	for _, old := range []*Backend{b, g.current.Load()} {
		if old == nil || old.roster.Load() == nil || old.model.Balance.Text != b.model.Balance.Text || b.model.Balance.Text == "" {
			continue
		}
		if t := old.roster.Load().table; slices.Equal(t.Members(), members) {
			r.table = t
			return r, nil
		}
	}
	var err error
	r.table, err = balance.New(members, b.model.Balance, balance.Options{Compile: g.compileKey})
	return r, err
}

// adopt makes b the committed view.
func (g *group) adopt(b *Backend, now time.Time) {
	g.mu.Lock()
	if r := b.roster.Load(); r.version != g.version {
		if again, err := g.planLocked(b); err == nil { // it compiled a moment ago, for other servers
			b.roster.Store(again)
		}
	}
	g.last, g.beside = b, nil
	b.tried.Store(false)
	g.adoptSessions(b, now)
	g.recallLeaving(b, now)
	g.current.Store(b)
	g.enlist(b, now)
	g.adoptDiscovery(b)
	g.mu.Unlock()
	g.queue.Stir()
}

// enlist takes the servers of the committed view in, with those that are tried
// beside it, and lets the others go. It is called with the lock held; b is nil
// when there is no committed view.
func (g *group) enlist(b *Backend, now time.Time) {
	in := map[*Server]bool{}
	for _, view := range []*Backend{b, g.beside} {
		if view == nil {
			continue
		}
		r := view.roster.Load()
		for i, s := range r.servers {
			if in[s] {
				continue // what both views have is as the committed one says
			}
			in[s] = true
			g.servers[serverKey{s.name, s.address}] = s
			s.setCheck(view)
			s.configure(r.models[i], view.model, now)
		}
	}
	if b == nil {
		b = g.last
	}
	for _, s := range g.servers {
		if !in[s] {
			s.leave(now, b.model.Grace)
		}
	}
	g.version++
	for _, view := range []*Backend{g.current.Load(), g.beside} {
		if view != nil {
			view.roster.Load().version = g.version
		}
	}
	g.index(b)
}

// rebuild compiles the rosters of the views that serve anew, after an order or a
// discovery changed them.
func (g *group) rebuild() {
	g.mu.Lock()
	g.version++
	current := g.current.Load()
	for _, view := range []*Backend{current, g.beside} {
		if view == nil {
			continue
		}
		if r, err := g.planLocked(view); err == nil { // only the list of servers is new
			view.roster.Store(r)
		}
	}
	if current != nil || g.beside != nil {
		g.enlist(current, time.Now())
	}
	g.mu.Unlock()
	g.queue.Stir()
}

// retire lets all servers go: the backend left the configuration.
func (g *group) retire(now time.Time) {
	g.mu.Lock()
	g.current.Store(nil)
	g.endDiscovery()
	for _, s := range g.servers {
		s.leave(now, g.last.model.Grace)
	}
	g.version++
	g.mu.Unlock()
}

// empty reports whether a retired group has nothing left.
func (g *group) empty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.current.Load() == nil && len(g.servers) == 0 && !g.set.keeps.Load()
}

// all returns the servers, those that are leaving too.
func (g *group) all() []*Server {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Values(g.servers))
}

func (g *group) close() {
	g.mu.Lock()
	g.endDiscovery()
	g.mu.Unlock()
	for _, s := range g.all() {
		s.endCheck()
		s.pool.Close()
	}
	g.queue.Stir()
}
