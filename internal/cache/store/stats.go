package store

import (
	"math/rand/v2"
	"sort"
	"time"

	"fishplate/internal/cache/evict"
	"fishplate/internal/invariant"
)

// Stats returns the store's counts. Ages and Sizes are estimated from a sample
// when there are many objects.
func (s *Store) Stats() Stats {
	c := s.core
	st := Stats{
		Memory: c.Limit(), Used: c.Used(), Heads: c.heads.Load(), Bodies: c.bodies.Load(),
		Free: c.FreeBytes(), Slack: c.slack.Load(), Pinned: c.orphans.Load(),
	}
	for id := uint32(1); id <= c.parts.n.Load(); id++ {
		c.partOf(id).addTo(&st.PartitionStats)
	}
	st.Index = st.Used - st.Heads - st.Bodies - st.Free
	c.histograms(&st, time.Now().UnixNano())
	return st
}

// sampled is how many places of the store a histogram is made from.
const sampled = 1 << 14

func (c *core) histograms(st *Stats, now int64) {
	ages, sizes := AgeEdges(), SizeEdges()
	seen := int64(0)
	look := func(unit uint32) bool {
		o := c.object(unit)
		if !o.pin(0) {
			return true
		}
		if o.Published() {
			age, size := time.Duration(now-o.meta.Stored), o.Available()
			st.Ages[sort.Search(len(ages), func(i int) bool { return age < ages[i] })]++
			st.Sizes[sort.Search(len(sizes), func(i int) bool { return size < sizes[i] })]++
			seen++
		}
		o.Unpin()
		return true
	}
	live := st.Objects
	if live <= sampled {
		for at := uint64(0); ; {
			if at = c.EachStable(at, sampled, look); at == 0 {
				return
			}
		}
	}
	for range 64 {
		c.EachStable(rand.Uint64N(uint64(live)), sampled/64, look)
	}
	if seen == 0 {
		return
	}
	for i := range st.Ages {
		st.Ages[i] = st.Ages[i] * live / seen
	}
	for i := range st.Sizes {
		st.Sizes[i] = st.Sizes[i] * live / seen
	}
}

// audit compares the books with what is there, in builds with invariants, when
// nothing else uses the store: all bytes are accounted for, and every queued
// object is live and counted.
func (c *core) audit() {
	if !invariant.On {
		return
	}
	var heads, bodies, objects, records int64
	bytes := make([]int64, c.parts.n.Load()+1)
	shared := map[uint32]bool{}
	for at := uint64(0); ; {
		at = c.EachStable(at, 1<<20, func(unit uint32) bool {
			o := c.object(unit)
			if !o.pin(0) {
				return true
			}
			defer o.Unpin()
			records++
			n := recordSize
			if o.text != 0 {
				n += int64(c.Heap.Size(o.text))
			}
			heads += n
			if b := o.data(); b != nil && !shared[o.body.Load()] {
				shared[o.body.Load()] = true
				bodies += c.auditBody(o, b)
				n += b.held.Load()
			}
			bytes[o.part] += n
			if o.Published() {
				objects++
			}
			return true
		})
		if at == 0 {
			break
		}
	}
	invariant.Check(heads == c.heads.Load(), "heads: %d bytes counted, %d there", c.heads.Load(), heads)
	invariant.Check(bodies == c.bodies.Load(), "bodies: %d bytes counted, %d there", c.bodies.Load(), bodies)
	invariant.Check(objects == c.objects.Load(), "%d objects counted, %d there", c.objects.Load(), objects)
	invariant.Check(records == c.records.Load(), "%d records counted, %d there", c.records.Load(), records)
	buried := c.dead.Load()
	invariant.Check(objects+buried == c.index.count.Load(), "%d objects, %d dead, %d index entries", objects, buried, c.index.count.Load())
	queued := 0
	for id := uint32(1); id <= c.parts.n.Load(); id++ {
		p := c.partOf(id)
		mourned := int64(0)
		p.mu.Lock()
		n, cost := evict.Walk(&p.queues, c, func(id uint32) {
			if !c.object(id).Published() {
				mourned++
			}
		})
		invariant.Check(n == p.queues.Len() && cost == p.queues.Cost(), "queues of partition %d: %d objects of %d units", id, n, cost)
		p.mu.Unlock()
		invariant.Check(mourned == p.dead.Load(), "partition %d: %d dead counted, %d queued and not published", id, p.dead.Load(), mourned)
		queued += n
		invariant.Check(bytes[id] == p.bytes.Load(), "partition %d: %d bytes counted, %d there", id, p.bytes.Load(), bytes[id])
	}
	invariant.Check(int64(queued) == objects+buried, "%d objects, %d dead, %d queued", objects, buried, queued)
}

func (c *core) auditBody(o *Object, b *body) (n int64) {
	for unit := range c.cellsOf(o.body.Load(), b) {
		n += int64(c.Heap.Size(unit))
	}
	invariant.Check(n == b.held.Load(), "body of %d: %d bytes counted, %d there", o.self, b.held.Load(), n)
	return n
}
