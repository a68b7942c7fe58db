package process

import (
	"slices"
	"sync"

	"fishplate/cmd/fishplate/report"
	"fishplate/internal/control"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// census returns what counts the things of the running configuration for one
// plan. What it looks at it looks at once, however many changes there are.
func (p *Process) census() func(kind, key string) control.Numbers {
	cfg := p.control.Running()
	clients := sync.OnceValue(func() map[string]int64 { return p.clients(cfg) })
	servers := sync.OnceValue(p.load)
	partitions := sync.OnceValue(func() map[string]string { return partitions(cfg) })
	return func(kind, key string) (n control.Numbers) {
		switch kind {
		case "listener", "certificate":
			n.Connections = clients()[kind+" "+key]
		case "vhost", "route":
			// No connection belongs to one: all of the listeners' count.
			n.Connections = clients()[""]
		case "backend", "server":
			n = servers()[key]
		case "tenant":
			if t := p.tenants.Tenant(key); t != nil {
				n.Connections, n.Tenants = int64(t.Status().Active), 1
			}
		}
		switch kind {
		case "cache", "vhost", "tenant":
			n.Objects = report.Objects(p.caches, kind, key)
		case "route":
			n.Objects = report.Objects(p.caches, "", partitions()[key])
		}
		return n
	}
}

// clients counts open connections by listener and by certificate, and under ""
// all of them.
func (p *Process) clients(cfg *model.Config) map[string]int64 {
	counts := map[string]int64{}
	for _, l := range cfg.Listeners {
		n := p.proxy.Listener(l.Name).Value(metrics.ListenerConnections)
		counts[""] += n
		counts["listener "+l.Name] = n
		if l.TLS == nil {
			continue
		}
		for _, c := range slices.Compact(slices.Sorted(slices.Values(l.TLS.Certificates))) {
			counts["certificate "+c] += n
		}
	}
	return counts
}

// load counts what is in use and pinned, by backend and by BACKEND/SERVER.
func (p *Process) load() map[string]control.Numbers {
	counts := map[string]control.Numbers{}
	for _, b := range p.backends.Status() {
		var all control.Numbers
		for _, s := range b.Servers {
			one := counts[b.Name+"/"+s.Name] // one that leaves has the name of one that came
			for _, n := range []*control.Numbers{&one, &all} {
				n.Connections += int64(s.Connections)
				n.Sessions += int64(s.Sessions)
			}
			counts[b.Name+"/"+s.Name] = one
		}
		counts[b.Name] = all
	}
	return counts
}

// partitions says by VHOST/ROUTE in which share of the stores a route's objects
// lie, with those of the routes beside it.
func partitions(cfg *model.Config) map[string]string {
	list := map[string]string{}
	for _, v := range cfg.VHosts {
		for _, r := range v.Routes {
			if r.Partition != "" {
				list[v.Name+"/"+r.Name] = r.Partition
			}
		}
	}
	return list
}
