package vector

// registers is how many registers a group of 1<<emul registers touches.
func registers(emul int) int { return 1 << max(emul, 0) }

// emul is the size of a group whose elements are 1<<w bytes wide and as many as
// those of the chosen width.
func (s *State) emul(w int) int { return w - s.sew + s.lmul }

// fits says whether a group of elements of 1<<w bytes can begin at register r.
func (s *State) fits(r uint8, w int) bool {
	e := s.emul(w)
	return w >= 0 && w <= 3 && e >= -3 && e <= 3 && int(r)&(registers(e)-1) == 0
}

// spared says that the destination is not the mask that is being used.
func (s *State) spared() bool { return s.in.Unmasked || s.in.Rd != 0 }

func overlap(a, na, b, nb int) bool { return a < b+nb && b < a+na }

// apart says whether a destination group, with elements of 1<<wd bytes, may be
// where it is with respect to a source group with elements of 1<<ws bytes. Groups
// may overlap if their elements are of the same width, if the destination's are
// narrower and it is at the source's beginning, or if they are wider and the
// source, of at least one register, is at the destination's end.
func (s *State) apart(dst uint8, wd int, src uint8, ws int) bool {
	ed, es := s.emul(wd), s.emul(ws)
	nd, ns := registers(ed), registers(es)
	switch {
	case wd == ws || !overlap(int(dst), nd, int(src), ns):
		return true
	case wd < ws:
		return dst == src
	}
	return es >= 0 && src > dst && int(src)+ns == int(dst)+nd
}

// maskApart says whether a mask may be written to dst while elements of the
// chosen width are read from the group at src.
func (s *State) maskApart(dst, src uint8) bool {
	return dst == src || !overlap(int(dst), 1, int(src), registers(s.lmul))
}

// strangers says that a destination group of the chosen width and a source of
// n registers have nothing in common.
func (s *State) strangers(src uint8, n int) bool {
	return !overlap(int(s.in.Rd), registers(s.lmul), int(src), n)
}

// legalElements checks the registers of an operation from elements to elements.
func (s *State) legalElements() bool {
	in := s.in
	if s.wd == s.sew && s.w2 == s.sew {
		// Groups of one width only have to be aligned.
		all := in.Rd | in.Rs2
		if in.vectors() {
			all |= in.Rs1
		}
		return s.spared() && int(all)&(registers(s.lmul)-1) == 0
	}
	ok := s.spared() && s.fits(in.Rd, s.wd) && s.fits(in.Rs2, s.w2) && s.apart(in.Rd, s.wd, in.Rs2, s.w2)
	if in.vectors() {
		ok = ok && s.fits(in.Rs1, s.sew) && s.apart(in.Rd, s.wd, in.Rs1, s.sew)
	}
	return ok
}

// legalMask checks the registers of an operation from elements to a mask.
func (s *State) legalMask() bool {
	in := s.in
	ok := s.fits(in.Rs2, s.sew) && s.maskApart(in.Rd, in.Rs2)
	if in.vectors() {
		ok = ok && s.fits(in.Rs1, s.sew) && s.maskApart(in.Rd, in.Rs1)
	}
	return ok
}
