package upstream

import (
	"slices"
	"time"
)

// Try lets the views of the update serve beside those that are committed: its
// new servers come in, none leaves, and what both views have stays as the
// committed one says. Commit or Abort ends that.
func (u *Update) Try() {
	s, now := u.set, time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	u.tried = true
	for name, b := range u.backends {
		if s.groups[name] == nil {
			s.groups[name] = b.group
		}
		b.group.admit(b, now)
	}
}

// admit takes in the servers that b has and the committed view has not.
func (g *group) admit(b *Backend, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	current := g.current.Load()
	if b == current {
		return
	}
	b.tried.Store(true)
	g.beside = b
	if g.last == nil {
		g.last = b
	}
	g.enlist(current, now)
}

// ordered returns the views that an order to a server is for: the committed one
// and what is tried beside it.
func (s *Set) ordered(name string) (views []*Backend) {
	s.mu.Lock()
	g := s.groups[name]
	s.mu.Unlock()
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, b := range []*Backend{g.current.Load(), g.beside} {
		if b != nil {
			views = append(views, b)
		}
	}
	return views
}

// dismiss lets the servers go again that only b has.
func (g *group) dismiss(b *Backend, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	current := g.current.Load()
	if g.beside == b {
		g.beside = nil
	}
	for _, s := range b.Servers() {
		if current == nil || !slices.Contains(current.Servers(), s) {
			s.leave(now, b.model.Grace)
		}
	}
}
