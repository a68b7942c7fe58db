package interp

import (
	"fishplate/riscv/float"
	"fishplate/riscv/isa"
)

// unbox returns the single in a register: the canonical NaN unless it is boxed.
func unbox(v uint64) uint64 {
	if v < box {
		return float.NaN32
	}
	return v & 0xffffffff
}

// twin gives for an operation on singles the one on doubles, which lies as far
// behind in the list; others are their own.
func twin(op isa.Op) (double isa.Op, single bool) {
	switch {
	case op >= isa.OpFmaddS && op <= isa.OpFclassS:
		return op + isa.OpFmaddD - isa.OpFmaddS, true
	case op == isa.OpFliS, op == isa.OpFroundS, op == isa.OpFroundnxS, op == isa.OpFleqS, op == isa.OpFltqS,
		op == isa.OpFminmS, op == isa.OpFmaxmS:
		return zfaTwins[op-isa.OpFliS], true
	}
	return op, false
}

// zfaTwins are the doubles' operations of Zfa, by those of the singles.
var zfaTwins = [...]isa.Op{
	0: isa.OpFliD, isa.OpFminmS - isa.OpFliS: isa.OpFminmD, isa.OpFmaxmS - isa.OpFliS: isa.OpFmaxmD,
	isa.OpFroundS - isa.OpFliS: isa.OpFroundD, isa.OpFroundnxS - isa.OpFliS: isa.OpFroundnxD,
	isa.OpFleqS - isa.OpFliS: isa.OpFleqD, isa.OpFltqS - isa.OpFliS: isa.OpFltqD,
}

// float executes one F, D or Zfa computation; loads and stores are elsewhere.
func (s *State) float(in *ins) FaultKind {
	// Operations without a rounding-mode field have 0 in its place.
	rm := in.rs3 >> 5
	if rm == isa.RMDynamic {
		rm = s.fcsr >> 5
	}
	if rm > float.RMM {
		return Illegal
	}
	f, a, b := float.Binary64(), s.F[in.rs1], s.F[in.rs2]
	op, single := twin(in.op)
	if single {
		f, a, b = float.Binary32(), unbox(a), unbox(b)
	}
	if v, ok := s.toX(f, op, in, a, b, rm); ok {
		if in.rd != 0 {
			s.X[in.rd] = v
		}
		return 0
	}
	v, ok := s.arithmetic(f, op, in, a, b, rm)
	if !ok {
		v, single = s.toF(f, op, in, single, rm)
	}
	if single {
		v |= box
	}
	s.F[in.rd] = v
	return 0
}

// arithmetic computes what has its result in the format of its operands; op is
// the operation on doubles.
func (s *State) arithmetic(f *float.Format, op isa.Op, in *ins, a, b uint64, rm uint8) (v uint64, ok bool) {
	fl := &s.fcsr // the flags are its low bits
	switch op {
	case isa.OpFaddD:
		return f.Add(a, b, rm, fl), true
	case isa.OpFsubD:
		return f.Sub(a, b, rm, fl), true
	case isa.OpFmulD:
		return f.Mul(a, b, rm, fl), true
	case isa.OpFdivD:
		return f.Div(a, b, rm, fl), true
	case isa.OpFsqrtD:
		return f.Sqrt(a, rm, fl), true
	case isa.OpFmaddD, isa.OpFmsubD, isa.OpFnmsubD, isa.OpFnmaddD:
		c := s.F[in.rs3&31]
		if f == float.Binary32() {
			c = unbox(c)
		}
		negP := op == isa.OpFnmsubD || op == isa.OpFnmaddD
		negC := op == isa.OpFmsubD || op == isa.OpFnmaddD
		return f.FMA(a, b, c, negP, negC, rm, fl), true
	case isa.OpFsgnjD:
		return f.Sign(a, b), true
	case isa.OpFsgnjnD:
		return f.Sign(a, ^b), true
	case isa.OpFsgnjxD:
		return f.Sign(a, a^b), true
	case isa.OpFminD:
		return f.Min(a, b, fl), true
	case isa.OpFmaxD:
		return f.Max(a, b, fl), true
	case isa.OpFminmD, isa.OpFmaxmD:
		return f.Strictly(a, b, op == isa.OpFmaxmD, fl), true
	case isa.OpFroundD, isa.OpFroundnxD:
		return f.Integral(a, op == isa.OpFroundnxD, rm, fl), true
	}
	return 0, false
}

// toX computes comparisons, classes, moves and conversions to integers.
func (s *State) toX(f *float.Format, op isa.Op, in *ins, a, b uint64, rm uint8) (v uint64, ok bool) {
	fl := &s.fcsr
	switch op {
	case isa.OpFeqD:
		return f.Eq(a, b, fl), true
	case isa.OpFltD:
		return f.Lt(a, b, fl), true
	case isa.OpFleD:
		return f.Le(a, b, fl), true
	case isa.OpFleqD, isa.OpFltqD:
		return f.Quietly(a, b, op == isa.OpFleqD, fl), true
	case isa.OpFclassD:
		return f.Class(a), true
	case isa.OpFcvtWD, isa.OpFcvtWuD:
		return f.ToInt(a, 32, op == isa.OpFcvtWuD, rm, fl), true
	case isa.OpFcvtLD, isa.OpFcvtLuD:
		return f.ToInt(a, 64, op == isa.OpFcvtLuD, rm, fl), true
	case isa.OpFcvtmodWD:
		return float.ToIntModulo(a, fl), true
	case isa.OpFmvXW:
		return sext(uint32(s.F[in.rs1])), true
	case isa.OpFmvXD:
		return a, true
	case isa.OpFmvhXD:
		return sext(uint32(a >> 32)), true
	}
	return 0, false
}

// toF computes moves and conversions from integers and between the formats, and
// constants; single says of which format the result is.
func (s *State) toF(f *float.Format, op isa.Op, in *ins, single bool, rm uint8) (uint64, bool) {
	v, fl := s.X[in.rs1], &s.fcsr
	switch op {
	case isa.OpFcvtDW:
		return f.FromInt(sext(uint32(v)), false, rm, fl), single
	case isa.OpFcvtDWu:
		return f.FromInt(v&0xffffffff, true, rm, fl), single
	case isa.OpFcvtDL:
		return f.FromInt(v, false, rm, fl), single
	case isa.OpFcvtDLu:
		return f.FromInt(v, true, rm, fl), single
	case isa.OpFliD:
		return f.Constant(uint8(in.imm)), single
	case isa.OpFmvWX:
		return v & 0xffffffff, true
	case isa.OpFmvpDX:
		return v&0xffffffff | s.X[in.rs2]<<32, false
	case isa.OpFcvtSD:
		return uint64(float.Narrow(s.F[in.rs1], rm, fl)), true
	case isa.OpFcvtDS:
		return float.Widen(uint32(unbox(s.F[in.rs1])), fl), false
	}
	return v, false // fmv.d.x
}
