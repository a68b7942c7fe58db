package vector

// boxed is the upper half of a register that holds a single.
const boxed = 0xffffffff << 32

// firstToX and firstToF read element 0 whatever vl is, and whatever group the
// register would be part of.
func firstToX(s *State, _ *rule) Trap {
	s.setX(extend(s.get(s.in.Rs2, 0, s.sew), s.sew))
	return Trap{}
}

func firstToF(s *State, _ *rule) Trap {
	v := s.get(s.in.Rs2, 0, s.sew)
	if s.sew == 2 {
		v |= boxed
	}
	s.h.F[s.in.Rd&31] = v
	return Trap{}
}

// scalarToFirst writes element 0 if vl is not 0 and leaves the others.
func scalarToFirst(s *State, _ *rule) Trap {
	if s.VStart < s.VL {
		s.set(s.in.Rd, 0, s.sew, s.scalar())
	}
	return Trap{}
}

// legalMove checks the registers of a permutation within groups of the chosen
// width. Apart says that vd and vs2 must be different groups.
func (s *State) legalMove(apart bool) bool {
	in := s.in
	return s.spared() && s.fits(in.Rd, s.sew) && s.fits(in.Rs2, s.sew) && !(apart && in.Rd == in.Rs2)
}

// slideUp leaves the elements below the distance as they are. The source must be
// another group, since elements would be read after they were written.
func slideUp(s *State, _ *rule) Trap {
	if !s.legalMove(true) {
		return illegal
	}
	by := s.scalar()
	for i := max(s.VStart, by); i < s.VL; i++ {
		if s.active(i) {
			s.set(s.in.Rd, i, s.sew, s.get(s.in.Rs2, i-by, s.sew))
		}
	}
	return Trap{}
}

// slideDown brings in elements from above vl too, up to the end of the group, and
// zeroes from beyond it. The distance is clipped so that the sum cannot wrap.
func slideDown(s *State, _ *rule) Trap {
	if !s.legalMove(false) {
		return illegal
	}
	by, end := s.scalar(), s.vlmax()
	for i := s.VStart; i < s.VL; i++ {
		if s.active(i) {
			s.set(s.in.Rd, i, s.sew, s.pickElement(i+min(by, end), end))
		}
	}
	return Trap{}
}

// pickElement returns element i of vs2, or 0 when it is not below end.
func (s *State) pickElement(i, end uint64) uint64 {
	if i >= end {
		return 0
	}
	return s.get(s.in.Rs2, i, s.sew)
}

// pushUp slides by one and puts the scalar at the beginning.
func pushUp(s *State, _ *rule) Trap {
	if !s.legalMove(true) {
		return illegal
	}
	for i := s.VStart; i < s.VL; i++ {
		switch {
		case !s.active(i):
		case i == 0:
			s.set(s.in.Rd, 0, s.sew, s.scalar())
		default:
			s.set(s.in.Rd, i, s.sew, s.get(s.in.Rs2, i-1, s.sew))
		}
	}
	return Trap{}
}

// pushDown slides by one and puts the scalar at the end, which is at vl.
func pushDown(s *State, _ *rule) Trap {
	if !s.legalMove(false) {
		return illegal
	}
	for i := s.VStart; i < s.VL; i++ {
		switch {
		case !s.active(i):
		case i == s.VL-1:
			s.set(s.in.Rd, i, s.sew, s.scalar())
		default:
			s.set(s.in.Rd, i, s.sew, s.get(s.in.Rs2, i+1, s.sew))
		}
	}
	return Trap{}
}

// gather takes the elements of vs2 that the second source numbers.
func gather(s *State, _ *rule) Trap { return s.gatherBy(s.sew) }

// gather16 is gather with numbers of 16 bits whatever the elements' width.
func gather16(s *State, _ *rule) Trap { return s.gatherBy(1) }

func (s *State) gatherBy(w int) Trap {
	in, end := s.in, s.vlmax()
	if !s.legalMove(true) {
		return illegal
	}
	if in.vectors() && !(s.fits(in.Rs1, w) && s.strangers(in.Rs1, registers(s.emul(w)))) {
		return illegal
	}
	n := uint64(0)
	if !in.vectors() {
		n = s.scalar()
	}
	for i := s.VStart; i < s.VL; i++ {
		if !s.active(i) {
			continue
		}
		if in.vectors() {
			n = s.get(in.Rs1, i, w)
		}
		s.set(in.Rd, i, s.sew, s.pickElement(n, end))
	}
	return Trap{}
}

// compress packs the elements of vs2 that the mask vs1 selects.
func compress(s *State, _ *rule) Trap {
	in := s.in
	if s.VStart != 0 || !s.legalMove(true) || !s.strangers(in.Rs1, 1) {
		return illegal
	}
	n := uint64(0)
	for i := range s.VL {
		if s.bit(in.Rs1, i) != 0 {
			s.set(in.Rd, n, s.sew, s.get(in.Rs2, i, s.sew))
			n++
		}
	}
	return Trap{}
}

// copyWhole copies 1, 2, 4 or 8 registers, from element vstart on, whatever vl is.
func copyWhole(s *State, _ *rule) Trap {
	in := s.in
	n := in.Rs1 + 1
	if (in.Rd|in.Rs2)&(n-1) != 0 {
		return illegal
	}
	from := min(s.VStart<<s.sew, uint64(n)*VLENB)
	b := s.bytes()
	copy(b[uint64(in.Rd)*VLENB+from:][:uint64(n)*VLENB-from], b[uint64(in.Rs2)*VLENB+from:])
	return Trap{}
}
