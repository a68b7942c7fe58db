package upstream

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fishplate/internal/model"
	"fishplate/internal/upstream/discover"
)

// Bounds of discovery.
const (
	leastTTL   = time.Second
	retryAfter = 2 * time.Second // after a look-up that failed
)

// adoptDiscovery starts, restarts or ends the look-ups. It is called with the
// group's lock held.
func (g *group) adoptDiscovery(b *Backend) {
	want := b.model.Discover
	if want != nil && g.discover != nil && *want == *g.discover {
		return
	}
	g.endDiscovery()
	if want == nil {
		g.found = nil
		return
	}
	d := *want
	ctx, stop := context.WithCancel(g.set.life)
	g.discover, g.stopDNS = &d, stop
	g.looking.Store(len(g.found) == 0)
	g.set.start(func() { g.runDiscovery(ctx, d) })
}

// endDiscovery stops the look-ups; the group's lock is held.
func (g *group) endDiscovery() {
	if g.stopDNS != nil {
		g.stopDNS()
	}
	g.discover, g.stopDNS = nil, nil
	g.looking.Store(false)
}

// runDiscovery looks the name up whenever its records expire, until ctx ends. A
// look-up that fails, or finds fewer than min servers, leaves the last good
// answer in force.
func (g *group) runDiscovery(ctx context.Context, d model.Discover) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		list, ttl, err := discover.LookUp(ctx, d, g.set.options.Resolver)
		if ctx.Err() != nil {
			return
		}
		if err == nil && len(list) < d.Min {
			err = fmt.Errorf("look up %s: %d servers, min is %d", d.Name, len(list), d.Min)
		}
		if err != nil {
			g.counters.Add(0, BackendDiscoveryErrors, 1)
			g.set.log.Warn("discovery", "backend", g.name, "error", err)
			ttl = retryAfter
		} else {
			g.discovered(ctx, list)
		}
		if g.looking.Swap(false) {
			g.queue.Stir()
		}
		timer.Reset(max(ttl, leastTTL))
	}
}

// discovered puts a new list of servers in force.
func (g *group) discovered(ctx context.Context, list []*model.Server) {
	g.mu.Lock()
	same := slices.EqualFunc(g.found, list, func(a, b *model.Server) bool { return *a == *b })
	if !same && ctx.Err() == nil {
		g.found = list
	}
	g.mu.Unlock()
	if !same {
		g.set.log.Info("discovery", "backend", g.name, "servers", len(list))
		g.rebuild()
	}
}
