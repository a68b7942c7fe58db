package slab

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"fishplate/internal/invariant"
)

// maxRange is what units of 32 bits can name.
const maxRange = int64(1<<32) * Unit

// A record describes one slab.
type record struct {
	class      uint8
	state      uint8
	live       uint16 // cells in use
	fresh      uint16 // cells that were ever handed out; those behind were never touched
	free       uint16 // 1 + first free cell below fresh, 0 = none
	prev, next uint32 // in the list of its class's slabs with room, 1 + number
	owners     [inRecord]uint32
	_          [16]byte
}

// The states of a slab.
const (
	cold    uint8 = iota // not memory
	idle                 // memory without a use
	roomy                // in use, with free cells, listed
	full                 // in use, without
	closing              // being emptied by who stole it
)

// A zone is a part of the range that is made of slabs.
type zone struct {
	area  Area
	first uint32 // number of its first slab
	taken uint32 // slabs that were ever in use
	idle  uint32 // list of idle slabs, 1 + number
	idles uint32
	cold  uint32 // list of cold slabs below taken
}

// Heap is the head of a range: its first bytes.
type Heap struct {
	mu     sync.Mutex
	size   int64 // of the range
	reach  int64 // the most that limit may be
	limit  atomic.Int64
	used   atomic.Int64
	table  Area // of records
	cells  zone
	stable zone
	roomy  [classes + 1]uint32 // by class: list of slabs with room, 1 + number
	hand   uint32              // where Steal looks next
	free   int64               // bytes of free cells, and of heads and ends of slabs
	huge   bool                // slabs are in large pages
	vast   bool                // and so are Areas
	ruler  ruler
}

// An Area is an array that grows in place, in whole pages.
type Area struct {
	off, size int64 // its place in the range
	ready     int64 // bytes that are accessible
	held      int64 // bytes that are charged
}

// Plan says what a range holds.
type Plan struct {
	Root   int64   // bytes of the caller's structure that begins with the Heap
	Record int     // bytes of a stable cell, a multiple of Unit
	Memory int64   // the bound at first
	Areas  []int64 // for each Area: its most bytes, per 1024 bytes of reach
}

// New reserves a range and returns its start, where a Heap lies, and the Areas
// asked for. Release must be called with mem.
func New(p Plan) (h *Heap, areas []Area, mem []byte, err error) {
	if p.Memory < minimum {
		return nil, nil, nil, fmt.Errorf("make store: %d bytes are less than %d", p.Memory, minimum)
	}
	for reach := reachOf(p.Memory); ; reach /= 2 {
		// A small address space (ulimit -v, Sv39) gets a shorter range, down to
		// one that cannot grow.
		reach = max(reach, round(p.Memory, SlabSize))
		h, areas, mem, err = build(p, reach)
		if err == nil || reach == round(p.Memory, SlabSize) {
			return h, areas, mem, err
		}
	}
}

const minimum = 1 << 20

func build(p Plan, reach int64) (*Heap, []Area, []byte, error) {
	at := round(p.Root, SlabSize)
	next := func(size int64) Area {
		a := Area{off: at, size: round(size, SlabSize)}
		at += a.size
		return a
	}
	root := Area{size: at}
	cells, stable := next(reach), next(reach)
	if at > maxRange {
		return nil, nil, nil, fmt.Errorf("make store: %d bytes are more than cells can be numbered in", reach)
	}
	table := next(int64(unsafe.Sizeof(record{})) * (cells.size + stable.size) / SlabSize)
	areas := make([]Area, len(p.Areas))
	for i, n := range p.Areas {
		areas[i] = next(reach / 1024 * n)
	}
	mem, err := reserve(at)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := open(mem[:root.size]); err != nil {
		return nil, nil, nil, fmt.Errorf("make store: %w", err)
	}
	h := (*Heap)(unsafe.Pointer(unsafe.SliceData(mem)))
	h.size, h.reach = at, reach
	h.limit.Store(p.Memory)
	h.used.Store(round(p.Root, pageSize))
	h.table = table
	h.cells = zone{area: cells}
	h.stable = zone{area: stable, first: uint32(cells.size / SlabSize)}
	h.ruler.rule(uint32(p.Record))
	h.huge, h.vast = p.Memory >= hugeFrom, p.Memory >= vastFrom
	return h, areas, mem, nil
}

// The bounds from which 2 MiB more or less, for each zone and then for each Area,
// are about a percent at most.
const (
	hugeFrom = 512 << 20
	vastFrom = 1 << 30
)

func round(n, to int64) int64 { return (n + to - 1) / to * to }

// Release gives the whole range back. Nothing in it may be used any more.
func Release(mem []byte) error { return release(mem) }

// At returns the memory at an offset of the range.
func (h *Heap) at(off int64) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(h), off) }

// Pointer returns the address of a unit.
func (h *Heap) Pointer(unit uint32) unsafe.Pointer {
	return unsafe.Add(unsafe.Pointer(h), int64(unit)*Unit)
}

// Bytes returns n bytes that begin at a unit.
func (h *Heap) Bytes(unit uint32, n int) []byte {
	return unsafe.Slice((*byte)(h.Pointer(unit)), n)
}

// Limit and Used return the bound and what is used of it, in bytes. Used is
// above the limit while a smaller limit waits for Trim.
func (h *Heap) Limit() int64 { return h.limit.Load() }

// Used returns the bytes that are memory now.
func (h *Heap) Used() int64 { return h.used.Load() }

// Reach returns the most that SetLimit takes.
func (h *Heap) Reach() int64 { return h.reach }

// SetLimit changes the bound.
func (h *Heap) SetLimit(n int64) error {
	if n < minimum || n > h.reach {
		return fmt.Errorf("resize store: %d bytes are not between %d and %d", n, minimum, h.reach)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.huge && n < h.used.Load() {
		// What is given back piecemeal must not come back as a page of 2 MiB.
		h.huge = false
		for _, z := range []*zone{&h.cells, &h.stable} {
			if err := large(h.span(z.area.off, z.area.ready), false); err != nil {
				return fmt.Errorf("resize store: %w", err)
			}
		}
	}
	h.limit.Store(n)
	return nil
}

// Charge adds n bytes that the caller keeps elsewhere to what is used.
func (h *Heap) Charge(n int64) { h.used.Add(n) }

func (h *Heap) span(off, n int64) []byte { return unsafe.Slice((*byte)(h.at(off)), n) }

// prepare makes the first n bytes of an area accessible.
func (h *Heap) prepare(a *Area, n int64, huge bool) bool {
	if n > a.size {
		return false
	}
	if n <= a.ready {
		return true
	}
	to := min(round(n, growth), a.size)
	mem := h.span(a.off+a.ready, to-a.ready)
	if open(mem) != nil {
		return false
	}
	if huge {
		// A refusal means smaller pages, which do as well.
		_ = large(mem, true)
	}
	a.ready = to
	return true
}

// Extend makes the first n bytes of an area usable. They are zero. It may go over
// the limit, as little as an index needs: the caller then frees something.
func (h *Heap) Extend(a *Area, n int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.extend(a, n)
}

func (h *Heap) extend(a *Area, n int64) bool {
	n = round(n, pageSize)
	if n <= a.held {
		return true
	}
	if !h.prepare(a, n, h.vast) {
		return false
	}
	h.used.Add(n - a.held)
	a.held = n
	return true
}

// Held returns the bytes of an area that are charged.
func (a *Area) Held() int64 { return a.held }

// Size returns the most bytes that an area may have.
func (a *Area) Size() int64 { return a.size }

// Start returns the address of an area.
func (h *Heap) Start(a *Area) unsafe.Pointer { return h.at(a.off) }

func (h *Heap) record(n uint32) *record {
	return (*record)(h.at(h.table.off + int64(n)*int64(unsafe.Sizeof(record{}))))
}

// where returns the offset of a slab in the range.
func (h *Heap) where(n uint32) int64 { return h.cells.area.off + int64(n)*SlabSize }

// slabOf returns the slab of a unit, and the cell's index in it.
func (h *Heap) slabOf(unit uint32) (n uint32, cell int) {
	off := int64(unit)*Unit - h.cells.area.off
	n = uint32(off / SlabSize)
	g := &h.ruler.class[h.record(n).class]
	return n, int((uint32(off%SlabSize) - g.first) / g.size)
}

func (h *Heap) zoneOf(n uint32) *zone {
	if n >= h.stable.first {
		return &h.stable
	}
	return &h.cells
}

func check(ok bool, format string, args ...any) {
	if invariant.On {
		invariant.Check(ok, format, args...)
	}
}
