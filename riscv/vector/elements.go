package vector

// elements executes an operation on elements of vs2, of the second source and
// perhaps of vd, whose result is an element of vd.
func elements(s *State, r *rule) Trap {
	if !s.legalElements() {
		return illegal
	}
	if s.quick(r) {
		return Trap{}
	}
	// What is not active is written back as it was read: nobody else looks.
	in, n := s.in, 0
	var a, b, d chunk
	b.fill(s.second(r))
	for i := s.VStart; i < s.VL; i += uint64(n) {
		n = int(min(s.VL-i, chunkLength))
		if in.vectors() {
			b.fetch(s, in.Rs1, i, n, s.sew, r.signed&sb != 0)
		}
		a.fetch(s, in.Rs2, i, n, s.w2, r.signed&sa != 0)
		d.fetch(s, in.Rd, i, n, s.wd, false)
		m := s.activeFrom(i)
		for k := range n {
			if m>>k&1 != 0 {
				d[k&15] = r.fn(s, a[k&15], b[k&15], d[k&15])
			}
		}
		d.put(s, in.Rd, i, n, s.wd)
	}
	return Trap{}
}

// operand returns an element of a source, extended as the rule says.
func (s *State) operand(reg uint8, i uint64, w int, signed uint8) uint64 {
	v := s.get(reg, i, w)
	if signed != 0 {
		v = extend(v, w)
	}
	return v
}

// second returns the second source of an operation where it is not a vector, as
// an element of the chosen width. An immediate is sign-extended to that width
// also for operations on unsigned elements.
func (s *State) second(r *rule) uint64 {
	if s.in.vectors() {
		return 0
	}
	v := s.scalar()
	if r.signed&sb != 0 {
		return extend(v, s.sew)
	}
	return truncate(v, s.sew)
}

// unary executes an operation of which vs2 is the only source.
func unary(s *State, r *rule) Trap {
	in := s.in
	if !s.spared() || !s.fits(in.Rd, s.wd) || !s.fits(in.Rs2, s.w2) || !s.apart(in.Rd, s.wd, in.Rs2, s.w2) {
		return illegal
	}
	var a, d chunk
	for i, n := s.VStart, 0; i < s.VL; i += uint64(n) {
		n = int(min(s.VL-i, chunkLength))
		a.fetch(s, in.Rs2, i, n, s.w2, r.signed&sa != 0)
		d.fetch(s, in.Rd, i, n, s.wd, false)
		m := s.activeFrom(i)
		for k := range n {
			if m>>k&1 != 0 {
				d[k&15] = r.fn(s, a[k&15], 0, 0)
			}
		}
		d.put(s, in.Rd, i, n, s.wd)
	}
	return Trap{}
}

// extension executes an extension from elements of which 1<<by are as wide as
// one of the chosen width. What fits refuses, a source of less than 8 bits or less
// than an eighth of a register, is reserved.
func extension(by int) func(*State, *rule) Trap {
	return func(s *State, r *rule) Trap {
		s.w2 = s.sew - by
		return unary(s, r)
	}
}

// withCarry executes an addition or subtraction with a carry from v0.
func withCarry(s *State, r *rule) Trap {
	if !s.legalElements() {
		return illegal
	}
	in, b := s.in, s.second(r)
	for i := s.VStart; i < s.VL; i++ {
		if in.vectors() {
			b = s.get(in.Rs1, i, s.sew)
		}
		s.set(in.Rd, i, s.sew, r.fn(s, s.get(in.Rs2, i, s.sew), b, s.bit(0, i)))
	}
	return Trap{}
}

// carries is withCarry with only the carries for a result; there is none to add
// when the instruction is not masked.
func carries(s *State, r *rule) Trap {
	if !s.legalMask() {
		return illegal
	}
	in, b := s.in, s.second(r)
	for i := s.VStart; i < s.VL; i++ {
		if in.vectors() {
			b = s.get(in.Rs1, i, s.sew)
		}
		carry := uint64(0)
		if !in.Unmasked {
			carry = s.bit(0, i)
		}
		s.setBit(in.Rd, i, r.fn(s, s.get(in.Rs2, i, s.sew), b, carry))
	}
	return Trap{}
}

// merge takes elements of the second source where the mask is 1, of vs2 elsewhere.
func merge(s *State, r *rule) Trap {
	if !s.legalElements() {
		return illegal
	}
	in := s.in
	var a, b chunk
	b.fill(s.second(r))
	for i, n := s.VStart, 0; i < s.VL; i += uint64(n) {
		n = int(min(s.VL-i, chunkLength))
		if in.vectors() {
			b.fetch(s, in.Rs1, i, n, s.sew, false)
		}
		a.fetch(s, in.Rs2, i, n, s.sew, false)
		for k, m := 0, s.activeFrom(i); k < n; k++ {
			if m>>k&1 != 0 {
				a[k&15] = b[k&15]
			}
		}
		a.put(s, in.Rd, i, n, s.sew)
	}
	return Trap{}
}

// compare executes an operation whose result is a bit of a mask.
func compare(s *State, r *rule) Trap {
	if !s.legalMask() {
		return illegal
	}
	if s.quickTest(r) {
		return Trap{}
	}
	in, body := s.in, s.body()
	var a, b chunk
	var out [VLENB]byte
	b.fill(s.second(r))
	for i, n := s.VStart, 0; i < s.VL; i += uint64(n) {
		n = int(min(s.VL-i, chunkLength))
		if in.vectors() {
			b.fetch(s, in.Rs1, i, n, s.sew, r.signed&sb != 0)
		}
		a.fetch(s, in.Rs2, i, n, s.sew, r.signed&sa != 0)
		m := s.activeFrom(i)
		for k := range n {
			if m>>k&1 != 0 {
				at := i + uint64(k)
				out[at>>3&15] |= uint8(r.fn(s, a[k&15], b[k&15], 0)) << (at & 7)
			}
		}
	}
	s.blend(in.Rd, maskOf(&out), body)
	return Trap{}
}

// setBit sets bit i of a mask register to v, 0 or 1.
func (s *State) setBit(r uint8, i, v uint64) {
	b := &s.V[r&31][i>>3&15]
	*b = *b&^(1<<(i&7)) | uint8(v)<<(i&7)
}

// reduce combines all active elements of vs2 with the first of vs1.
func reduce(s *State, r *rule) Trap {
	in := s.in
	if s.VStart != 0 || !s.fits(in.Rs2, s.sew) || s.wd > 3 {
		return illegal
	}
	if s.VL == 0 {
		return Trap{}
	}
	acc := s.operand(in.Rs1, 0, s.wd, r.signed&sb)
	var a chunk
	for i, n := uint64(0), 0; i < s.VL; i += uint64(n) {
		n = int(min(s.VL-i, chunkLength))
		a.fetch(s, in.Rs2, i, n, s.sew, r.signed&sa != 0)
		for k, m := 0, s.activeFrom(i); k < n; k++ {
			if m>>k&1 != 0 {
				acc = r.fn(s, acc, a[k&15], 0)
			}
		}
	}
	s.set(in.Rd, 0, s.wd, acc)
	return Trap{}
}
