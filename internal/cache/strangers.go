package cache

import (
	"context"
	"slices"

	"fishplate/internal/cache/disk"
	"fishplate/internal/cache/store"
	"fishplate/internal/model"
)

// dropStrangers removes what belongs to partitions that the configuration does
// not know any more: neither purges by a URL nor unsafe requests reach it, so it
// must not come back when somebody of the same name does. What is on its way into one
// that was known until now is not stored, nor given to anybody else, also where the
// partition is empty; policies that still lead there find nothing and keep nothing.
func (u *Update) dropStrangers() {
	was := map[string]bool{}
	for _, p := range u.c.parts {
		was[p.Name] = true
	}
	u.c.parts = u.parts
	known := func(name string) bool {
		return slices.ContainsFunc(u.parts, func(p *model.Partition) bool { return p.Name == name })
	}
	for _, s := range u.stores {
		for _, p := range s.memory.Partitions() {
			left := was[p.Name()]
			if !known(p.Name()) && (left || p.Stats().Objects > 0) {
				if left {
					p.Disown() // before the strike: see Visit.Open
				}
				k := strike{s: s, only: p, now: u.c.clock().UnixNano()}
				_, _ = k.walk(context.Background(), func(*store.Object) bool { return true }) // in memory: nothing that could fail
			}
		}
		d := s.disk.Load()
		if d == nil {
			continue
		}
		for _, name := range d.tier.Partitions() {
			if !known(name) {
				u.c.tidies.Go(func() { u.c.dropOnDisk(d, name) })
			}
		}
	}
}

// dropOnDisk removes a partition from a disk. What the end of the process cuts
// short, the next one goes on with.
func (c *Caches) dropOnDisk(d *diskTier, name string) {
	ctx, stop := context.WithCancel(d.quit)
	defer stop()
	go func() {
		select {
		case <-c.closed:
			stop()
		case <-ctx.Done():
		}
	}()
	if _, err := d.tier.Purge(ctx, name, disk.Prefix(nil), false); err != nil && ctx.Err() == nil {
		c.logger.Warn("remove partition from disk of cache", "path", d.path, "partition", name, "error", err)
	}
}
