//go:build !race

package store

import "sync/atomic"

// fetch loads what removing the object will touch: its place in the index, in
// its body, and its neighbours on other lists. A loop of such loads keeps many
// cache misses under way at once, where removing waits for each (BenchmarkPurgeTag).
// Nothing is concluded from what is read, so no lock is needed; the addresses are
// memory whatever happens meanwhile.
func (c *core) fetch(o *Object) {
	c.bucket(bucketOf(o.hash, c.index.n.Load())).over.Load()
	if b := o.data(); b != nil {
		b.refs.Load()
		c.Fetch(o.body.Load())
	}
	if o.text != 0 {
		c.Fetch(o.text)
	}
	prev, next := o.node.Neighbours()
	c.object(prev).use.Load()
	c.object(next).use.Load()
	links := o.ownLinks()
	for i := range links {
		l := &links[i]
		desc := atomic.LoadUint32(&l.desc)
		if desc == 0 {
			continue
		}
		d := c.desc(desc - 1)
		if next := atomic.LoadUint32(&d.next); next != 0 {
			atomic.LoadUint32(&c.desc(next - 1).prev)
		}
		if prev := atomic.LoadUint32(&d.prev); prev != 0 {
			atomic.LoadUint32(&c.desc(prev - 1).next)
		}
		atomic.LoadUint32(c.chain(bucketOf(atomic.LoadUint32(&l.hash), c.tags.n.Load())))
		atomic.LoadUint64(&c.link(atomic.LoadUint64(&l.prev)).next)
		atomic.LoadUint64(&c.link(atomic.LoadUint64(&l.next)).next)
	}
}
