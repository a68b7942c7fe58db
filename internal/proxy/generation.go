package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fishplate/internal/cache"
	"fishplate/internal/filter"
	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/internal/router"
	"fishplate/internal/tenant"
	"fishplate/internal/upstream"
)

// A Generation is one compiled configuration. It is immutable; exchanges pin
// it from the step read until the head of the response is decided.
type Generation struct {
	ID        uint64
	Router    *router.Router
	Routes    []*RoutePlan // by router.Route.ID
	Listeners map[string]*ListenerPlan
	Backends  map[string]*upstream.Backend
	Tenants   map[string]*tenant.Tenant
	Logs      []*Log
	Name      string // of this proxy, in Via

	canary  *Canary      // that serves a share of the clients beside it; nil but in a copy that Try made
	places  model.Places // where nouns stand, for explanations
	holders *metrics.Set // exchanges that pin it, by shard
	left    map[string]leftListener
	// sessions are of the generation before, by virtual host and route, while this
	// one is compiled.
	sessions map[string][]former
}

// A leftListener left the configuration a moment ago: connections that wait in
// its queue are served as it said.
type leftListener struct {
	plan  *ListenerPlan
	until time.Time
}

// queueTime bounds how long a queue is drained.
const queueTime = time.Minute

// succeed takes over from old the listeners that g does not have. It is called
// before g is published.
func (g *Generation) succeed(old *Generation, now time.Time) {
	g.left = map[string]leftListener{}
	for name, l := range old.left {
		if g.Listeners[name] == nil && now.Before(l.until) {
			g.left[name] = l
		}
	}
	for name, p := range old.Listeners {
		if g.Listeners[name] == nil {
			g.left[name] = leftListener{p, now.Add(queueTime)}
		}
	}
}

// pin and unpin count the exchanges that hold the generation.
func (g *Generation) pin(s metrics.Shard)   { g.holders.Add(s, 0, 1) }
func (g *Generation) unpin(s metrics.Shard) { g.holders.Add(s, 0, -1) }

// Holders returns how many exchanges pin the generation now.
func (g *Generation) Holders() int64 { return g.holders.Value(0) }

// A ListenerPlan is what a generation says of one listener.
type ListenerPlan struct {
	Name     string
	Model    *model.Listener
	TLS      *tls.Config // nil: plain
	Forward  filter.ForwardPolicy
	Limits   http1.Limits
	Tunnel   bool // protocols = ["tcp"]: no request is read
	Clients  *filter.ClientCounts
	Counters *metrics.Set

	head, body, idle, write, tunnel int64 // timeouts in nanoseconds
}

// A RoutePlan is what a generation does with the requests of one route.
type RoutePlan struct {
	Name, VHost   string
	Counters      *metrics.Set // of the route
	VHostCounters *metrics.Set

	backend   *upstream.Backend // when there is only one
	former    []former          // backends whose sessions it keeps for a while
	cache     *cache.Policy     // nil: none
	strikes   []*cache.Policy   // of the virtual host: what an unsafe method may invalidate
	tenant    *tenant.Tenant
	argument  *predicate.Value // for the tenant's callbacks; nil: none, or fixed
	fixed     string           // argument that does not depend on the request
	mirror    *upstream.Backend
	redirect  *filter.Redirect
	respond   *fixedAnswer
	synthetic *fixedAnswer // the cache policy's answer to failure
	request   *filter.Edits
	response  *filter.Edits
	rates     []*filter.RateLimit
	access    *filter.Access
	body      int64 // bytes, 0 = unlimited
	firstByte int64 // nanoseconds, 0 = the backend's
}

// fixedAnswer is a respond block, or a synthetic one.
type fixedAnswer struct {
	status  int
	body    []byte
	headers *filter.Edits
}

// Parts are what a Generation is compiled from and takes from the estate.
type Parts struct {
	ID        uint64
	Config    *model.Config
	Options   predicate.Options
	Old       *Generation // may be nil; unchanged vhosts are reused
	Backends  map[string]*upstream.Backend
	Tenants   map[string]*tenant.Tenant
	TLS       map[string]*tls.Config // by listener
	Logs      []*Log
	Caches    *cache.Update // nil: nothing is cached
	Estate    *Estate
	ProxyName string
}

// Compile makes a Generation. It changes nothing that runs.
func Compile(p Parts) (*Generation, error) {
	var oldRouter *router.Router
	if p.Old != nil {
		oldRouter = p.Old.Router
	}
	r, err := router.NewFrom(oldRouter, p.Config.VHosts, p.Options)
	if err != nil {
		return nil, err
	}
	g := &Generation{
		ID: p.ID, Router: r, Backends: p.Backends, Tenants: p.Tenants, Logs: p.Logs, Name: p.ProxyName,
		Listeners: make(map[string]*ListenerPlan), places: p.Config.Places, holders: metrics.NewSet(1),
	}
	var errs []error
	old := p.Old.byVHost()
	g.sessions = p.Old.formers(time.Now())
	for rest := r.Routes(); len(rest) > 0; rest = rest[len(rest[0].VHost.Routes):] {
		v := rest[0].VHost
		if plans := old[v]; plans != nil && g.holds(v, plans) {
			g.Routes = append(g.Routes, plans...)
		} else if err := g.compileVHost(rest[:len(v.Routes)], p); err != nil {
			errs = append(errs, fmt.Errorf("vhost %q: %w", v.Name, err))
		}
	}
	for _, l := range p.Config.Listeners {
		g.Listeners[l.Name] = g.compileListener(l, p)
	}
	g.sessions = nil
	return g, errors.Join(errs...)
}

// byVHost returns the plans of each virtual host's routes.
func (g *Generation) byVHost() map[*model.VHost][]*RoutePlan {
	if g == nil {
		return nil
	}
	plans := make(map[*model.VHost][]*RoutePlan, g.Router.VHosts())
	for rest := g.Router.Routes(); len(rest) > 0; rest = rest[len(rest[0].VHost.Routes):] {
		first := rest[0].ID
		plans[rest[0].VHost] = g.Routes[first : first+len(rest[0].VHost.Routes)]
	}
	return plans
}

// holds reports whether plans that an earlier generation made of a virtual host
// are what this one would make. The virtual host is the same, by pointer: what
// they depend on besides are the things of the estate that they name.
func (g *Generation) holds(v *model.VHost, plans []*RoutePlan) bool {
	for i, m := range v.Routes {
		p := plans[i]
		if p.backend != g.Backends[m.Backend] || p.mirror != g.Backends[m.Mirror] || p.tenant != g.Tenants[m.Tenant] || m.Effective != nil {
			return false
		}
		for _, share := range m.Split {
			if g.Backends[share.Backend] == nil {
				return false
			}
		}
	}
	return true
}

// compileVHost compiles the routes of one virtual host, each of which knows the
// cache policies of all of them.
func (g *Generation) compileVHost(routes []*router.Route, p Parts) error {
	var errs []error
	var policies []*cache.Policy
	first := len(g.Routes)
	for _, rt := range routes {
		plan, err := g.compileRoute(rt, p)
		if err != nil {
			errs = append(errs, fmt.Errorf("route %q: %w", rt.Model.Name, err))
			continue
		}
		g.Routes, policies = append(g.Routes, plan), append(policies, plan.cache)
	}
	list := cache.Invalidators(policies)
	for _, plan := range g.Routes[first:] {
		plan.strikes = list
	}
	return errors.Join(errs...)
}

func (g *Generation) compileListener(l *model.Listener, p Parts) *ListenerPlan {
	return &ListenerPlan{
		Name: strings.Clone(l.Name), Model: l, TLS: p.TLS[l.Name],
		Forward: filter.NewForwardPolicy(l.Forwarded, p.ProxyName),
		Limits: http1.Limits{
			HeadBytes: l.Limits.HeadBytes, Fields: l.Limits.Fields,
			TargetBytes: l.Limits.TargetBytes, Slashes: l.Slashes,
		},
		Tunnel:   slices.Contains(l.Protocols, "tcp"),
		Clients:  p.Estate.clients(l.Name),
		Counters: p.Estate.Listener(l.Name),
		head:     timeout(l.Timeouts.Head, 10*time.Second),
		body:     timeout(l.Timeouts.Body, 30*time.Second),
		idle:     timeout(l.Timeouts.Idle, 75*time.Second),
		write:    timeout(l.Timeouts.Write, 30*time.Second),
		tunnel:   timeout(l.Timeouts.Tunnel, time.Hour),
	}
}

func timeout(d, otherwise time.Duration) int64 {
	if d <= 0 {
		d = otherwise
	}
	return int64(d)
}

func (g *Generation) compileRoute(rt *router.Route, p Parts) (*RoutePlan, error) {
	m := rt.Model
	plan := &RoutePlan{
		Name: strings.Clone(m.Name), VHost: strings.Clone(rt.VHost.Name),
		Counters:      p.Estate.Route(rt.VHost.Name, m.Name),
		VHostCounters: p.Estate.VHost(rt.VHost.Name),
		body:          m.Limits.Body, firstByte: int64(m.FirstByte),
		access: filter.CompileAccess(m.Limits.Allow, m.Limits.Deny),
	}
	if err := g.bind(plan, m); err != nil {
		return nil, err
	}
	var err error
	policy := p.Options // a key is asked for without a request, too
	p.Options.Tenant = m.Tenant
	if err = plan.compileArgument(m.TenantArgument, p.Options); err != nil {
		return nil, err
	}
	response := p.Options
	response.Response = true
	if plan.request, err = edits(m.Request, p.Options); err != nil {
		return nil, err
	}
	if plan.response, err = edits(m.Response, response); err != nil {
		return nil, err
	}
	for _, limit := range m.Limits.Rates {
		rate, err := filter.CompileRate(rt.VHost.Name+"/"+m.Name, limit, p.Options)
		if err != nil {
			return nil, err
		}
		plan.rates = append(plan.rates, rate)
	}
	if m.Redirect != nil {
		if plan.redirect, err = filter.CompileRedirect(m.Redirect, p.Options); err != nil {
			return nil, err
		}
	}
	if r := m.Respond; r != nil {
		if plan.respond, err = fixed(r.Status, r.Body, r.Headers, response); err != nil {
			return nil, err
		}
	}
	if m.Effective != nil && p.Caches != nil {
		if s := m.Effective.Synthetic; s != nil {
			if plan.synthetic, err = fixed(s.Status, s.Body, s.Headers, response); err != nil {
				return nil, err
			}
		}
		if plan.cache, err = p.Caches.Compile(m.Effective, m.Partition, policy); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// compileArgument compiles what the callbacks get as their third argument.
func (p *RoutePlan) compileArgument(x model.Expr, o predicate.Options) error {
	v, diags := predicate.CompileString(x, o)
	if diags.HasErrors() {
		return fmt.Errorf("compile tenant_argument: %w", errors.Join(diags.Errs()...))
	}
	if s, ok := v.Const(); ok {
		p.fixed = s
		return nil
	}
	p.argument = v
	return nil
}

// fixed compiles an answer that the configuration gives.
func fixed(status int, body []byte, headers []model.FieldEdit, o predicate.Options) (a *fixedAnswer, err error) {
	a = &fixedAnswer{status: status, body: body}
	a.headers, err = edits(model.Edits{Set: headers}, o)
	return a, err
}

// bind resolves the names that a route mentions.
func (g *Generation) bind(plan *RoutePlan, m *model.Route) error {
	plan.former = g.keep(plan, m)
	named := func(name string) (*upstream.Backend, error) {
		b := g.Backends[name]
		if name != "" && b == nil {
			return nil, fmt.Errorf("no backend %q", name)
		}
		return b, nil
	}
	var err error
	if plan.backend, err = named(m.Backend); err != nil {
		return err
	}
	if plan.mirror, err = named(m.Mirror); err != nil {
		return err
	}
	for _, share := range m.Split {
		if _, err := named(share.Backend); err != nil {
			return err
		}
	}
	if m.Tenant == "" {
		return nil
	}
	if plan.tenant = g.Tenants[m.Tenant]; plan.tenant == nil {
		return fmt.Errorf("no tenant %q", m.Tenant)
	}
	return nil
}

// edits compiles m, nil when there is nothing to edit.
func edits(m model.Edits, o predicate.Options) (*filter.Edits, error) {
	if len(m.Set)+len(m.Add)+len(m.Remove) == 0 && !m.Rewrite.Set() {
		return nil, nil
	}
	return filter.CompileEdits(m, o)
}

// CachePolicy returns the cache policy of the route that a request would take,
// nil when there is none.
func (g *Generation) CachePolicy(req *message.Request) *cache.Policy {
	rt, _ := g.Router.Match(&predicate.Env{Req: req})
	if rt == nil {
		return nil
	}
	return g.Routes[rt.ID].cache
}
