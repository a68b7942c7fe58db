package store

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"fishplate/internal/cache/slab"
)

// A body begins with this structure, in its first cell, whose rest is its first
// segment. Further segments are listed in a directory, so that a body needs no
// memory in one piece and any offset is found in a few steps.
type body struct {
	refs    atomic.Int32  // objects that share it
	count   atomic.Uint32 // segments behind the first
	length  atomic.Int64  // bytes that are there; stored after them
	held    atomic.Int64  // bytes of all its cells
	expect  int64         // bytes announced, -1 unknown
	tailAt  int64         // offset of the last segment's first byte
	tail    uint32        // its unit; body's own for the first
	tailCap uint32        // its bytes
	root    atomic.Uint32 // cell of directory leaves
	trimmed uint32        // segments behind the first that Trim freed
	first   uint32        // bytes of the first segment
	slack   uint32        // bytes counted as lost, after Finish
}

// The segments behind the first.
type segment struct {
	at   int64
	unit uint32
	size uint32
}

const (
	bodySize    = int64(unsafe.Sizeof(body{}))
	segmentSize = int(unsafe.Sizeof(segment{}))
	leaves      = 64      // entries of a root
	firstLeaf   = 16      // segments in the first leaf; each has twice as many, up to
	lastLeaf    = 4096    // so many, a slab full
	growthPart  = 4       // a body of unknown length grows by a quarter
	firstGrowth = 1 << 10 // and begins with this much
)

// leafOf returns the leaf that lists segment i, and the place in it.
func leafOf(i uint32) (leaf, at, size uint32) {
	j := i + firstLeaf
	k := uint32(bits.Len32(j)) - 5
	if j < 2*lastLeaf {
		return k, j - firstLeaf<<k, firstLeaf << k
	}
	j -= 2 * lastLeaf
	return 9 + j/lastLeaf, j % lastLeaf, lastLeaf
}

func (o *Object) data() *body {
	unit := o.body.Load()
	if unit == 0 {
		return nil
	}
	return (*body)(unsafe.Add(unsafe.Pointer(o), (int64(unit)-int64(o.self))*slab.Unit))
}

func (c *core) segment(b *body, i uint32) *segment {
	leaf, at, _ := leafOf(i)
	unit := *c.leaf(b, leaf)
	return (*segment)(unsafe.Add(c.Pointer(unit), int(at)*segmentSize))
}

func (c *core) leaf(b *body, leaf uint32) *uint32 {
	return (*uint32)(unsafe.Add(c.Pointer(b.root.Load()), int(leaf)*4))
}

// begin gives the object a body with a first segment.
func (c *core) begin(o *Object, size int64) (*body, error) {
	want := size
	if size < 0 {
		want = firstGrowth
	}
	unit, cell, ok := c.cell(o, c.pieceOf(want+bodySize), &c.bodies)
	if !ok {
		return nil, ErrFull
	}
	b := (*body)(c.Pointer(unit))
	b.refs.Store(1)
	b.count.Store(0)
	b.length.Store(0)
	b.held.Store(cell)
	b.expect, b.tailAt, b.tail, b.tailCap = size, 0, unit, uint32(cell-bodySize)
	b.root.Store(0)
	b.trimmed, b.first, b.slack = 0, b.tailCap, 0
	o.body.Store(unit)
	return b, nil
}

// pieceOf chooses the next cell for n bytes that are to come: one that they fill
// but for an eighth, else the largest that they fill, and the rest goes to another.
func (c *core) pieceOf(n int64) int {
	if n >= slab.SlabSize {
		return slab.Largest
	}
	class := c.Class(int(n))
	if size := int64(c.CellSize(class)); size-n > max(size/8, slab.Unit) && class > 0 {
		class--
	}
	return class
}

// grow adds a segment behind the body's last.
func (c *core) grow(o *Object, b *body) error {
	at := b.tailAt + int64(b.tailCap)
	want := b.expect - at
	if b.expect < 0 || want <= 0 {
		want = max(firstGrowth, at/growthPart)
	}
	i := b.count.Load()
	if err := c.list(o, b, i); err != nil {
		return err
	}
	unit, cell, ok := c.cell(o, c.pieceOf(want), &c.bodies)
	if !ok {
		return ErrFull
	}
	b.held.Add(cell)
	*c.segment(b, i) = segment{at: at, unit: unit, size: uint32(cell)}
	b.tailAt, b.tail, b.tailCap = at, unit, uint32(cell)
	b.count.Store(i + 1)
	return nil
}

// list makes room for segment i in the directory.
func (c *core) list(o *Object, b *body, i uint32) error {
	if b.root.Load() == 0 {
		root, cell, ok := c.cell(o, c.Class(leaves*4), &c.bodies)
		if !ok {
			return ErrFull
		}
		clear(c.Bytes(root, leaves*4))
		b.held.Add(cell)
		b.root.Store(root)
	}
	leaf, _, size := leafOf(i)
	if leaf >= leaves {
		return ErrTooLarge
	}
	if p := c.leaf(b, leaf); *p == 0 {
		unit, cell, ok := c.cell(o, c.Class(int(size)*segmentSize), &c.bodies)
		if !ok {
			return ErrFull
		}
		b.held.Add(cell)
		*p = unit
	}
	return nil
}

// Append copies p behind the body. It takes all of p or, with an error, what
// found room.
func (o *Object) Append(p []byte) (n int, err error) {
	for n < len(p) {
		free, err := o.Reserve()
		if err != nil {
			return n, err
		}
		m := copy(free, p[n:])
		o.Commit(m)
		n += m
	}
	return n, nil
}

// Reserve returns memory behind the body, at least one byte, to be filled and
// then committed.
func (o *Object) Reserve() ([]byte, error) {
	c, b := coreOf(o), o.data()
	if b == nil {
		var err error
		if b, err = c.begin(o, -1); err != nil {
			return nil, err
		}
	}
	length := b.length.Load()
	// What was trimmed does not count: such a body passes through.
	most := c.maxObject.Load() + b.gone(c)
	if length >= most {
		return nil, ErrTooLarge
	}
	for length == b.tailAt+int64(b.tailCap) {
		if err := c.grow(o, b); err != nil {
			return nil, err
		}
	}
	used := int(length - b.tailAt)
	free := c.Bytes(b.tail, b.room())[b.header()+used:]
	return free[:min(int64(len(free)), most-length)], nil
}

// header and room are where the last segment begins in its cell, and ends.
func (b *body) header() int {
	if b.tailAt == 0 {
		return int(bodySize)
	}
	return 0
}

func (b *body) room() int { return b.header() + int(b.tailCap) }

// gone returns the bytes that Trim freed.
func (b *body) gone(c *core) int64 {
	if b.trimmed == 0 {
		return 0
	}
	s := c.segment(b, b.trimmed-1)
	return s.at + int64(s.size) - int64(b.first)
}

// Commit makes the first n bytes of what Reserve returned part of the body.
func (o *Object) Commit(n int) { o.data().length.Add(int64(n)) }

// Trim frees what lies before offset upto of a body that is not published: the
// caller knows that no reader needs it any more.
func (o *Object) Trim(upto int64) {
	c, b := coreOf(o), o.data()
	if b == nil || o.Published() || b.refs.Load() != 1 {
		return
	}
	for i := b.trimmed; i+1 < b.count.Load(); i++ {
		s := c.segment(b, i)
		if s.at+int64(s.size) > upto {
			break
		}
		b.held.Add(-c.release(o.part, s.unit, &c.bodies))
		b.trimmed = i + 1
	}
}

// finishBody counts what the body's cells hold beyond it.
func (o *Object) finishBody() {
	b := o.data()
	if b == nil || b.slack != 0 {
		return
	}
	c := coreOf(o)
	b.slack = uint32(b.tailAt + int64(b.tailCap) - b.length.Load())
	c.slack.Add(int64(b.slack))
}

// Available returns how many bytes of the body are there.
func (o *Object) Available() int64 {
	if b := o.data(); b != nil {
		return b.length.Load()
	}
	return 0
}

// Segment returns bytes of the body from offset at as far as they lie in one
// piece, or nil when there are none, yet or any more.
func (o *Object) Segment(at int64) []byte {
	b := o.data()
	if b == nil {
		return nil
	}
	length := b.length.Load()
	if at >= length || at < 0 {
		return nil
	}
	if first := int64(b.first); at < first {
		p := (*byte)(unsafe.Add(unsafe.Pointer(b), bodySize+at))
		return unsafe.Slice(p, min(length, first)-at)
	}
	c := coreOf(o)
	s := c.find(b, at)
	p := (*byte)(unsafe.Add(c.Pointer(s.unit), at-s.at))
	return unsafe.Slice(p, min(length, s.at+int64(s.size))-at)
}

// find returns the segment behind the first that has the byte at offset at.
func (c *core) find(b *body, at int64) *segment {
	low, high := uint32(0), b.count.Load()
	for high-low > 1 {
		if mid := (low + high) / 2; c.segment(b, mid).at <= at {
			low = mid
		} else {
			high = mid
		}
	}
	return c.segment(b, low)
}

// own makes o the owner of a body that it took over from another object, for
// who empties slabs.
func (c *core) own(o *Object, b *body) {
	for unit := range c.cellsOf(o.body.Load(), b) {
		c.Own(unit, o.self)
	}
}

// cellsOf yields the cells of a body, its first one last.
func (c *core) cellsOf(first uint32, b *body) func(func(uint32) bool) {
	return func(yield func(uint32) bool) {
		for i := b.trimmed; i < b.count.Load(); i++ {
			if !yield(c.segment(b, i).unit) {
				return
			}
		}
		if root := b.root.Load(); root != 0 {
			for i := range uint32(leaves) {
				if unit := *c.leaf(b, i); unit != 0 && !yield(unit) {
					return
				}
			}
			if !yield(root) {
				return
			}
		}
		yield(first)
	}
}
