package vector

import "fishplate/riscv/isa"

// choose executes vsetvli, vsetivli and vsetvl.
func choose(s *State, _ *rule) Trap {
	in := s.in
	vtype := uint64(uint32(in.Imm))
	if in.Op == isa.OpVsetvl {
		vtype = s.h.X[in.Rs2&31]
	}
	var wanted uint64
	switch {
	case in.Op == isa.OpVsetivli:
		wanted = uint64(in.Rs1)
	case in.Rs1 != 0:
		wanted = s.h.X[in.Rs1&31]
		if s.h.RV32 {
			wanted = uint64(uint32(wanted))
		}
	case in.Rd != 0:
		wanted = ^uint64(0) // as many as there can be
	default:
		// Meant for a change of vtype that keeps the number of elements. If they
		// no longer fit, which is reserved, as many as do are kept.
		wanted = s.VL
	}
	s.configure(vtype, wanted)
	s.setX(s.VL)
	return Trap{}
}

// configure sets vtype, and vl to wanted or the greatest possible number of
// elements. A reserved vtype becomes the illegal one: unknown bits, elements of
// more than 64 bits, and elements wider than the same fraction of 64 bits as the
// group is of a register.
func (s *State) configure(vtype, wanted uint64) {
	sew, lmul := int(vtype>>3&7), int(int8(vtype<<5)>>5)
	if vtype>>8 != 0 || sew > 3 || lmul == -4 || lmul < 0 && sew > 3+lmul {
		s.VType, s.VL, s.sew, s.lmul = vill, 0, 0, 0
		return
	}
	s.VType, s.sew, s.lmul = vtype, sew, lmul
	s.VL = min(wanted, s.vlmax())
}

// Numbers of the vector CSRs.
const (
	csrVStart = 0x008
	csrVXSat  = 0x009
	csrVXRM   = 0x00a
	csrVCSR   = 0x00f
	csrVL     = 0xc20
	csrVType  = 0xc21
	csrVLENB  = 0xc22
)

// IsCSR says whether n is the number of a vector CSR.
func IsCSR(n uint32) bool {
	switch n {
	case csrVStart, csrVXSat, csrVXRM, csrVCSR, csrVL, csrVType, csrVLENB:
		return true
	}
	return false
}

// ReadCSR returns the value of vector CSR n. In RV32 the illegal vtype has its
// bit 31 set, and so has the result, sign-extended.
func (s *State) ReadCSR(n uint32, rv32 bool) uint64 {
	switch n {
	case csrVStart:
		return s.VStart
	case csrVXSat:
		return uint64(s.VXSat)
	case csrVXRM:
		return uint64(s.VXRM)
	case csrVCSR:
		return uint64(s.VXRM)<<1 | uint64(s.VXSat)
	case csrVL:
		return s.VL
	case csrVType:
		if rv32 {
			return uint64(int64(s.VType)>>32 | int64(s.VType&0xff))
		}
		return s.VType
	}
	return VLENB
}

// WriteCSR sets a vector CSR that can be written. Of vstart only as many bits
// are kept as the largest group has elements.
func (s *State) WriteCSR(n uint32, v uint64) {
	switch n {
	case csrVStart:
		s.VStart = v & (8*VLENB - 1)
	case csrVXSat:
		s.VXSat = uint8(v & 1)
	case csrVXRM:
		s.VXRM = uint8(v & 3)
	case csrVCSR:
		s.VXSat, s.VXRM = uint8(v&1), uint8(v>>1&3)
	}
}
