package tenant

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"

	"fishplate/internal/model"
	"fishplate/internal/tenant/permit"
)

// Options are what a Set needs from outside. The zero value is usable.
type Options struct {
	ReadFile  func(path string) ([]byte, error) // nil: os.ReadFile
	Logger    *slog.Logger                      // nil: slog.Default
	Permits   int                               // calls beyond their first slice; 0: GOMAXPROCS-1, at least 1
	CacheLook CacheLook                         // nil: programs find nothing
}

// Set is every tenant that there is, by name, and the permits that they share.
// It is safe for concurrent use.
type Set struct {
	o       Options
	calls   *dispatchTable
	permits *permit.Permits

	mu      sync.Mutex
	tenants map[string]*Tenant
	stats   map[string]*stats // of every tenant that ever was
}

// NewSet returns a Set without tenants.
func NewSet(o Options) *Set {
	if o.ReadFile == nil {
		o.ReadFile = os.ReadFile
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Permits == 0 {
		o.Permits = runtime.GOMAXPROCS(0) - 1
	}
	return &Set{
		o: o, calls: newDispatchTable(), permits: permit.New(o.Permits),
		tenants: map[string]*Tenant{}, stats: map[string]*stats{},
	}
}

// Update is a prepared change of a Set. Exactly one of Commit and Abort ends it.
type Update struct {
	set      *Set
	next     map[string]*Tenant
	made     []*Tenant // what Abort must undo
	warnings []error
}

// Prepare loads and starts the tenants that are new or changed; one whose model
// and file are unchanged is taken over as it is. Nothing visible changes before
// Commit. A tenant of a tenants file never refuses the rest: when it cannot be
// loaded its old program stays, or it answers 503, and Warnings has the reason.
// On errors the Update is nil and everything is undone.
func (s *Set) Prepare(tenants []*model.Tenant) (*Update, []error) {
	u := &Update{set: s, next: make(map[string]*Tenant, len(tenants))}
	var errs []error
	for _, t := range tenants {
		old := s.Tenant(t.Name)
		made, err := s.prepare(t, old)
		switch {
		case err == nil && made == old:
			u.next[t.Name] = old
			continue
		case err != nil && !t.FromFile:
			errs = append(errs, err)
			continue
		case err != nil:
			u.warnings = append(u.warnings, err)
			if old != nil && old.image != nil {
				old.setTrouble(err)
				u.next[t.Name] = old
				continue
			}
			made = newTenant(t, nil, s.statsOf(t.Name))
			made.setTrouble(err)
		}
		u.next[t.Name] = made
		u.made = append(u.made, made)
	}
	if len(errs) > 0 {
		u.Abort()
		return nil, errs
	}
	return u, nil
}

// prepare returns old when it need not change.
func (s *Set) prepare(t *model.Tenant, old *Tenant) (*Tenant, error) {
	switch strings.ToLower(filepath.Ext(t.Program)) {
	case ".c", ".cpp", ".cc", ".rs", ".go":
		return nil, fmt.Errorf("load guest %q: %s is source; build it with the recipes of sdk/ and name the ELF file", t.Name, t.Program)
	}
	elf, err := s.o.ReadFile(t.Program)
	if err != nil {
		return nil, fmt.Errorf("load guest %q: %w", t.Name, err)
	}
	hash := sha256.Sum256(elf)
	if old != nil && old.image != nil && old.hash == hash && equal(old.model, t) {
		old.setTrouble(nil)
		return old, nil
	}
	st := s.statsOf(t.Name)
	im, err := newImage(t, elf, s, st)
	if err != nil {
		return nil, err
	}
	made := newTenant(t, im, st)
	made.hash = hash
	// An exchange may hold a tenant after it was replaced, so the image lives as
	// long as anybody can reach the tenant.
	runtime.AddCleanup(made, func(im *image) { im.retire(); im.frozen.Close() }, im)
	return made, nil
}

// equal compares all that a running image depends on; where it was written is
// not part of that.
func equal(a, b *model.Tenant) bool {
	return a.Name == b.Name && a.Program == b.Program && slices.Equal(a.Arguments, b.Arguments) &&
		a.Memory == b.Memory && a.Instructions == b.Instructions && a.Time == b.Time &&
		a.Concurrency == b.Concurrency && a.QueueLimit == b.QueueLimit && a.Share == b.Share &&
		slices.Equal(a.Backends, b.Backends) && a.Storage == b.Storage && a.OnFault == b.OnFault && a.JIT == b.JIT &&
		a.FromFile == b.FromFile
}

func (s *Set) statsOf(name string) *stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats[name]
	if st == nil {
		st = newStats(name, s.o.Logger)
		s.stats[name] = st
	}
	return st
}

// Tenant returns a tenant by name from what Commit made visible last, or nil.
func (s *Set) Tenant(name string) *Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tenants[name]
}

// Status describes every tenant, by name.
func (s *Set) Status() []Status {
	s.mu.Lock()
	list := make([]*Tenant, 0, len(s.tenants))
	for _, t := range s.tenants {
		list = append(list, t)
	}
	s.mu.Unlock()
	sort.Slice(list, func(i, j int) bool { return list[i].Name() < list[j].Name() })
	out := make([]Status, len(list))
	for i, t := range list {
		out[i] = t.Status()
	}
	return out
}

// Close retires every tenant. Calls in flight finish.
func (s *Set) Close() {
	u := &Update{set: s, next: map[string]*Tenant{}}
	u.Commit()
}

// Tenants returns the tenants of the coming generation by name. It must not be
// changed.
func (u *Update) Tenants() map[string]*Tenant { return u.next }

// Warnings returns why tenants of tenants files could not be loaded.
func (u *Update) Warnings() []error { return u.warnings }

// Commit makes the update the Set's state. It cannot fail. Calls of replaced
// tenants that are in flight finish on the old image.
func (u *Update) Commit() {
	u.set.mu.Lock()
	old := u.set.tenants
	u.set.tenants = u.next
	u.set.mu.Unlock()
	for name, t := range old {
		if u.next[name] != t {
			t.retire()
		}
	}
}

// Abort undoes what Prepare made.
func (u *Update) Abort() {
	for _, t := range u.made {
		t.retire()
	}
	u.made = nil
}
