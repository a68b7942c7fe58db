package proxy

import (
	"slices"
	"time"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/internal/upstream"
)

// former is a backend that a route named before. Sessions pinned to it stay with
// it until then, since its persistence says so (follow = "session").
type former struct {
	backend *upstream.Backend
	until   time.Time
}

// formers returns, by virtual host and route, the backends whose sessions a next
// generation has to keep where a route names them no more.
func (g *Generation) formers(now time.Time) map[string][]former {
	if g == nil {
		return nil
	}
	var found map[string][]former
	for i, rt := range g.Router.Routes() {
		p, m := g.Routes[i], rt.Model
		var list []former
		for _, name := range named(m) {
			if b := g.Backends[name]; b != nil && b.Follows() && b.Grace() > 0 {
				list = append(list, former{b, now.Add(b.Grace())})
			}
		}
		for _, f := range p.former {
			if f.until.After(now) {
				list = append(list, f)
			}
		}
		if list == nil {
			continue
		}
		if found == nil {
			found = map[string][]former{}
		}
		found[routeKey(p)] = list
	}
	return found
}

// named returns the names of a route's backends.
func named(m *model.Route) []string {
	names := make([]string, 0, 1+len(m.Split))
	if m.Backend != "" {
		names = append(names, m.Backend)
	}
	for _, share := range m.Split {
		names = append(names, share.Backend)
	}
	return names
}

func routeKey(p *RoutePlan) string { return p.VHost + "\x00" + p.Name }

// keep returns the former backends of a route, without those that it names now.
func (g *Generation) keep(p *RoutePlan, m *model.Route) []former {
	now := named(m)
	return slices.DeleteFunc(g.sessions[routeKey(p)], func(f former) bool { return slices.Contains(now, f.backend.Name()) })
}

// home returns the backend that the exchange's session is pinned to, where its
// route named that before and the sessions stay; else b.
func (x *exchange) home(b *upstream.Backend) *upstream.Backend {
	if len(x.plan.former) == 0 || b == nil {
		return b
	}
	x.asked.swap(&x.req)
	b = x.plan.home(b, &x.env, &x.pick, x.s.shard, x.srv.wheel.time(x.srv.wheel.now()))
	x.asked.swap(&x.req)
	return b
}

// home is the same for a request of which only the environment is known. It
// uses pick.
func (p *RoutePlan) home(b *upstream.Backend, env *predicate.Env, pick *upstream.Pick, shard metrics.Shard, now time.Time) *upstream.Backend {
	for _, f := range p.former {
		if !now.Before(f.until) {
			continue
		}
		pick.Reset(env, shard)
		if f.backend.Holds(pick) {
			return f.backend
		}
	}
	return b
}
