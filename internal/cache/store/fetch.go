//go:build !race

package store

import (
	"sync/atomic"
	"unsafe"

	"fishplate/internal/cache/slab"
)

// fetch loads what removing the objects will touch: their records and those beside
// them in their queue, their places in the index, their bodies, and their
// neighbours on other lists. A loop of such loads keeps many cache misses under way
// at once, where removing waits for each (go run ./test/bench/store -only purge);
// so each loop loads only what the one before has found the address of. Nothing is
// concluded from what is read, so no lock is needed; the addresses are memory
// whatever happens meanwhile.
func (c *core) fetch(list []*Object) {
	for _, o := range list {
		o.use.Load()
		o.node.Neighbours()
	}
	for _, o := range list {
		c.bucket(bucketOf(o.hash, c.index.n.Load())).over.Load()
		prev, next := o.node.Neighbours()
		c.object(prev).node.Neighbours()
		c.object(next).node.Neighbours()
		if b := o.data(); b != nil {
			b.refs.Load()
			c.Fetch(o.body.Load())
		}
		if o.text != 0 {
			c.Fetch(o.text)
		}
	}
	for _, o := range list {
		if over := c.bucket(bucketOf(o.hash, c.index.n.Load())).over.Load(); over != 0 {
			c.object(uint32(over)).over.Load()
		}
		links := o.ownLinks()
		for i := range links {
			c.fetchLink(&links[i])
		}
	}
	for _, o := range list {
		links := o.ownLinks()
		for i := range links {
			c.fetchDesc(atomic.LoadUint32(&links[i].desc))
		}
	}
}

// fetchLink loads what a link leads to.
func (c *core) fetchLink(l *link) {
	desc := atomic.LoadUint32(&l.desc)
	if desc == 0 {
		return
	}
	atomic.LoadUint32(&c.desc(desc - 1).next)
	atomic.LoadUint64(&c.link(atomic.LoadUint64(&l.prev)).next)
	atomic.LoadUint64(&c.link(atomic.LoadUint64(&l.next)).next)
}

// fetchDesc loads the neighbours in the chain of a desc, which leaves it perhaps.
func (c *core) fetchDesc(desc uint32) {
	if desc == 0 {
		return
	}
	d := c.desc(desc - 1)
	if atomic.LoadUint32(&d.count) > 1 {
		return
	}
	if next := atomic.LoadUint32(&d.next); next != 0 {
		atomic.LoadUint32(&c.desc(next - 1).prev)
	}
	if prev := atomic.LoadUint32(&d.prev); prev != 0 {
		atomic.LoadUint32(&c.desc(prev - 1).next)
	} else {
		atomic.LoadUint32(c.chain(bucketOf(d.hash, c.tags.n.Load())))
	}
}

// foresee asks for the memory that evicting an object will touch: evictions come
// one by one, and what the next one waits for is on its way until then. The
// record was asked for one eviction earlier. Nothing is read through what it
// finds, which may be another object's by now.
func (c *core) foresee(id uint32) {
	if id == 0 {
		return
	}
	o := c.object(id)
	if prev, _ := o.node.Neighbours(); prev != 0 {
		slab.AheadFar(unsafe.Pointer(c.object(prev)), int(recordSize))
	}
	slab.Ahead(unsafe.Pointer(c.bucket(bucketOf(o.hash, c.index.n.Load()))))
	slab.AheadFar(c.Pointer(o.body.Load()), aheadBody)
	slab.AheadFar(c.Pointer(o.text), 2*aheadText)
}
