package router

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// Router is one generation's table of vhosts and routes.
type Router struct {
	exact    map[string]*vhost
	wildcard map[string]*vhost // by what follows "*."
	labels   int               // most labels of a wildcard's suffix
	sni      names
	anyHost  *vhost
	vhosts   []*vhost
	routes   []*Route
}

// names finds vhosts by TLS server name.
type names struct {
	exact, wildcard map[string]*vhost
	labels          int
	any             *vhost // for every other name, and for none
}

// vhost is one virtual host, compiled. Its index speaks of places in routes,
// so that the next generation can share the index and number its routes anew.
type vhost struct {
	model  *model.VHost
	routes []*Route
	index  *index
}

// New compiles vhosts. The error joins everything that is wrong.
func New(vhosts []*model.VHost, o predicate.Options) (*Router, error) {
	return NewFrom(nil, vhosts, o)
}

// NewFrom is New, taking over from old what was compiled from equal routes.
// old may be nil, and is left as it is.
func NewFrom(old *Router, vhosts []*model.VHost, o predicate.Options) (*Router, error) {
	r := &Router{exact: map[string]*vhost{}, wildcard: map[string]*vhost{}}
	r.sni.exact, r.sni.wildcard = map[string]*vhost{}, map[string]*vhost{}
	before := map[string]*vhost{}
	if old != nil {
		for _, vh := range old.vhosts {
			before[vh.model.Name] = vh
		}
	}
	var errs []error
	for _, m := range vhosts {
		vh, err := compileVHost(m, before[m.Name], len(r.routes), o)
		if err != nil {
			errs = append(errs, fmt.Errorf("compile vhost %q: %w", m.Name, err))
			continue
		}
		r.vhosts, r.routes = append(r.vhosts, vh), append(r.routes, vh.routes...)
		errs = append(errs, r.name(vh))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return r, nil
}

// compileVHost numbers the vhost's routes from first on.
func compileVHost(m *model.VHost, old *vhost, first int, o predicate.Options) (*vhost, error) {
	if len(m.Routes) > maxRoutes {
		return nil, fmt.Errorf("count routes: %d, and at most %d are possible", len(m.Routes), maxRoutes)
	}
	vh := &vhost{model: m, routes: make([]*Route, len(m.Routes))}
	same := old != nil && (old.model == m || slices.EqualFunc(m.Routes, old.routes, func(a *model.Route, b *Route) bool { return b.serves(a) }))
	block := make([]Route, len(m.Routes))
	var errs []error
	for i, rm := range m.Routes {
		rt := &block[i]
		*rt = Route{ID: first + i, Model: rm, VHost: m}
		if same {
			rt.matcher = old.routes[i].matcher
		} else if err := rt.compile(o); err != nil {
			errs = append(errs, fmt.Errorf("route %q: %w", rm.Name, err))
		}
		vh.routes[i] = rt
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if same {
		vh.index = old.index
	} else {
		vh.index = newIndex(vh.routes)
	}
	return vh, nil
}

// name enters the vhost's host and server names.
func (r *Router) name(vh *vhost) error {
	var errs []error
	for _, h := range vh.model.Hosts {
		errs = append(errs, enter(r.exact, r.wildcard, &r.labels, &r.anyHost, h, vh))
	}
	for _, s := range vh.model.SNI {
		errs = append(errs, enter(r.sni.exact, r.sni.wildcard, &r.sni.labels, &r.sni.any, s, vh))
	}
	// A vhost with server names and no hosts is found by those alone.
	if len(vh.model.Hosts) == 0 && len(vh.model.SNI) == 0 {
		errs = append(errs, enter(nil, nil, nil, &r.anyHost, "*", vh))
	}
	return errors.Join(errs...)
}

func enter(exact, wildcard map[string]*vhost, labels *int, anyHost **vhost, host string, vh *vhost) error {
	if host == "*" {
		if *anyHost != nil && *anyHost != vh {
			return fmt.Errorf("name vhost %q: vhost %q is already there for any host", vh.model.Name, (*anyHost).model.Name)
		}
		*anyHost = vh
		return nil
	}
	name, err := Normal(host)
	if err != nil {
		return fmt.Errorf("name vhost %q: %w", vh.model.Name, err)
	}
	table := exact
	if suffix, ok := strings.CutPrefix(name, "*."); ok {
		table, name = wildcard, suffix
		*labels = max(*labels, 1+strings.Count(suffix, "."))
	}
	if other := table[name]; other != nil && other != vh {
		return fmt.Errorf("name vhost %q: host %q belongs to vhost %q already", vh.model.Name, host, other.model.Name)
	}
	table[name] = vh
	return nil
}

// Routes returns all routes; a route's ID is its place. Not to be written to.
func (r *Router) Routes() []*Route { return r.routes }

// VHosts returns the number of vhosts.
func (r *Router) VHosts() int { return len(r.vhosts) }
