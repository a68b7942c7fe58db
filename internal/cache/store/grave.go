package store

import (
	"sync"

	"fishplate/internal/cache/evict"
)

// A purge of many objects has two parts. It takes them from the tag's list and
// makes them dead, which is when no lookup finds them any more, and it lays them
// into the grave of their partition. What is left of them (index places, queues,
// other tags, memory) is worked off by batches: by Reap, whose caller has the
// time, or before anything is evicted by who needs room.
//
// Graves take no memory: they chain the links by which objects were in the tag
// that killed them, and which nobody else looks at any more. There are several
// chains, so that who walks them waits for several cache misses at a time. The pin
// of being published is the grave's.
type graves struct {
	mu     sync.Mutex // of the graves of all partitions
	first  uint32     // partition whose grave may hold some, 0 = none
	spared int        // how many objects a purge may find without leaving work behind
}

// A toll is who was killed: chains of detached links.
type toll struct {
	first, last [graveChains]uint64
	count       int
}

const graveChains = 8

func (t *toll) add(name uint64, l *link) {
	at := t.count % graveChains
	if l.next = t.first[at]; l.next == 0 {
		t.last[at] = name
	}
	t.first[at] = name
	t.count++
}

// bury adds to the partition's grave, and moves who was killed in the books from
// the living to the dead.
func (c *core) bury(p *part, t *toll) {
	n := int64(t.count)
	if n == 0 {
		return
	}
	p.objects.Add(-n)
	c.objects.Add(-n)
	c.graves.mu.Lock()
	defer c.graves.mu.Unlock()
	p.dead.Add(n)
	c.dead.Add(n)
	for i := range min(t.count, graveChains) {
		c.link(t.last[i]).next = p.grave[i]
		p.grave[i] = t.first[i]
	}
	p.buried += t.count
	if !p.mourned {
		p.mourned = true
		p.mourn = c.graves.first
		c.graves.first = p.id
	}
}

// exhume takes objects from the grave of p (nil: of the first that has some).
func (c *core) exhume(p *part, list *[batch]*Object) (*part, int) {
	g := &c.graves
	g.mu.Lock()
	defer g.mu.Unlock()
	for p == nil {
		if g.first == 0 {
			return nil, 0
		}
		if first := c.partOf(g.first); first.buried > 0 {
			p = first
		} else {
			g.first, first.mourned = first.mourn, false
		}
	}
	k, want := 0, min(p.buried, batch)
	for i := 0; k < want; i++ {
		if name := &p.grave[i%graveChains]; *name != 0 {
			l := c.link(*name)
			list[k] = c.object(l.object)
			*name, l.next = l.next, 0
			k++
		}
	}
	p.buried -= k
	return p, k
}

// reap ends up to a batch of dead objects of p (nil: of any partition), and
// returns how many.
func (c *core) reap(p *part) int {
	if c.dead.Load() == 0 || p != nil && p.dead.Load() == 0 {
		return 0
	}
	var list [batch]*Object
	p, k := c.exhume(p, &list)
	if k > 0 {
		c.unlinkAll(p, list[:k])
		p.dead.Add(-int64(k))
		c.dead.Add(-int64(k))
	}
	return k
}

// unlinkAll does for dead objects of one partition what unlink does for one, but
// for the counts of live objects. Each lock that they share is taken once.
func (c *core) unlinkAll(p *part, list []*Object) {
	c.fetch(list)
	for _, o := range list {
		c.erase(o)
	}
	p.mu.Lock()
	for _, o := range list {
		evict.Remove(&p.queues, c, o.self)
	}
	p.mu.Unlock()
	for _, o := range list {
		c.unlinkTags(o)
	}
	c.end(p, list)
}

// end ends the pins of unlinked objects, and gives back the memory of those that
// nobody else has pinned.
func (c *core) end(p *part, list []*Object) {
	var r remains
	var units [3 * batch]uint32
	n := 0
	for _, o := range list {
		v := o.use.Load()
		if uint32(v) != 1 || !o.use.CompareAndSwap(v, 0) {
			c.bereave(o)
			continue
		}
		units[n], units[n+1], units[n+2] = r.add(c, o)
		n += 3
	}
	c.discount(p, &r)
	c.Free(units[:n]...)
}

// Reap gives back what hard purges left behind, of about n objects, and reports
// whether there is more. Who does not call it finds the work done, by and by,
// when something is stored that needs the room.
func (s *Store) Reap(n int) (more bool) {
	c := s.core
	for n > 0 {
		k := c.reap(nil)
		if k == 0 {
			return false
		}
		n -= k
	}
	return c.dead.Load() > 0
}
