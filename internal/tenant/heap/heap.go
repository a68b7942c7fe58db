package heap

import (
	"slices"
	"sort"
)

const (
	align = 16
	// maxChunks bounds the bookkeeping that one guest can make the host hold.
	maxChunks = 4000
)

// chunk is a stretch of the window; chunks are sorted and leave no gaps.
type chunk struct {
	addr, size uint64
	used       bool
}

// Heap allocates from [base, base+size). The zero value is an empty window.
type Heap struct {
	base, end uint64
	chunks    []chunk
}

// Info is the state of a heap, in bytes, and the number of chunks noted.
type Info struct{ Free, Used, Chunks uint64 }

// Reset forgets every allocation and moves the window. Capacity is kept.
func (h *Heap) Reset(base, size uint64) {
	h.base = (base + align - 1) &^ (align - 1)
	h.end = max(h.base, (base+size)&^(align-1))
	h.chunks = h.chunks[:0]
	if h.end > h.base {
		h.chunks = append(h.chunks, chunk{addr: h.base, size: h.end - h.base})
	}
}

// Clone returns a Heap that is the same and shares nothing.
func (h *Heap) Clone() Heap {
	c := *h
	c.chunks = slices.Clone(h.chunks)
	return c
}

// Base returns the first address of the window.
func (h *Heap) Base() uint64 { return h.base }

// End returns the address after the window.
func (h *Heap) End() uint64 { return h.end }

// Top returns the address after the highest allocation; Base when there is none.
func (h *Heap) Top() uint64 {
	for i := len(h.chunks) - 1; i >= 0; i-- {
		if c := h.chunks[i]; c.used {
			return c.addr + c.size
		}
	}
	return h.base
}

func round(n uint64) uint64 { return max(align, (n+align-1)&^(align-1)) }

// Alloc returns the lowest address at which n bytes (rounded up to 16, at least
// 16) are free; ok is false when there is no room.
func (h *Heap) Alloc(n uint64) (addr uint64, ok bool) {
	if n > h.end-h.base {
		return 0, false
	}
	n = round(n)
	for i := range h.chunks {
		c := &h.chunks[i]
		if c.used || c.size < n || c.size > n && len(h.chunks) >= maxChunks {
			continue
		}
		h.take(i, n)
		return h.chunks[i].addr, true
	}
	return 0, false
}

// take makes the first n bytes of free chunk i used.
func (h *Heap) take(i int, n uint64) {
	rest := h.chunks[i].size - n
	h.chunks[i].used, h.chunks[i].size = true, n
	if rest > 0 {
		h.insert(i+1, chunk{addr: h.chunks[i].addr + n, size: rest})
	}
}

func (h *Heap) insert(i int, c chunk) {
	h.chunks = append(h.chunks, chunk{})
	copy(h.chunks[i+1:], h.chunks[i:])
	h.chunks[i] = c
}

func (h *Heap) remove(i int) { h.chunks = append(h.chunks[:i], h.chunks[i+1:]...) }

// find returns the index of the used chunk that begins at addr, or -1.
func (h *Heap) find(addr uint64) int {
	i := sort.Search(len(h.chunks), func(i int) bool { return h.chunks[i].addr >= addr })
	if i < len(h.chunks) && h.chunks[i].addr == addr && h.chunks[i].used {
		return i
	}
	return -1
}

// Size returns the rounded size of the allocation at addr; ok is false when
// there is none.
func (h *Heap) Size(addr uint64) (n uint64, ok bool) {
	if i := h.find(addr); i >= 0 {
		return h.chunks[i].size, true
	}
	return 0, false
}

// Free gives the allocation at addr back and joins it with free neighbours. It
// returns false when addr is no allocation.
func (h *Heap) Free(addr uint64) bool {
	i := h.find(addr)
	if i < 0 {
		return false
	}
	h.chunks[i].used = false
	if i+1 < len(h.chunks) && !h.chunks[i+1].used {
		h.chunks[i].size += h.chunks[i+1].size
		h.remove(i + 1)
	}
	if i > 0 && !h.chunks[i-1].used {
		h.chunks[i-1].size += h.chunks[i].size
		h.remove(i)
	}
	return true
}

// Resize changes the size of the allocation at addr without moving it: it
// shrinks in place, or grows into a free right neighbour.
func (h *Heap) Resize(addr, n uint64) bool {
	i := h.find(addr)
	if i < 0 || n > h.end-h.base {
		return false
	}
	n = round(n)
	have := h.chunks[i].size
	if n > have {
		if i+1 >= len(h.chunks) || h.chunks[i+1].used || have+h.chunks[i+1].size < n {
			return false
		}
		h.chunks[i].size += h.chunks[i+1].size
		h.remove(i + 1)
	}
	h.trim(i, n)
	return true
}

// trim gives what used chunk i has beyond n back to its right.
func (h *Heap) trim(i int, n uint64) {
	rest := h.chunks[i].size - n
	if rest == 0 {
		return
	}
	next := i + 1
	switch {
	case next < len(h.chunks) && !h.chunks[next].used:
		h.chunks[next].addr -= rest
		h.chunks[next].size += rest
	case len(h.chunks) >= maxChunks:
		return // the bound on bookkeeping is worth more than the bytes
	default:
		h.insert(next, chunk{addr: h.chunks[i].addr + n, size: rest})
	}
	h.chunks[i].size = n
}

// Info sums the window up.
func (h *Heap) Info() Info {
	in := Info{Chunks: uint64(len(h.chunks))}
	for _, c := range h.chunks {
		if c.used {
			in.Used += c.size
		} else {
			in.Free += c.size
		}
	}
	return in
}
