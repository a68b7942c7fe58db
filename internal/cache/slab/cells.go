package slab

import (
	"sync/atomic"
	"unsafe"

	"fishplate/internal/invariant"
)

// Alloc returns a cell of the class, not cleared, that belongs to owner, a number
// of the caller's that is not 0. ok is false when there is no room.
func (h *Heap) Alloc(class int, owner uint32) (unit uint32, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := h.roomy[class]
	if n == 0 {
		if n = h.begin(class); n == 0 {
			return 0, false
		}
	}
	n--
	r, g := h.record(n), &h.ruler.class[class]
	cell := int(r.fresh)
	recycled := r.free != 0
	if recycled {
		cell = int(r.free) - 1
	} else {
		r.fresh++
	}
	off := h.where(n) + int64(g.first) + int64(cell)*int64(g.size)
	if recycled {
		r.free = *h.link(off)
		if invariant.On {
			h.unpoison(off, g.size)
		}
	}
	r.live++
	h.free -= int64(g.size)
	if class != Stable {
		*h.owner(n, r, g, cell) = owner
	}
	if r.live == g.cells {
		h.unlist(n, r)
		r.state = full
	}
	return uint32(off / Unit), true
}

// Own changes the owner of a cell.
func (h *Heap) Own(unit, owner uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, cell := h.slabOf(unit)
	r := h.record(n)
	*h.owner(n, r, &h.ruler.class[r.class], cell) = owner
}

// Size returns the bytes of a cell.
func (h *Heap) Size(unit uint32) int {
	n := uint32((int64(unit)*Unit - h.cells.area.off) / SlabSize)
	return int(h.ruler.class[h.record(n).class].size)
}

// Free takes cells back; 0 is none. The first 16 bytes of a stable cell stay
// as they are.
func (h *Heap) Free(units ...uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, unit := range units {
		if unit != 0 {
			h.put(unit)
		}
	}
}

func (h *Heap) put(unit uint32) {
	n, cell := h.slabOf(unit)
	r := h.record(n)
	g := &h.ruler.class[r.class]
	off := int64(unit) * Unit
	if invariant.On {
		check(off == h.where(n)+int64(g.first)+int64(cell)*int64(g.size), "unit %d is no cell of slab %d", unit, n)
		check(r.live > 0 && cell < int(r.fresh), "cell %d of slab %d is freed and was not in use", cell, n)
		h.poison(off, g.size)
	}
	*h.link(off) = r.free
	r.free = uint16(cell) + 1
	r.live--
	h.free += int64(g.size)
	if r.class != Stable {
		owner := h.owner(n, r, g, cell)
		check(*owner != 0, "unit %d is freed twice", unit)
		*owner = 0
	}
	switch {
	case r.live == 0 && r.state != closing:
		if r.state == roomy {
			h.unlist(n, r)
		}
		h.retire(n, r)
	case r.state == full:
		h.list(n, r)
	}
}

// link is where a free cell names the next one.
func (h *Heap) link(off int64) *uint16 { return (*uint16)(h.at(off + cellFirst)) }

func (h *Heap) owner(n uint32, r *record, g *geometry, cell int) *uint32 {
	if g.inset {
		return (*uint32)(h.at(h.where(n) + 4*int64(cell)))
	}
	return &r.owners[cell]
}

func (h *Heap) list(n uint32, r *record) {
	r.state = roomy
	first := &h.roomy[r.class]
	r.prev, r.next = 0, *first
	if *first != 0 {
		h.record(*first - 1).prev = n + 1
	}
	*first = n + 1
}

func (h *Heap) unlist(n uint32, r *record) {
	if r.prev != 0 {
		h.record(r.prev - 1).next = r.next
	} else {
		h.roomy[r.class] = r.next
	}
	if r.next != 0 {
		h.record(r.next - 1).prev = r.prev
	}
	r.prev, r.next = 0, 0
}

// begin puts a slab to use and returns 1 + its number, or 0 when there is none.
func (h *Heap) begin(class int) uint32 {
	z := &h.cells
	if class == Stable {
		z = &h.stable
	}
	n := z.idle
	if n == 0 {
		if n = h.warm(z); n == 0 {
			return 0
		}
	} else {
		z.idle = h.record(n - 1).next
		z.idles--
	}
	r, g := h.record(n-1), &h.ruler.class[class]
	*r = record{class: uint8(class)}
	if g.inset {
		clear(h.span(h.where(n-1), int64(g.first)))
	}
	h.free += SlabSize
	h.list(n-1, r)
	return n
}

// warm makes memory of a slab of the zone, at the cost of an idle one of the
// other kind when the limit is reached.
func (h *Heap) warm(z *zone) uint32 {
	if h.used.Load()+SlabSize > h.limit.Load() {
		if z == &h.cells || h.cells.idle == 0 || !h.cool() {
			return 0
		}
		if h.used.Load()+SlabSize > h.limit.Load() {
			return 0
		}
	}
	n := z.cold
	if n != 0 {
		z.cold = h.record(n - 1).next
	} else {
		upto := int64(z.taken+1) * SlabSize
		last := int64(z.first+z.taken+1) * int64(unsafe.Sizeof(record{}))
		if !h.prepare(&z.area, upto, h.huge) || !h.extendTable(last) {
			return 0
		}
		n = z.first + z.taken + 1
		z.taken++
	}
	h.used.Add(SlabSize)
	return n
}

// extendTable makes the record table accessible up to byte last. The zones fill
// it from two places, so that pages are charged by slab: 64 bytes each, as part
// of what Areas are charged.
func (h *Heap) extendTable(last int64) bool {
	if h.table.ready < h.table.size && !h.prepare(&h.table, h.table.size, false) {
		return false
	}
	h.table.held += int64(unsafe.Sizeof(record{}))
	h.used.Add(int64(unsafe.Sizeof(record{})))
	return last <= h.table.size
}

// retire takes a slab without live cells out of use. A stable slab ceases to be
// memory at once, since nothing else can use its place; others wait for a class.
func (h *Heap) retire(n uint32, r *record) {
	h.free -= SlabSize
	z := h.zoneOf(n)
	if z == &h.stable {
		h.freeze(z, n, r)
		return
	}
	r.state = idle
	r.next = z.idle
	z.idle = n + 1
	z.idles++
}

// freeze ends the memory of a slab that is in no list.
func (h *Heap) freeze(z *zone, n uint32, r *record) {
	if giveBack(h.span(h.where(n), SlabSize)) == nil {
		h.used.Add(-SlabSize)
	}
	r.state = cold
	r.next = z.cold
	z.cold = n + 1
}

// cool ends the memory of an idle slab.
func (h *Heap) cool() bool {
	z := &h.cells
	if z.idle == 0 {
		return false
	}
	n := z.idle - 1
	r := h.record(n)
	z.idle = r.next
	z.idles--
	h.freeze(z, n, r)
	return true
}

// Trim ends the memory of idle slabs until the limit is kept, and reports
// whether it is.
func (h *Heap) Trim() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.used.Load() > h.limit.Load() {
		if !h.cool() {
			return false
		}
	}
	return true
}

// Steal picks the slab that is cheapest to empty among some, lets nothing more
// into it, and appends the owners of its cells to dst (for stable cells, all that
// were ever in use). The caller frees what it can and calls Restore. ok is false
// when there is no slab to pick. mean is what a cell's owner holds altogether, in
// bytes: a slab of a thousand small cells costs a thousand owners.
func (h *Heap) Steal(dst []uint32, mean int64) (slab uint32, owners []uint32, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	total := h.cells.taken + h.stable.taken
	best, least := uint32(0), int64(-1)
	for looked, seen := uint32(0), 0; looked < total && seen < looks; looked++ {
		h.hand = (h.hand + 1) % total
		n := h.hand
		if n >= h.cells.taken {
			n = n - h.cells.taken + h.stable.first
		}
		r := h.record(n)
		if r.state != roomy && r.state != full {
			continue
		}
		seen++
		if cost := int64(r.live) * max(mean, int64(h.ruler.class[r.class].size)); least < 0 || cost < least {
			best, least = n, cost
		}
	}
	if least < 0 {
		return 0, dst, false
	}
	r := h.record(best)
	g := &h.ruler.class[r.class]
	if r.state == roomy {
		h.unlist(best, r)
	}
	r.state = closing
	for cell := range int(r.fresh) {
		if r.class == Stable {
			dst = append(dst, uint32((h.where(best)+int64(cell)*int64(g.size))/Unit))
		} else if owner := *h.owner(best, r, g, cell); owner != 0 {
			dst = append(dst, owner)
		}
	}
	return best, dst, true
}

// Empty reports whether nothing is left in a stolen slab.
func (h *Heap) Empty(slab uint32) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.record(slab).live == 0
}

// looks is how many slabs in use Steal compares.
const looks = 256

// Restore ends what Steal began, and reports whether the slab became empty.
func (h *Heap) Restore(slab uint32) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.record(slab)
	switch {
	case r.live == 0:
		h.retire(slab, r)
		return true
	case r.live == h.ruler.class[r.class].cells:
		r.state = full
	default:
		h.list(slab, r)
	}
	return false
}

// EachStable calls fn for up to n stable cells that were ever handed out,
// beginning at cursor from, and returns the next cursor, 0 at the end. fn must find
// out whether a cell is in use; no lock is held.
func (h *Heap) EachStable(from uint64, n int, fn func(unit uint32) bool) (next uint64) {
	size := int64(h.ruler.class[Stable].size)
	cells := uint64(h.ruler.class[Stable].cells)
	for ; n > 0; n-- {
		slab, cell := from/cells, from%cells
		h.mu.Lock()
		if slab >= uint64(h.stable.taken) {
			h.mu.Unlock()
			return 0
		}
		r := h.record(h.stable.first + uint32(slab))
		fresh, there := uint64(r.fresh), r.state >= roomy
		h.mu.Unlock()
		if !there || cell >= fresh {
			from = (slab + 1) * cells
			continue
		}
		for ; cell < fresh && n > 0; cell, n = cell+1, n-1 {
			from = slab*cells + cell + 1
			if !fn(uint32((h.where(h.stable.first+uint32(slab)) + int64(cell)*size) / Unit)) {
				return from
			}
		}
	}
	return from
}

// FreeBytes returns the bytes of slabs that no cell in use covers.
func (h *Heap) FreeBytes() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.free + int64(h.cells.idles)*SlabSize
}

// TableBytes returns the bytes of the slab table.
func (h *Heap) TableBytes() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.table.held
}

// Fetch loads what Free of a cell will write beside the cell: its owner. It
// takes no lock and concludes nothing.
func (h *Heap) Fetch(unit uint32) {
	n, cell := h.slabOf(unit)
	r := h.record(n)
	if g := &h.ruler.class[r.class]; g.inset && cell < int(g.cells) {
		atomic.LoadUint32(h.owner(n, r, g, cell))
	}
}
