package proxy

import (
	"sort"
	"strings"
	"sync"

	"fishplate/internal/filter"
	"fishplate/internal/metrics"
)

// An Estate holds what this room keeps from one generation to the next, by
// name: counters, rate limits' buckets and connection counts.
type Estate struct {
	Rates *filter.Rates

	mu        sync.Mutex
	listeners map[string]*metrics.Set
	vhosts    map[string]*metrics.Set
	routes    map[[2]string]*metrics.Set
	counts    map[string]*filter.ClientCounts
}

// rateKeys bounds how many keys the rate limits remember together.
const rateKeys = 1 << 18

// NewEstate returns an empty estate.
func NewEstate() *Estate {
	return &Estate{
		Rates:     filter.NewRates(rateKeys),
		listeners: make(map[string]*metrics.Set),
		vhosts:    make(map[string]*metrics.Set),
		routes:    make(map[[2]string]*metrics.Set),
		counts:    make(map[string]*filter.ClientCounts),
	}
}

func kept[K comparable, V any](e *Estate, m map[K]V, key K, make func() V) V {
	e.mu.Lock()
	defer e.mu.Unlock()
	v, ok := m[key]
	if !ok {
		v = make()
		m[key] = v
	}
	return v
}

// Listener returns the listener's counters (metrics.Listener).
func (e *Estate) Listener(name string) *metrics.Set {
	return kept(e, e.listeners, strings.Clone(name), metrics.Listener.New)
}

// VHost returns the virtual host's counters (metrics.VHost).
func (e *Estate) VHost(name string) *metrics.Set {
	return kept(e, e.vhosts, strings.Clone(name), metrics.VHost.New)
}

// Route returns the route's counters (metrics.Route).
func (e *Estate) Route(vhost, route string) *metrics.Set {
	return kept(e, e.routes, [2]string{strings.Clone(vhost), strings.Clone(route)}, metrics.Route.New)
}

func (e *Estate) clients(listener string) *filter.ClientCounts {
	return kept(e, e.counts, strings.Clone(listener), func() *filter.ClientCounts { return filter.NewClientCounts(0) })
}

// SetClientLimit sets how many connections one client may have on a listener;
// it takes effect with the next connection.
func (e *Estate) SetClientLimit(listener string, limit int) { e.clients(listener).SetLimit(limit) }

// Forget drops what belongs to names that the generation does not have.
func (e *Estate) Forget(g *Generation) {
	vhosts, routes := make(map[string]bool), make(map[[2]string]bool)
	for _, r := range g.Routes {
		vhosts[r.VHost] = true
		routes[[2]string{r.VHost, r.Name}] = true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for name := range e.vhosts {
		if !vhosts[name] {
			delete(e.vhosts, name)
		}
	}
	for key := range e.routes {
		if !routes[key] {
			delete(e.routes, key)
		}
	}
	for name := range e.listeners {
		if g.Listeners[name] == nil {
			delete(e.listeners, name)
			delete(e.counts, name)
		}
	}
}

// Readings returns the counters of listeners, virtual hosts and routes in the
// order of their names.
func (e *Estate) Readings() []metrics.Reading {
	e.mu.Lock()
	var list []metrics.Reading
	for name, set := range e.listeners {
		list = append(list, metrics.Reading{Table: &metrics.Listener, Values: []string{name}, Set: set})
	}
	for name, set := range e.vhosts {
		list = append(list, metrics.Reading{Table: &metrics.VHost, Values: []string{name}, Set: set})
	}
	for key, set := range e.routes {
		list = append(list, metrics.Reading{Table: &metrics.Route, Values: []string{key[0], key[1]}, Set: set})
	}
	e.mu.Unlock()
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if a.Table != b.Table {
			return a.Table.Subject < b.Table.Subject
		}
		return strings.Join(a.Values, "\x00") < strings.Join(b.Values, "\x00")
	})
	return list
}
