package store

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"fishplate/internal/cache/slab"
)

// The index is a linear hash table: an array of buckets that grows in place, one
// bucket at a time, so that no request ever waits for a table to be copied.
//
// Lookups take no lock. They read entries, pin the record that an entry names,
// and only then look whether it is the right one: a record's memory is never
// anything else, so that a stale entry leads to a wrong or a free record, and
// not astray. What was found is true; that nothing was found is believed when
// the stripe's version did not change meanwhile. A lock per stripe would be one more
// line of memory that processors take from each other on popular keys; without it
// two cores reach 1.7 to 1.9 times one (go run ./test/bench/store -only cores).
//
// Writers lock one of 256 stripes. A bucket and the one it is split into have
// the same stripe, because there are never fewer buckets than stripes.
type index struct {
	area    slab.Area
	n       atomic.Uint32 // buckets
	_       [64]byte      // lookups read what is above, publishers write what follows
	count   atomic.Int64  // entries
	growing sync.Mutex
	stripes [stripes]stripe
}

type stripe struct {
	mu      sync.Mutex
	version atomic.Uint32 // odd while a writer is at work
	_       [48]byte
}

// bucket is a cache line. An entry is hash << 32 | unit of the record.
type bucket struct {
	entry [slots]atomic.Uint64
	over  atomic.Uint64 // first of the entries that found no place, linked by Object.over
}

const (
	stripes = 256
	slots   = 7
	load    = 5 // entries per bucket, above which a bucket is split

	bucketSize = int64(unsafe.Sizeof(bucket{}))
)

func (c *core) startIndex() bool {
	if !c.Extend(&c.index.area, stripes*bucketSize) {
		return false
	}
	c.index.n.Store(stripes)
	return true
}

// hash spreads a key with the store's secret.
func (c *core) hash(k Key) uint32 {
	hi, lo := bits.Mul64(k[0]^c.secret[0], k[1]^c.secret[1])
	return uint32((hi ^ lo) >> 7)
}

func (c *core) bucket(i uint32) *bucket {
	return (*bucket)(unsafe.Add(c.Start(&c.index.area), int64(i)*bucketSize))
}

// bucketOf returns the bucket of a hash among n.
func bucketOf(hash, n uint32) uint32 {
	high := uint32(1) << (bits.Len32(n) - 1)
	if i := hash & (2*high - 1); i < n {
		return i
	}
	return hash & (high - 1)
}

func (s *stripe) lock() {
	s.mu.Lock()
	s.version.Add(1)
}

func (s *stripe) unlock() {
	s.version.Add(1)
	s.mu.Unlock()
}

// insert makes the object findable.
func (c *core) insert(o *Object) {
	entry := uint64(o.hash)<<32 | uint64(o.self)
	s := &c.index.stripes[o.hash%stripes]
	s.lock()
	c.bucket(bucketOf(o.hash, c.index.n.Load())).add(c, entry)
	s.unlock()
	if c.index.count.Add(1) > load*int64(c.index.n.Load()) {
		c.split()
	}
}

func (b *bucket) add(c *core, entry uint64) {
	for i := range b.entry {
		if b.entry[i].Load() == 0 {
			b.entry[i].Store(entry)
			return
		}
	}
	c.object(uint32(entry)).over.Store(b.over.Load())
	b.over.Store(entry)
}

// erase undoes insert.
func (c *core) erase(o *Object) {
	entry := uint64(o.hash)<<32 | uint64(o.self)
	s := &c.index.stripes[o.hash%stripes]
	s.lock()
	c.bucket(bucketOf(o.hash, c.index.n.Load())).remove(c, entry)
	s.unlock()
	c.index.count.Add(-1)
}

func (b *bucket) remove(c *core, entry uint64) {
	first := b.over.Load()
	for i := range b.entry {
		if b.entry[i].Load() != entry {
			continue
		}
		b.entry[i].Store(first)
		if first != 0 {
			o := c.object(uint32(first))
			b.over.Store(o.over.Load())
			o.over.Store(0)
		}
		return
	}
	for at := &b.over; at.Load() != 0; at = &c.object(uint32(at.Load())).over {
		if at.Load() == entry {
			o := c.object(uint32(entry))
			at.Store(o.over.Load())
			o.over.Store(0)
			return
		}
	}
}

// split adds a bucket, and moves there what belongs there.
func (c *core) split() {
	x := &c.index
	if !x.growing.TryLock() {
		return
	}
	defer x.growing.Unlock()
	n := x.n.Load()
	if n == 1<<31 || !c.Extend(&x.area, int64(n+1)*bucketSize) {
		return // buckets overflow instead
	}
	high := uint32(1) << (bits.Len32(n) - 1)
	s := &x.stripes[n%stripes]
	s.lock()
	defer s.unlock()
	from, to := c.bucket(n-high), c.bucket(n)
	chain := from.over.Load()
	from.over.Store(0)
	for i := range from.entry {
		if e := from.entry[i].Load(); e != 0 && uint32(e>>32)&(2*high-1) == n {
			from.entry[i].Store(0)
			to.add(c, e)
		}
	}
	for chain != 0 {
		o, e := c.object(uint32(chain)), chain
		chain = o.over.Load()
		o.over.Store(0)
		if uint32(e>>32)&(2*high-1) == n {
			to.add(c, e)
		} else {
			from.add(c, e)
		}
	}
	x.n.Store(n + 1)
}

// found are pinned objects of one key.
type found struct {
	n    int
	list [MaxVariants + 8]*Object
}

// collect pins the live objects of a key text (nil: of the key, whatever their
// text), in no order, each with a hit when they are looked up.
func (c *core) collect(p *part, k Key, text []byte, hits uint64, f *found) {
	hash := c.hash(k)
	s := &c.index.stripes[hash%stripes]
	for try := 0; ; try++ {
		version := s.version.Load()
		if version%2 == 0 {
			c.scan(p, k, text, hash, hits, f)
			if f.n > 0 || s.version.Load() == version {
				return
			}
		}
		if try == 8 {
			s.mu.Lock()
			c.scan(p, k, text, hash, hits, f)
			s.mu.Unlock()
			return
		}
		if try > 2 {
			runtime.Gosched()
		}
	}
}

func (c *core) scan(p *part, k Key, text []byte, hash uint32, hits uint64, f *found) {
	b := c.bucket(bucketOf(hash, c.index.n.Load()))
	for i := range b.entry {
		if e := b.entry[i].Load(); e != 0 && uint32(e>>32) == hash {
			c.check(uint32(e), p, k, text, hits, f)
		}
	}
	// A chain that is changed meanwhile may lead into another bucket's; it ends.
	for e, n := b.over.Load(), 0; e != 0 && n < 1<<16; n++ {
		if uint32(e>>32) == hash {
			c.check(uint32(e), p, k, text, hits, f)
		}
		e = c.object(uint32(e)).over.Load()
	}
}

// check pins a record, and keeps the pin when it is one of those looked for.
func (c *core) check(unit uint32, p *part, k Key, text []byte, hits uint64, f *found) {
	o := c.object(unit)
	slab.AheadFar(unsafe.Pointer(o), int(recordSize))
	if f.n == len(f.list) || !o.pin(hits) {
		return
	}
	if hits > 0 {
		o.ahead()
	}
	if o.key == k && o.part == p.id && o.state.Load()&live != 0 && (text == nil || string(o.KeyText()) == string(text)) {
		for _, other := range f.list[:f.n] {
			if other == o {
				o.drop(hits)
				return
			}
		}
		f.list[f.n] = o
		f.n++
		return
	}
	o.drop(hits)
}

// ahead asks for what an answer is made of, the texts and the body, while the
// first of them is still being waited for: one after the other each would be a
// wait for memory. More bytes of the texts, or fewer of the body, were slower.
func (o *Object) ahead() {
	c := coreOf(o)
	if o.text != 0 {
		slab.AheadFar(c.Pointer(o.text), aheadText)
	}
	if unit := o.body.Load(); unit != 0 {
		slab.AheadFar(c.Pointer(unit), aheadBody)
	}
}

const (
	aheadText = 256
	aheadBody = 1024 + int(bodySize)
)

// Ahead asks for the line of memory that a lookup of the key reads first.
func (s *Store) Ahead(k Key) {
	c := s.core
	slab.Ahead(unsafe.Pointer(c.bucket(bucketOf(c.hash(k), c.index.n.Load()))))
}

// drop ends a pin that collect made.
func (o *Object) drop(hits uint64) {
	if hits > 0 {
		o.unhit()
		return
	}
	o.Unpin()
}

// newest moves the newest of the objects to the end and returns it.
func (f *found) newest() *Object {
	last := f.n - 1
	for i := range f.list[:last] {
		if f.list[i].seq > f.list[last].seq {
			f.list[i], f.list[last] = f.list[last], f.list[i]
		}
	}
	return f.list[last]
}

// Lookup returns the newest object of the key that m accepts (any when m is
// nil), pinned, or nil. It counts as a use of the object.
func (s *Store) Lookup(p *Partition, k Key, text []byte, m Matcher) *Object {
	if p.part == nil {
		return nil
	}
	c, counts := s.core, p.part.counts()
	if text == nil {
		text = []byte{} // nil would mean any
	}
	var f found
	c.collect(p.part, k, text, 1, &f)
	var hit *Object
	for f.n > 0 {
		o := f.newest()
		f.n--
		if hit == nil && (m == nil || m.Match(o)) {
			hit = o
			continue
		}
		o.unhit()
	}
	if hit == nil {
		counts.misses.Add(1)
		return nil
	}
	counts.hits.Add(1)
	hit.node.Touch()
	p.part.use(c)
	return hit
}
