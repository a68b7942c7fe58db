package interp

import (
	"fishplate/riscv/memory"
	"fishplate/riscv/vector"
)

// vector32 marks the record of a vector instruction of RV32, in ins.rs3 above
// the mask bit and the number of fields.
const vector32 = 1 << 4

// vectors returns the vector registers, which come into being when a program
// first asks for them.
func (s *State) vectors() *vector.State {
	if s.V == nil {
		s.V = vector.New()
	}
	return s.V
}

// vector executes a vector instruction. It returns the kind of a fault and its
// data address, or 0.
func (s *State) vector(in *ins, mem *memory.Memory) (FaultKind, uint64) {
	v, h := s.vectors(), &s.hart
	if h.X == nil {
		h.X, h.F = &s.X, &s.F
	}
	h.Mem, h.RV32 = mem, in.rs3&vector32 != 0
	h.Flags, h.FRM = s.fcsr&31, s.fcsr>>5
	// Field by field: a copy of the whole would wait for its parts.
	i := &s.inst
	i.Op, i.Rd, i.Rs1, i.Rs2, i.Imm = in.op, in.rd, in.rs1, in.rs2, in.imm
	i.Minor, i.Fields, i.Unmasked = in.rs3>>5, in.rs3>>1&7, in.rs3&1 != 0
	t := v.Execute(i, h)
	switch t.Kind {
	case vector.Illegal:
		return Illegal, 0
	case vector.Load:
		return LoadAccess, t.Addr
	case vector.Store:
		return StoreAccess, t.Addr
	case vector.Limit:
		return MemoryLimit, t.Addr
	case vector.Leave:
		return PageLeave, t.Addr
	}
	s.fcsr |= h.Flags
	return 0, 0
}

// saveVectors copies the vector registers, if there are any.
func (s *State) saveVectors() *vector.State {
	if s.V == nil {
		return nil
	}
	return s.V.Copy()
}

// restoreVectors makes the vector registers those of r. A program without vector
// instructions has none and pays nothing; one that has them keeps their place.
func (s *State) restoreVectors(r *vector.State) {
	if s.V != nil || r != nil {
		s.vectors().Set(r)
	}
}
