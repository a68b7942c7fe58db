package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fishplate/internal/file"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/internal/upstream/health"
	"fishplate/internal/upstream/learned"
	"fishplate/internal/upstream/persist"
	"fishplate/internal/upstream/scarce"
)

// Options are what a Set needs from outside.
type Options struct {
	Logger *slog.Logger // nil discards
	// Secret keys the persistence cookies; with the same secret they stay valid
	// after a restart. Empty: a random one.
	Secret     []byte
	FS         fs.FS // rooted at "/", for CA and client certificates; nil = the machine's
	Predicates predicate.Options
	Exhausted  func(server string, err error) // told of each connection for which there was no descriptor, or no local port; nil: nobody
	Resolver   string                         // "host:port" of a DNS server for discovery; "" = /etc/resolv.conf
}

// Set is the estate of all backends.
type Set struct {
	log     *slog.Logger
	options Options
	tagger  *persist.Tagger
	life    context.Context // ends with Close
	end     context.CancelFunc
	tasks   sync.WaitGroup

	mu     sync.Mutex // serialises commits; taken before a group's
	groups map[string]*group
	swept  bool        // the sweeper runs
	keeps  atomic.Bool // a commit may still be undone

	scarce scarce.Line // requests that wait for a descriptor

	heritage atomic.Pointer[map[string]*learned.Backend] // of the process before; nil: none, or it is settled

	probe func(context.Context, *Server, *health.Probe) health.Result // tests only: answers instead of the network
}

// NewSet returns an empty estate. Close ends it.
func NewSet(o Options) *Set {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = file.Tree()
	}
	s := &Set{log: o.Logger, options: o, tagger: persist.NewTagger(o.Secret), groups: map[string]*group{}}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// start runs a task that Close awaits. The task ends when s.life does.
func (s *Set) start(task func()) { s.tasks.Go(task) }

// Update is a prepared change: the backends of a new generation, of which
// nothing is visible before Commit.
type Update struct {
	set      *Set
	backends map[string]*Backend
	tried    bool // Try was called
}

// Prepare compiles the backends of a new generation: policies, expressions and
// certificates. It fails without a trace, naming every backend that is wrong.
func (s *Set) Prepare(backends []*model.Backend) (*Update, error) {
	u := &Update{set: s, backends: map[string]*Backend{}}
	var problems []error
	for _, m := range backends {
		b, err := s.prepare(m)
		if err != nil {
			problems = append(problems, fmt.Errorf("prepare backend %q: %w", m.Name, err))
			continue
		}
		u.backends[m.Name] = b
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return u, nil
}

func (s *Set) prepare(m *model.Backend) (*Backend, error) {
	s.mu.Lock()
	g := s.groups[m.Name]
	s.mu.Unlock()
	if g == nil {
		g = newGroup(s, m.Name)
	}
	// Certificates may have changed in their files.
	if b := g.current.Load(); b != nil && b.model == m && m.TLS == nil {
		return b, nil
	}
	return newBackend(g, m)
}

// Backends returns the views of the new generation by name. They serve once the
// update is committed.
func (u *Update) Backends() map[string]*Backend { return u.backends }

// Commit makes the update the state of the estate: new servers come in, removed
// ones begin their grace, checks and discovery start and stop. It cannot fail. No
// server is forgotten before LetGo says that it will not be undone.
func (u *Update) Commit() {
	s, now := u.set, time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keeps.Store(true)
	for name, g := range s.groups {
		if u.backends[name] == nil {
			g.retire(now)
		}
	}
	for name, b := range u.backends {
		if b.group.current.Load() == b {
			continue // it was not touched
		}
		if g := s.groups[name]; g != nil && g != b.group {
			// Another update created the group in between.
			b.group = g
		}
		s.groups[name] = b.group
		b.group.adopt(b, now)
	}
	if !s.swept {
		s.swept = true
		s.start(s.sweep)
	}
}

// LetGo lets servers be forgotten that have finished.
func (s *Set) LetGo() { s.keeps.Store(false) }

// Abort drops the update. What Try started ends as that of removed servers does.
func (u *Update) Abort() {
	for _, b := range u.backends {
		if u.tried {
			b.group.dismiss(b, time.Now())
		}
	}
	u.backends = nil
}

// Backend returns the committed view of a backend.
func (s *Set) Backend(name string) (*Backend, bool) {
	s.mu.Lock()
	g := s.groups[name]
	s.mu.Unlock()
	if g == nil {
		return nil, false
	}
	b := g.current.Load()
	return b, b != nil
}

// Backends returns the committed views in the order of their names.
func (s *Set) Backends() []*Backend {
	var list []*Backend
	for _, g := range s.all() {
		if b := g.current.Load(); b != nil {
			list = append(list, b)
		}
	}
	return list
}

// all returns the groups in the order of their names, retired ones included.
func (s *Set) all() []*group {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Collect(maps.Values(s.groups))
	slices.SortFunc(list, func(a, b *group) int { return cmp.Compare(a.name, b.name) })
	return list
}

// sweepEvery is how often idle connections, tables and removed servers are
// looked through.
const sweepEvery = time.Second

// sweep runs until the Set is closed.
func (s *Set) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.life.Done():
			return
		case now := <-tick.C:
			if s.heritage.Load() != nil {
				continue // servers that leave wait for the sessions that hold them
			}
			for _, g := range s.all() {
				g.sweep(now)
			}
			s.forget()
		}
	}
}

// forget drops retired groups whose last server has finished.
func (s *Set) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, g := range s.groups {
		if g.empty() {
			delete(s.groups, name)
		}
	}
}

// Close ends checks, discovery and sweeping, awaits them, and closes the idle
// connections. Leases out may still be released.
func (s *Set) Close() {
	s.end()
	for _, g := range s.all() {
		g.close()
	}
	s.tasks.Wait()
}

// SetWeight overrides a server's weight until it is cleared by a negative one
// or the configuration says a new one.
func (s *Set) SetWeight(backend, server string, weight int) error {
	return s.order(backend, server, func(srv *Server) error {
		srv.mu.Lock()
		srv.weight = max(weight, -1)
		srv.mu.Unlock()
		return nil
	})
}

// SetState orders a server's state: "drain", "maintenance", or "up" for what
// the configuration and the checks say.
func (s *Set) SetState(backend, server, state string) error {
	return s.order(backend, server, func(srv *Server) error {
		switch state {
		case "up", "":
			state = ""
		case "drain", "maintenance":
		default:
			return fmt.Errorf("no state %q; it is up, drain or maintenance", state)
		}
		srv.mu.Lock()
		srv.ordered = state
		srv.mu.Unlock()
		srv.refresh(time.Now())
		return nil
	})
}

func (s *Set) order(backend, server string, do func(*Server) error) error {
	views := s.ordered(backend)
	if len(views) == 0 {
		return fmt.Errorf("set server %s/%s: no such backend", backend, server)
	}
	done := map[*Server]bool{} // of one name: two, when its address is what is tried
	for _, b := range views {
		srv := b.server(server)
		if srv == nil || done[srv] {
			continue
		}
		if err := do(srv); err != nil {
			return fmt.Errorf("set server %s/%s: %w", backend, server, err)
		}
		done[srv] = true
	}
	if len(done) == 0 {
		return fmt.Errorf("set server %s/%s: no such server", backend, server)
	}
	views[0].group.rebuild()
	return nil
}
