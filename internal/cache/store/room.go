package store

import (
	"math/rand/v2"
	"sync/atomic"

	"fishplate/internal/cache/evict"
	"fishplate/internal/cache/slab"
)

// count adds bytes to a partition and to a kind.
func (c *core) count(p *part, kind *atomic.Int64, n int64) {
	p.bytes.Add(n)
	kind.Add(n)
}

// cell allocates a cell for an object, and counts it.
func (c *core) cell(o *Object, class int, kind *atomic.Int64) (unit uint32, size int64, ok bool) {
	p := c.partOf(o.part)
	unit, ok = c.alloc(p, class, o.self)
	if !ok {
		return 0, 0, false
	}
	size = int64(c.CellSize(class))
	c.count(p, kind, size)
	return unit, size, true
}

// release frees a cell and returns its size.
func (c *core) release(part, unit uint32, kind *atomic.Int64) int64 {
	size := int64(c.Heap.Size(unit))
	c.count(c.partOf(part), kind, -size)
	c.Free(unit)
	return size
}

// alloc allocates a cell, and makes room for it: first within the partition's
// quota, then within the store. What purges left goes before what lives.
func (c *core) alloc(p *part, class int, owner uint32) (unit uint32, ok bool) {
	if quota := p.quota.Load(); quota > 0 {
		for p.bytes.Load()+int64(c.CellSize(class)) > quota {
			if c.reap(p) == 0 && c.evict(p, true) == 0 {
				return 0, false
			}
		}
	}
	freed := int64(0)
	for tries := 0; tries < 1<<16; tries++ {
		if unit, ok = c.Alloc(class, owner); ok {
			return unit, true
		}
		if c.reap(nil) > 0 {
			continue
		}
		// What the queues give up lies scattered over slabs of all classes. It
		// usually contains a cell of the class; when a slab's worth did not, a
		// slab is emptied whatever it holds, lest the whole cache is evicted for
		// want of one large cell.
		if freed < 2*slab.SlabSize {
			if n := c.evictFair(); n > 0 {
				freed += n
				continue
			}
		}
		freed = 0
		if !c.steal() {
			return 0, false
		}
	}
	return 0, false
}

// evict removes the object of a partition that is worth least, and returns its
// bytes, or 0 when all are in use.
func (c *core) evict(p *part, own bool) int64 {
	p.mu.Lock()
	id, young := evict.Evict(&p.queues, c)
	next, other := p.queues.Tails()
	p.mu.Unlock()
	if id == 0 {
		return 0
	}
	if !young {
		next = other
	}
	c.foresee(next)
	o := c.object(id)
	if young {
		c.remember(o)
	}
	return c.discard(p, o, own)
}

// discard unlinks a dead object as evicted.
func (c *core) discard(p *part, o *Object, own bool) int64 {
	n := o.Size()
	if own {
		p.evictedOwn.Add(1)
	} else {
		p.evictedAll.Add(1)
	}
	if c.evicted.Add(n) > c.Limit()/8 {
		c.evicted.Store(0)
		c.epoch.Add(1)
	}
	c.unlink(o)
	return n
}

// remember makes a ghost of an object. There are as many as objects.
func (c *core) remember(o *Object) {
	n := uint64(max(c.objects.Load(), 64))
	c.ghost.SetSpan(uint32(n))
	if slots := c.ghost.mask.Load() + 1; n > slots {
		c.growGhost(2 * slots)
	}
	c.ghost.Add(c.ghosts(), ghostHash(o))
}

func ghostHash(o *Object) uint64 { return o.key[0] ^ o.key[1]*0x9e3779b97f4a7c15 }

// evictFair evicts from the partition that should give: the largest one, where
// the bytes of one that had no hit count double for each eighth of the memory
// that was evicted since, up to eightfold. So a busy partition cannot push others
// below its own size, and what is not used any more goes first.
func (c *core) evictFair() int64 {
	n := c.parts.n.Load()
	if n == 0 {
		return 0
	}
	// Among many partitions a sample is looked at, and the largest of the samples
	// before: so a large one is found soon, and kept.
	look, at := n, uint32(0)
	if n > sample {
		look, at = sample, rand.Uint32N(n)
	}
	epoch := c.epoch.Load()
	best := c.partOf(max(c.giver.Load(), 1))
	most := best.worth(epoch)
	for i := range look {
		p := c.partOf(1 + (at+i*(n/look))%n)
		if w := p.worth(epoch); w > most {
			best, most = p, w
		}
	}
	if most > 0 {
		c.giver.Store(best.id)
		if freed := c.evict(best, false); freed > 0 {
			return freed
		}
	}
	// All of that one is in use: anybody.
	for id := uint32(1); id <= n; id++ {
		if p := c.partOf(id); p != best && p.objects.Load() > 0 {
			if freed := c.evict(p, false); freed > 0 {
				return freed
			}
		}
	}
	return 0
}

const sample = 64

// worth is the partition's bytes for evictFair, 0 when it has nothing to give.
func (p *part) worth(epoch uint32) int64 {
	if p.objects.Load() == 0 {
		return 0
	}
	return p.bytes.Load() << min(epoch-p.seen.Load(), 3)
}

// steal empties one slab, and reports whether it could. Slabs in which
// something is pinned stay stolen until the end, lest they are picked again.
func (c *core) steal() (done bool) {
	var buf [1024]uint32
	var tried [16]uint32
	n := 0
	for n < len(tried) && !done {
		mean := (c.heads.Load() + c.bodies.Load()) / max(c.records.Load(), 1)
		slab, owners, ok := c.Steal(buf[:0], mean)
		if !ok {
			break
		}
		for _, unit := range owners {
			c.oust(unit)
		}
		tried[n] = slab
		n++
		done = c.Empty(slab)
	}
	for _, slab := range tried[:n] {
		done = c.Restore(slab) || done
	}
	return done
}

// oust evicts an object if nobody uses it.
func (c *core) oust(unit uint32) {
	o := c.object(unit)
	if !o.pin(0) {
		return
	}
	if uint32(o.use.Load()) == 2 && o.kill() {
		c.discard(c.partOf(o.part), o, false)
	}
	o.Unpin()
}

// settle keeps the bound after an index grew or the bound was lowered.
func (c *core) settle() {
	for i := 0; c.Used() > c.Limit() && i < 1<<20; i++ {
		if !c.Trim() && c.reap(nil) == 0 && !c.steal() {
			return
		}
	}
}
