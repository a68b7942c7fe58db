package vector

import (
	"encoding/binary"
	"math/bits"
)

// mask is the 128 bits of a mask register.
type mask struct{ lo, hi uint64 }

func (s *State) mask(r uint8) mask { return maskOf(&s.V[r&31]) }

func maskOf(b *[VLENB]byte) mask {
	return mask{binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])}
}

func (s *State) setMask(r uint8, m mask) {
	b := &s.V[r&31]
	binary.LittleEndian.PutUint64(b[:8], m.lo)
	binary.LittleEndian.PutUint64(b[8:], m.hi)
}

func (m mask) and(n mask) mask { return mask{m.lo & n.lo, m.hi & n.hi} }

// below has the n lowest bits set, at most all.
func below(n uint64) mask {
	switch {
	case n >= 128:
		return mask{^uint64(0), ^uint64(0)}
	case n >= 64:
		return mask{^uint64(0), 1<<(n-64) - 1}
	}
	return mask{1<<n - 1, 0}
}

// body is the elements that the instruction works on.
func (s *State) body() mask {
	from, to := below(s.VStart), below(s.VL)
	m := mask{to.lo &^ from.lo, to.hi &^ from.hi}
	if !s.in.Unmasked {
		m = m.and(s.mask(0))
	}
	return m
}

// blend writes v where body is 1 and leaves the other bits of r.
func (s *State) blend(r uint8, v, body mask) {
	old := s.mask(r)
	s.setMask(r, mask{old.lo&^body.lo | v.lo&body.lo, old.hi&^body.hi | v.hi&body.hi})
}

// logic combines two masks, bit by bit.
func logic(s *State, r *rule) Trap {
	a, b := s.mask(s.in.Rs2), s.mask(s.in.Rs1)
	s.blend(s.in.Rd, mask{r.fn(s, a.lo, b.lo, 0), r.fn(s, a.hi, b.hi, 0)}, s.body())
	return Trap{}
}

// countOnes is vcpop. Where the mask of the instruction is 0, so is the bit.
func countOnes(s *State, _ *rule) Trap {
	if s.VStart != 0 {
		return illegal
	}
	m := s.mask(s.in.Rs2).and(s.body())
	s.setX(uint64(bits.OnesCount64(m.lo) + bits.OnesCount64(m.hi)))
	return Trap{}
}

// first returns the place of the lowest one, or all ones.
func (m mask) first() uint64 {
	switch {
	case m.lo != 0:
		return uint64(bits.TrailingZeros64(m.lo))
	case m.hi != 0:
		return 64 + uint64(bits.TrailingZeros64(m.hi))
	}
	return ^uint64(0)
}

// findFirst is vfirst: -1 if there is none.
func findFirst(s *State, _ *rule) Trap {
	if s.VStart != 0 {
		return illegal
	}
	s.setX(s.mask(s.in.Rs2).and(s.body()).first())
	return Trap{}
}

// aroundFirst sets the bits of which the place compares to that of the first one
// of vs2 as the rule says.
func aroundFirst(s *State, r *rule) Trap {
	if s.VStart != 0 || !s.spared() || s.in.Rd == s.in.Rs2 {
		return illegal
	}
	at := s.mask(s.in.Rs2).and(s.body()).first()
	for i := range s.VL {
		if s.active(i) {
			s.setBit(s.in.Rd, i, r.fn(s, i, at, 0))
		}
	}
	return Trap{}
}

// ranks is viota: the number of active ones before each place.
func ranks(s *State, _ *rule) Trap {
	in := s.in
	if s.VStart != 0 || !s.spared() || !s.fits(in.Rd, s.sew) || !s.strangers(in.Rs2, 1) {
		return illegal
	}
	n := uint64(0)
	for i := range s.VL {
		if s.active(i) {
			s.set(in.Rd, i, s.sew, n)
			n += s.bit(in.Rs2, i)
		}
	}
	return Trap{}
}

// places is vid: the number of each element.
func places(s *State, _ *rule) Trap {
	if !s.spared() || !s.fits(s.in.Rd, s.sew) {
		return illegal
	}
	for i := s.VStart; i < s.VL; i++ {
		if s.active(i) {
			s.set(s.in.Rd, i, s.sew, i)
		}
	}
	return Trap{}
}
