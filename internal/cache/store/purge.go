package store

// batch is how many objects are taken from a tag's list at a time: so long a
// publisher of the same stripe of tags may wait, some ten microseconds.
const batch = 128

// PurgeTag removes the objects of partition p (nil: of all) that have the tag,
// or makes them stale at now (nanoseconds since the Unix epoch) when soft. It
// returns how many. An object that is published meanwhile may stay. A removal is
// done when no Lookup finds the objects; of more than a few, memory is given back
// by Reap.
func (s *Store) PurgeTag(p *Partition, tag []byte, soft bool, now int64) int {
	c := s.core
	if p != nil {
		if p.part == nil {
			return 0
		}
		return c.purgeTag(p.part, tag, soft, now)
	}
	n := 0
	for id := uint32(1); id <= c.parts.n.Load(); id++ {
		n += c.purgeTag(c.partOf(id), tag, soft, now)
	}
	return n
}

func (c *core) purgeTag(p *part, tag []byte, soft bool, now int64) (n int) {
	hash := c.tagHash(p.id, tag)
	if soft {
		n = c.softTag(p, hash, tag, now)
	} else {
		n = c.hardTag(p, hash, tag)
	}
	p.purged.Add(int64(n))
	return n
}

// hardTag kills the objects of a tag by batches under its lock, and buries them.
// A small purge leaves nothing in the grave. A larger one that finds what another
// has left works as much of it off as it adds, so that the grave stays as large as
// the largest purge.
func (c *core) hardTag(p *part, hash uint32, tag []byte) (n int) {
	s := &c.tags.stripes[hash%tagStripes]
	old, late := p.dead.Load(), 0
	for more := true; more; {
		var k toll
		spare := uint32(0)
		s.mu.Lock()
		at := c.findTag(p.id, hash, tag)
		if at != 0 {
			k, spare = c.slay(at)
		}
		more = at != 0 && spare == 0
		s.mu.Unlock()
		c.giveSpare(spare)
		c.bury(p, &k)
		if n += k.count; old > 0 {
			old -= int64(c.reap(p))
		}
	}
	for late < n && n <= c.graves.spared {
		k := c.reap(p)
		if k == 0 {
			break
		}
		late += k
	}
	return n
}

// slay detaches the first objects of a tag and kills them. Who is on a list has
// not ended: it leaves its lists before its memory is given up. It returns the desc
// when nobody is left. The walk with the loads of records and the kills are two
// loops, because a kill, a locked operation, would let each miss wait for the last.
func (c *core) slay(at uint32) (t toll, spare uint32) {
	d := c.desc(at - 1)
	var names [batch]uint64
	k, name := 0, d.first
	for ; name != 0 && k < batch; k++ {
		l := c.link(name)
		names[k] = name
		name = l.next
		c.object(l.object).use.Load()
		l.desc, l.prev, l.next = 0, 0, 0
	}
	d.first = name
	if d.count -= uint32(k); d.count == 0 {
		c.unchain(d)
		spare = at
	} else {
		c.link(name).prev = 0
	}
	for _, name := range names[:k] {
		l := c.link(name)
		if o := c.object(l.object); !o.kill() {
			o.state.Or(dead) // its publisher finds out
			continue
		}
		t.add(name, l)
	}
	return t, spare
}

// softTag walks the list by batches. Between two it keeps its place by a pin on
// an object; when that one leaves the list meanwhile, it begins anew and passes
// over those that it has seen, which bear the number of this purge.
func (c *core) softTag(p *part, hash uint32, tag []byte, now int64) (n int) {
	s := &c.tags.stripes[hash%tagStripes]
	stamp := c.purges.Add(1)
	var last *Object // pinned
	at := uint64(0)  // its link
	for {
		s.mu.Lock()
		var name uint64
		if last != nil && c.link(at).desc != 0 {
			name = c.link(at).next
		} else if d := c.findTag(p.id, hash, tag); d != 0 {
			name = c.desc(d - 1).first
		}
		old := last
		last = nil
		var list [batch]*Object
		k := 0
		for ; name != 0 && k < batch; k++ {
			l := c.link(name)
			list[k], at = c.object(l.object), name
			name = l.next
		}
		if name != 0 {
			last = list[k-1]
			last.Pin()
		}
		for _, o := range list[:k] {
			if o.purged.Swap(stamp) != stamp && o.Published() {
				o.Expire(true, now)
				n++
			}
		}
		s.mu.Unlock()
		if old != nil {
			old.Unpin()
		}
		if last == nil {
			return n
		}
	}
}

// PurgeKey is PurgeTag of all variants of a key.
func (s *Store) PurgeKey(p *Partition, k Key, text []byte, soft bool, now int64) int {
	if p.part == nil {
		return 0
	}
	if text == nil {
		text = []byte{} // nil would mean any
	}
	var f found
	s.core.collect(p.part, k, text, 0, &f)
	n := 0
	for _, o := range f.list[:f.n] {
		if soft {
			o.Expire(true, now)
			n++
		} else if o.kill() {
			s.core.unlink(o)
			n++
		}
		o.Unpin()
	}
	p.part.purged.Add(int64(n))
	return n
}

// Each looks at about n places of the store, beginning at the cursor, which it
// moves, and calls fn for the published objects of p (nil: of all) there, pinned
// for the call. It returns false at the end of the store, or when fn did. No lock
// is held while fn runs. An object that stays is seen exactly once between the
// cursor's beginning and the end.
func (s *Store) Each(p *Partition, cur *Cursor, n int, fn func(*Object) bool) bool {
	if p != nil && p.part == nil {
		return false
	}
	c, on := s.core, true
	cur.at = c.EachStable(cur.at, n, func(unit uint32) bool {
		o := c.object(unit)
		if !o.pin(0) {
			return true
		}
		if o.Published() && (p == nil || o.part == p.part.id) {
			on = fn(o)
		}
		o.Unpin()
		return on
	})
	return on && cur.at != 0
}
