package vector

import "unsafe"

// chunk is some elements of a group as 64-bit words. Operations without a loop
// of their own read, compute and write a chunk at a time. Where groups may
// overlap, what a chunk writes over are only elements of a source that were read
// with it or before.
type chunk [chunkLength]uint64

const chunkLength = 16

func (c *chunk) fill(v uint64) {
	for i := range c {
		c[i] = v
	}
}

// elementsOf returns n elements of the group at register r, from element i on.
func elementsOf[T number](s *State, r uint8, i uint64, n int) []T {
	var e T
	b := s.bytes()[uint64(r)*VLENB+i*uint64(unsafe.Sizeof(e)):][:n*int(unsafe.Sizeof(e))]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// fetch reads n elements of 1<<w bytes, from element i on, extended.
func (c *chunk) fetch(s *State, r uint8, i uint64, n, w int, signed bool) {
	switch {
	case w == 0 && signed:
		widenAll(c, elementsOf[int8](s, r, i, n))
	case w == 0:
		widenAll(c, elementsOf[uint8](s, r, i, n))
	case w == 1 && signed:
		widenAll(c, elementsOf[int16](s, r, i, n))
	case w == 1:
		widenAll(c, elementsOf[uint16](s, r, i, n))
	case w == 2 && signed:
		widenAll(c, elementsOf[int32](s, r, i, n))
	case w == 2:
		widenAll(c, elementsOf[uint32](s, r, i, n))
	default:
		copy(c[:], elementsOf[uint64](s, r, i, n))
	}
}

func widenAll[T number](c *chunk, p []T) {
	for i, v := range p {
		c[i&(chunkLength-1)] = uint64(v)
	}
}

// put is the counterpart of fetch; what words have above the width is dropped.
func (c *chunk) put(s *State, r uint8, i uint64, n, w int) {
	switch w {
	case 0:
		narrowAll(elementsOf[uint8](s, r, i, n), c)
	case 1:
		narrowAll(elementsOf[uint16](s, r, i, n), c)
	case 2:
		narrowAll(elementsOf[uint32](s, r, i, n), c)
	default:
		copy(elementsOf[uint64](s, r, i, n), c[:])
	}
}

func narrowAll[T number](p []T, c *chunk) {
	for i := range p {
		p[i] = T(c[i&(chunkLength-1)])
	}
}

// activeFrom has a bit for each of the elements from i on, at least as many as a
// chunk has: 1 if the instruction works on it.
func (s *State) activeFrom(i uint64) uint64 {
	if s.in.Unmasked {
		return ^uint64(0)
	}
	m := s.mask(0)
	if i >= 64 {
		return m.hi >> (i - 64)
	}
	return m.lo>>i | m.hi<<(63-i)<<1
}
