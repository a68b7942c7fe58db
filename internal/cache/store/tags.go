package store

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/zeebo/xxh3"

	"fishplate/internal/cache/slab"
)

// tagIndex finds the objects of a tag: a hash table of descs, each the head of
// a list of links. It is exact: a desc is there while an object has the tag, and
// its text is that of its first object.
type tagIndex struct {
	descs, heads slab.Area
	n            atomic.Uint32 // chains, as buckets of the index
	count        atomic.Int64
	growing      sync.Mutex
	stripes      [tagStripes]tagStripe

	mu    sync.Mutex // of the descs that are not in use
	taken uint32
	free  uint32
}

type tagStripe struct {
	mu sync.Mutex
	_  [56]byte
}

// A desc is a tag of a partition.
type desc struct {
	first uint64 // link
	hash  uint32
	part  uint32
	count uint32
	next  uint32 // in its chain or the free list, 1 + number
	prev  uint32 // in its chain, 0 for the first
	_     uint32
}

const (
	tagStripes = 64
	tagLoad    = 1
	descSize   = int64(unsafe.Sizeof(desc{}))
)

func tagHash(tag []byte, seed uint64) uint32 { return uint32(xxh3.HashSeed(tag, seed) >> 11) }

func (c *core) tagHash(p uint32, tag []byte) uint32 {
	return tagHash(tag, c.secret[0]^uint64(p)*0x9e3779b97f4a7c15)
}

func (c *core) startTags() bool {
	c.tags.n.Store(tagStripes)
	return c.Extend(&c.tags.heads, tagStripes*4)
}

func (c *core) chain(i uint32) *uint32 {
	return (*uint32)(unsafe.Add(c.Start(&c.tags.heads), int64(i)*4))
}

func (c *core) desc(n uint32) *desc {
	return (*desc)(unsafe.Add(c.Start(&c.tags.descs), int64(n)*descSize))
}

// link returns a link by its name. Names lead to cells and not to records, so that
// walking a list costs one cache miss for each member.
func (c *core) link(name uint64) *link {
	return (*link)(unsafe.Add(c.Pointer(uint32(name>>16)), int(name&0xffff)*linkSize))
}

func linkName(o *Object, i int) uint64 { return uint64(o.text)<<16 | uint64(i) }

// tagText returns the text of the tag that a link is for.
func (c *core) tagText(name uint64) []byte {
	l := c.link(name)
	return c.Bytes(uint32(name>>16), int(l.off)+int(l.len))[l.off:]
}

// findTag returns 1 + the number of the tag's desc, or 0. The stripe is locked.
func (c *core) findTag(p, hash uint32, tag []byte) uint32 {
	n := *c.chain(bucketOf(hash, c.tags.n.Load()))
	for ; n != 0; n = c.desc(n - 1).next {
		d := c.desc(n - 1)
		if d.hash != hash || d.part != p {
			continue
		}
		if string(c.tagText(d.first)) == string(tag) {
			return n
		}
	}
	return 0
}

// spare takes a desc that is not in use: 1 + its number, 0 without room.
func (c *core) spare() uint32 {
	t := &c.tags
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.free; n != 0 {
		t.free = c.desc(n - 1).next
		return n
	}
	if !c.Extend(&t.descs, int64(t.taken+1)*descSize) {
		return 0
	}
	t.taken++
	return t.taken
}

func (c *core) giveSpare(n uint32) {
	if n == 0 {
		return
	}
	c.tags.mu.Lock()
	c.desc(n - 1).next = c.tags.free
	c.tags.free = n
	c.tags.mu.Unlock()
}

// linkTags puts the object on the lists of its tags, or on none.
func (c *core) linkTags(o *Object) bool {
	for i := range o.ownLinks() {
		l := &o.ownLinks()[i]
		tag := o.piece(int(l.off), int(l.len))
		l.hash = c.tagHash(o.part, tag)
		if c.linkTag(o, i, l, tag, 0) {
			continue
		}
		n := c.spare()
		if n == 0 {
			c.unlinkTags(o)
			return false
		}
		if !c.linkTag(o, i, l, tag, n) {
			c.giveSpare(n)
		}
	}
	if c.tags.count.Load() > tagLoad*int64(c.tags.n.Load()) {
		c.splitTags()
	}
	return true
}

// linkTag links one tag. With spare 0 it reports whether there was a desc; else
// whether the spare one was used.
func (c *core) linkTag(o *Object, i int, l *link, tag []byte, spare uint32) bool {
	s := &c.tags.stripes[l.hash%tagStripes]
	s.mu.Lock()
	defer s.mu.Unlock()
	n := c.findTag(o.part, l.hash, tag)
	if n == 0 && spare == 0 {
		return false
	}
	used := n == 0
	if used {
		n = spare
		*c.desc(n - 1) = desc{hash: l.hash, part: o.part}
		c.enchain(n, c.chain(bucketOf(l.hash, c.tags.n.Load())))
		c.tags.count.Add(1)
	}
	d := c.desc(n - 1)
	name := linkName(o, i)
	l.prev, l.next, l.desc = 0, d.first, n
	if d.first != 0 {
		c.link(d.first).prev = name
	}
	d.first = name
	d.count++
	return used || spare == 0
}

// unlinkTags takes the object from all lists of tags.
func (c *core) unlinkTags(o *Object) {
	links := o.ownLinks()
	for i := range links {
		l := &links[i]
		s := &c.tags.stripes[l.hash%tagStripes]
		s.mu.Lock()
		n := uint32(0)
		if l.desc != 0 {
			n = c.detach(l)
		}
		s.mu.Unlock()
		c.giveSpare(n)
	}
}

// detach takes a link from its list, and returns the desc when it was the last
// one. The stripe is locked.
func (c *core) detach(l *link) uint32 {
	n := l.desc
	d := c.desc(n - 1)
	if l.prev != 0 {
		c.link(l.prev).next = l.next
	} else {
		d.first = l.next
	}
	if l.next != 0 {
		c.link(l.next).prev = l.prev
	}
	l.desc, l.prev, l.next = 0, 0, 0
	if d.count--; d.count > 0 {
		return 0
	}
	c.unchain(d)
	return n
}

// enchain puts a desc first in a chain.
func (c *core) enchain(n uint32, chain *uint32) {
	d := c.desc(n - 1)
	d.prev, d.next = 0, *chain
	if d.next != 0 {
		c.desc(d.next - 1).prev = n
	}
	*chain = n
}

// unchain takes a desc from its chain.
func (c *core) unchain(d *desc) {
	if d.prev != 0 {
		c.desc(d.prev - 1).next = d.next
	} else {
		*c.chain(bucketOf(d.hash, c.tags.n.Load())) = d.next
	}
	if d.next != 0 {
		c.desc(d.next - 1).prev = d.prev
	}
	c.tags.count.Add(-1)
}

// splitTags adds a chain.
func (c *core) splitTags() {
	t := &c.tags
	if !t.growing.TryLock() {
		return
	}
	defer t.growing.Unlock()
	for t.count.Load() > tagLoad*int64(t.n.Load()) {
		n := t.n.Load()
		if n == 1<<31 || !c.Extend(&t.heads, int64(n+1)*4) {
			return // chains become longer instead
		}
		c.splitChain(n)
	}
}

func (c *core) splitChain(n uint32) {
	high := uint32(1)
	for high*2 <= n {
		high *= 2
	}
	s := &c.tags.stripes[n%tagStripes]
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to := c.chain(n-high), c.chain(n)
	at := *from
	*from, *to = 0, 0
	for at != 0 {
		d := c.desc(at - 1)
		next, chain := d.next, from
		if d.hash&(2*high-1) == n {
			chain = to
		}
		c.enchain(at, chain)
		at = next
	}
	c.tags.n.Store(n + 1)
}
