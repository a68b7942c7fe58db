package interp

import (
	"fishplate/riscv/float"
	"fishplate/riscv/isa"
)

// unbox returns the single in a register: the canonical NaN unless it is boxed.
func unbox(v uint64) uint32 {
	if v>>32 != 0xffffffff {
		return float.NaN32
	}
	return uint32(v)
}

// float executes one F or D computation; loads and stores are in the main loop.
func (s *State) float(in *ins) FaultKind {
	// Operations without a rounding-mode field have 0 in its place.
	rm := in.rs3 >> 5
	if rm == isa.RMDynamic {
		rm = s.fcsr >> 5
	}
	if rm > float.RMM {
		return Illegal
	}
	switch op := in.op; {
	case op <= isa.OpFmaxS:
		s.F[in.rd] = box | uint64(s.single(in, rm))
	case op >= isa.OpFmaddD && op <= isa.OpFmaxD:
		s.F[in.rd] = s.double(in, rm)
	case op == isa.OpFcvtSD:
		s.F[in.rd] = box | uint64(float.Narrow(s.F[in.rs1], rm, &s.fcsr))
	case op == isa.OpFcvtDS:
		s.F[in.rd] = float.Widen(unbox(s.F[in.rs1]), &s.fcsr)
	default:
		if v, ok := s.intToFloat(in, rm); ok {
			s.F[in.rd] = v
		} else if v := s.floatToInt(in, rm); in.rd != 0 {
			s.X[in.rd] = v
		}
	}
	return 0
}

// double computes the operations from double to double.
func (s *State) double(in *ins, rm uint8) uint64 {
	a, b, fl := s.F[in.rs1], s.F[in.rs2], &s.fcsr
	const sign = 1 << 63
	switch in.op {
	case isa.OpFaddD:
		return float.Add64(a, b, rm, fl)
	case isa.OpFsubD:
		return float.Sub64(a, b, rm, fl)
	case isa.OpFmulD:
		return float.Mul64(a, b, rm, fl)
	case isa.OpFdivD:
		return float.Div64(a, b, rm, fl)
	case isa.OpFsqrtD:
		return float.Sqrt64(a, rm, fl)
	case isa.OpFmaddD, isa.OpFmsubD, isa.OpFnmsubD, isa.OpFnmaddD:
		negP := in.op == isa.OpFnmsubD || in.op == isa.OpFnmaddD
		negC := in.op == isa.OpFmsubD || in.op == isa.OpFnmaddD
		return float.FMA64(a, b, s.F[in.rs3&31], negP, negC, rm, fl)
	case isa.OpFsgnjD:
		return a&^sign | b&sign
	case isa.OpFsgnjnD:
		return a&^sign | ^b&sign
	case isa.OpFsgnjxD:
		return a ^ b&sign
	case isa.OpFminD:
		return float.Min64(a, b, fl)
	}
	return float.Max64(a, b, fl)
}

// single computes the operations from single to single.
func (s *State) single(in *ins, rm uint8) uint32 {
	a, b, fl := unbox(s.F[in.rs1]), unbox(s.F[in.rs2]), &s.fcsr
	const sign = 1 << 31
	switch in.op {
	case isa.OpFaddS:
		return float.Add32(a, b, rm, fl)
	case isa.OpFsubS:
		return float.Sub32(a, b, rm, fl)
	case isa.OpFmulS:
		return float.Mul32(a, b, rm, fl)
	case isa.OpFdivS:
		return float.Div32(a, b, rm, fl)
	case isa.OpFsqrtS:
		return float.Sqrt32(a, rm, fl)
	case isa.OpFmaddS, isa.OpFmsubS, isa.OpFnmsubS, isa.OpFnmaddS:
		negP := in.op == isa.OpFnmsubS || in.op == isa.OpFnmaddS
		negC := in.op == isa.OpFmsubS || in.op == isa.OpFnmaddS
		return float.FMA32(a, b, unbox(s.F[in.rs3&31]), negP, negC, rm, fl)
	case isa.OpFsgnjS:
		return a&^sign | b&sign
	case isa.OpFsgnjnS:
		return a&^sign | ^b&sign
	case isa.OpFsgnjxS:
		return a ^ b&sign
	case isa.OpFminS:
		return float.Min32(a, b, fl)
	}
	return float.Max32(a, b, fl)
}

// floatToInt computes comparisons, classes, moves and conversions to integers.
func (s *State) floatToInt(in *ins, rm uint8) uint64 {
	d, e, fl := s.F[in.rs1], s.F[in.rs2], &s.fcsr
	switch in.op {
	case isa.OpFeqD:
		return float.Eq64(d, e, fl)
	case isa.OpFltD:
		return float.Lt64(d, e, fl)
	case isa.OpFleD:
		return float.Le64(d, e, fl)
	case isa.OpFeqS:
		return float.Eq32(unbox(d), unbox(e), fl)
	case isa.OpFltS:
		return float.Lt32(unbox(d), unbox(e), fl)
	case isa.OpFleS:
		return float.Le32(unbox(d), unbox(e), fl)
	case isa.OpFclassS:
		return float.Class32(unbox(d))
	case isa.OpFclassD:
		return float.Class64(d)
	case isa.OpFmvXW:
		return sext(uint32(d))
	case isa.OpFmvXD:
		return d
	case isa.OpFcvtWS:
		return float.ToInt32(unbox(d), 32, false, rm, fl)
	case isa.OpFcvtWuS:
		return float.ToInt32(unbox(d), 32, true, rm, fl)
	case isa.OpFcvtLS:
		return float.ToInt32(unbox(d), 64, false, rm, fl)
	case isa.OpFcvtLuS:
		return float.ToInt32(unbox(d), 64, true, rm, fl)
	case isa.OpFcvtWD:
		return float.ToInt64(d, 32, false, rm, fl)
	case isa.OpFcvtWuD:
		return float.ToInt64(d, 32, true, rm, fl)
	case isa.OpFcvtLD:
		return float.ToInt64(d, 64, false, rm, fl)
	}
	return float.ToInt64(d, 64, true, rm, fl) // fcvt.lu.d
}

// intToFloat computes moves and conversions from integers.
func (s *State) intToFloat(in *ins, rm uint8) (uint64, bool) {
	v, fl := s.X[in.rs1], &s.fcsr
	switch in.op {
	case isa.OpFmvWX:
		return box | v&0xffffffff, true
	case isa.OpFmvDX:
		return v, true
	case isa.OpFcvtSW:
		return box | uint64(float.FromInt32(sext(uint32(v)), false, rm, fl)), true
	case isa.OpFcvtSWu:
		return box | uint64(float.FromInt32(v&0xffffffff, true, rm, fl)), true
	case isa.OpFcvtSL:
		return box | uint64(float.FromInt32(v, false, rm, fl)), true
	case isa.OpFcvtSLu:
		return box | uint64(float.FromInt32(v, true, rm, fl)), true
	case isa.OpFcvtDW:
		return float.FromInt64(sext(uint32(v)), false, rm, fl), true
	case isa.OpFcvtDWu:
		return float.FromInt64(v&0xffffffff, true, rm, fl), true
	case isa.OpFcvtDL:
		return float.FromInt64(v, false, rm, fl), true
	case isa.OpFcvtDLu:
		return float.FromInt64(v, true, rm, fl), true
	}
	return 0, false
}
