package store

import (
	"bytes"
	"errors"
	"unsafe"

	"fishplate/internal/cache/evict"
	"fishplate/internal/cache/slab"
)

var errPartial = errors.New("refresh object: its body is not complete")

// Begin makes an object that nobody finds before Publish. It is pinned, and has
// an empty body, of which size bytes are expected (-1: not known). It evicts
// others when there is no room.
func (s *Store) Begin(p *Partition, k Key, m *Meta, parts *Parts, size int64) (*Object, error) {
	c := s.core
	if p.part == nil {
		return nil, ErrFull
	}
	if size > c.maxObject.Load() {
		return nil, ErrTooLarge
	}
	o, err := c.make(p.part, k, m, parts)
	if err != nil {
		return nil, err
	}
	if size != 0 {
		if _, err := c.begin(o, size); err != nil {
			o.Unpin()
			return nil, c.refuse(p.part, err)
		}
	}
	return o, nil
}

// Refresh makes an object with new values and texts that shares the body of
// old, which must be complete and pinned by the caller.
func (s *Store) Refresh(old *Object, m *Meta, parts *Parts) (*Object, error) {
	c := s.core
	if !old.Complete() {
		return nil, errPartial
	}
	o, err := c.make(c.partOf(old.part), old.key, m, parts)
	if err != nil {
		return nil, err
	}
	if b := old.data(); b != nil {
		b.refs.Add(1)
		o.body.Store(old.body.Load())
	}
	o.state.Or(complete)
	return o, nil
}

func (c *core) refuse(p *part, err error) error {
	if errors.Is(err, ErrFull) {
		p.refused.Add(1)
	}
	return err
}

// make makes a pinned object without a body.
func (c *core) make(p *part, k Key, m *Meta, parts *Parts) (*Object, error) {
	size, err := measure(parts)
	if err != nil {
		return nil, err
	}
	unit, ok := c.alloc(p, slab.Stable, 0)
	if !ok {
		return nil, c.refuse(p, ErrFull)
	}
	o := c.object(unit)
	// A stale entry may lead a lookup here until use is set: it reads nothing
	// but the first two words.
	o.over.Store(0)
	o.init(unit, p.id, k, m)
	o.hash = c.hash(k)
	c.count(p, &c.heads, recordSize)
	if size > 0 {
		text, cell, ok := c.cell(o, c.Class(size), &c.heads)
		if !ok {
			c.count(p, &c.heads, -recordSize)
			c.Free(unit)
			return nil, c.refuse(p, ErrFull)
		}
		o.text = text
		o.slack = uint32(cell) - uint32(size)
		c.slack.Add(int64(o.slack))
		o.write(c.Bytes(text, int(cell)), parts)
	}
	c.records.Add(1)
	o.use.Store(1)
	return o, nil
}

func (o *Object) init(unit, part uint32, k Key, m *Meta) {
	const first = unsafe.Offsetof(Object{}.key)
	rest := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(o), first)), unsafe.Sizeof(Object{})-first)
	clear(rest)
	o.key, o.self, o.part, o.meta = k, unit, part, *m
	o.fresh.Store(m.Fresh)
}

// Publish lets Lookup find the object, in place of one with an equal Vary blob,
// without a moment in which neither is found.
func (o *Object) Publish() {
	c := coreOf(o)
	if o.state.Load()&(live|dead) != 0 {
		return
	}
	p := c.partOf(o.part)
	o.seq = c.seq.Add(1)
	o.use.Add(1) // for being published
	if !c.linkTags(o) {
		o.Unpin()
		p.refused.Add(1)
		return
	}
	if b := o.data(); b != nil && b.refs.Load() > 1 {
		c.own(o, b)
	}
	p.queue(c, o)
	p.objects.Add(1)
	c.objects.Add(1)
	p.stored.Add(1)
	c.insert(o)
	for {
		v := o.state.Load()
		if v&dead != 0 {
			// A purge met it on the way.
			c.unlink(o)
			return
		}
		if o.state.CompareAndSwap(v, v|live) {
			break
		}
	}
	c.replace(p, o)
	c.settle()
}

// replace removes the variants that o replaces, and those too many. Key texts of
// one hash count together, so that no bucket can be made long.
func (c *core) replace(p *part, o *Object) {
	var f found
	c.collect(p, o.key, nil, 0, &f)
	kept := 0
	for f.n > 0 {
		v := f.newest()
		f.n--
		same := v != o && bytes.Equal(v.Vary(), o.Vary()) && bytes.Equal(v.KeyText(), o.KeyText())
		victim := v
		if same && v.seq > o.seq {
			victim, same = o, true
		}
		if !same {
			kept++
		}
		if (same || kept > MaxVariants) && victim.kill() {
			p.replaced.Add(1)
			c.unlink(victim)
		}
		v.Unpin()
	}
}

// unlink takes a dead object out of everything. Its killer calls it, once, or
// buries the object.
func (c *core) unlink(o *Object) {
	p := c.partOf(o.part)
	c.erase(o)
	p.mu.Lock()
	evict.Remove(&p.queues, c, o.self)
	p.mu.Unlock()
	c.unlinkTags(o)
	p.objects.Add(-1)
	c.objects.Add(-1)
	c.bereave(o)
}

// bereave ends the pin of an object that was unlinked, which others have pinned
// perhaps.
func (c *core) bereave(o *Object) {
	c.orphans.Add(1)
	o.state.Or(orphan)
	o.Unpin()
}

// free gives an object's memory back. Nobody has it pinned or can find it.
func (c *core) free(o *Object) {
	if o.state.Load()&orphan != 0 {
		c.orphans.Add(-1)
	}
	p := c.partOf(o.part)
	var r remains
	first, text, unit := r.add(c, o)
	o.use.Store(0) // hits were left in the upper half
	c.discount(p, &r)
	c.Free(first, text, unit)
}

// remains are what objects held that ended.
type remains struct{ records, slack, heads, bodies int64 }

// add counts what the object holds, frees its body but for the first cell, and
// returns its other cells.
func (r *remains) add(c *core, o *Object) (first, text, unit uint32) {
	r.records++
	r.slack += int64(o.slack)
	r.heads += recordSize
	if b := o.data(); b != nil && b.refs.Add(-1) == 0 {
		r.slack += int64(b.slack)
		r.bodies += b.held.Load()
		c.freeBody(b)
		first = o.body.Load()
	}
	if o.text != 0 {
		r.heads += int64(c.Heap.Size(o.text))
	}
	o.over.Store(0)
	return first, o.text, o.self
}

// discount takes what ended off the books of the store and of a partition.
func (c *core) discount(p *part, r *remains) {
	c.records.Add(-r.records)
	c.slack.Add(-r.slack)
	c.heads.Add(-r.heads)
	c.bodies.Add(-r.bodies)
	p.bytes.Add(-r.heads - r.bodies)
}

// freeBody frees all of a body but its first cell.
func (c *core) freeBody(b *body) {
	root := b.root.Load()
	if root == 0 {
		return
	}
	// The directory is read to free what it lists: segments, then leaves.
	for i := b.trimmed; i < b.count.Load(); i++ {
		c.Free(c.segment(b, i).unit)
	}
	for i := range uint32(leaves) {
		c.Free(*c.leaf(b, i))
	}
	c.Free(root)
}
