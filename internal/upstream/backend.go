package upstream

import (
	"sync/atomic"

	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/internal/upstream/balance"
	"fishplate/internal/upstream/idle"
	"fishplate/internal/upstream/queue"
	"fishplate/internal/upstream/retry"
	"fishplate/internal/upstream/secure"
)

// Backend is one generation's view of a group of servers. It is immutable but
// for the roster, which discovery and orders replace as a whole. A view stays
// usable after the next generation is committed, for requests that began under
// it.
type Backend struct {
	model    *model.Backend
	group    *group
	tls      *secure.Settings // nil without
	priority func(*predicate.Env) float64
	limits   idle.Limits
	retry    retry.Policy
	roster   atomic.Pointer[roster]
	tried    atomic.Bool // it serves beside the committed view
}

// roster is the list of servers in force and the policy compiled for it.
type roster struct {
	table   *balance.Table
	servers []*Server       // by the table's index
	models  []*model.Server // the same
	version uint64          // of the group's servers that it was made from
}

func newBackend(g *group, m *model.Backend) (*Backend, error) {
	b := &Backend{model: m, group: g, retry: retry.New(m.Retry)}
	b.limits = idle.Limits{Size: m.Pool.Idle, Idle: m.Timeouts.Idle, Age: m.Pool.MaxAge}
	var err error
	if m.TLS != nil {
		if b.tls, err = secure.Load(m.TLS, g.set.options.FS); err != nil {
			return nil, err
		}
		if old := g.current.Load(); old != nil && old.tls != nil && old.tls.Print == b.tls.Print {
			b.tls = old.tls // with its session cache
		}
		b.limits.Print = b.tls.Print
	}
	if b.priority, err = queue.Priority(m.Queue, g.set.options.Predicates); err != nil {
		return nil, err
	}
	r, err := g.plan(b)
	if err != nil {
		return nil, err
	}
	b.roster.Store(r)
	return b, nil
}

// Name returns the backend's name.
func (b *Backend) Name() string { return b.model.Name }

// Model returns the configuration of this view.
func (b *Backend) Model() *model.Backend { return b.model }

// Timeouts returns the backend's timeouts; the caller applies first_byte and
// idle while it speaks with the server.
func (b *Backend) Timeouts() model.BackendTimeouts { return b.model.Timeouts }

// Servers returns the servers of this view in order.
func (b *Backend) Servers() []*Server { return b.roster.Load().servers }

// live returns the servers in force and their policy. A request that began under
// an earlier view is led by the one that is committed now: it must not go to a
// server that was removed meanwhile. The last view of a removed backend leads
// whom it has, and one that is tried beside the committed view its own requests.
func (b *Backend) live() *roster {
	if now := b.group.current.Load(); now != nil && !b.tried.Load() {
		return now.roster.Load()
	}
	return b.roster.Load()
}

func (b *Backend) server(name string) *Server {
	for _, s := range b.live().servers {
		if s.name == name {
			return s
		}
	}
	return nil
}

// compileKey compiles the key of a hash step.
func (g *group) compileKey(x model.Expr) (balance.Key, error) {
	v, problems := predicate.CompileString(x, g.set.options.Predicates)
	if problems.HasErrors() {
		return nil, problems
	}
	return v, nil
}
