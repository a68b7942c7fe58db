//go:build linux

package jit

import (
	"math/bits"

	"fishplate/riscv/isa"
	"fishplate/riscv/x64"
)

// Floating point. Code runs only while the dynamic rounding mode is to nearest,
// ties to even, which is also the host's; the exception flags gather in the
// host's status word, whose rules for tininess are RISC-V's. What differs is
// mended after the fact: a NaN result becomes the canonical one, and whatever
// the host would flag differently goes to the interpreter.
//
// A single lives in the low half of a vector register under an upper half of all
// ones, its box. Scalar instructions copy the upper part of their first source,
// so a result is boxed because its operand was; which registers are known to hold
// boxed singles is tracked within a block.

const (
	single = false
	double = true
)

// homeUpper returns the upper half of a floating-point register in memory.
func homeUpper(f uint8) x64.Mem {
	m := homeX(f)
	m.Disp += 4
	return m
}

// sourceX returns the register that holds f, loading it into scratch if need be.
func (e *emitter) sourceX(f uint8, scratch x64.Xmm) x64.Xmm {
	if h := e.hostX[f]; h != noneX {
		return h
	}
	e.a.LoadX(double, scratch, homeX(f))
	return scratch
}

func (e *emitter) targetX(f uint8) x64.Xmm {
	if h := e.hostX[f]; h != noneX {
		return h
	}
	return x0
}

// putX ends an instruction that computed f in reg.
func (e *emitter) putX(wide bool, f uint8, reg x64.Xmm) {
	e.boxed &^= 1 << f
	e.nans &^= 1 << f
	if !wide {
		e.boxed |= 1 << f
	}
	switch h := e.hostX[f]; {
	case h == noneX:
		e.a.StoreX(double, homeX(f), reg)
	case h != reg:
		e.a.MovX(h, reg)
	}
}

// needBox leaves unless f holds a boxed single, which for doubles is no matter.
func (e *emitter) needBox(wide bool, fs ...uint8) {
	if wide {
		return
	}
	for _, f := range fs {
		if e.boxed>>f&1 != 0 {
			continue
		}
		if h := e.hostX[f]; h != noneX {
			e.a.RegFromX(w64, x64.RAX, h)
			e.a.ShiftImm(x64.SHR, w64, x64.RAX, 32)
			e.a.AluImm(x64.CMP, w32, x64.RAX, -1)
		} else {
			e.a.AluMemImm(x64.CMP, w32, homeUpper(f), -1)
		}
		e.restIf(x64.NE)
		e.boxed |= 1 << f
	}
}

// nearest says whether an instruction rounds as the host does.
func nearest(in *inst) bool { return in.RM == isa.RMDynamic || in.RM == 0 }

// canonicalNaN returns the bits of the NaN that operations produce.
func canonicalNaN(wide bool) uint64 {
	if wide {
		return 0x7ff8000000000000
	}
	return 0xffffffff7fc00000
}

// A NaN that an operation produced must become the canonical one before anybody
// can see it: before it is stored, moved, or an exit is possible. Until then it
// may serve as an operand, since any quiet NaN does what another does. Registers
// that were overwritten in the meantime need no test.

// produced notes that f was computed and may be a NaN.
func (e *emitter) produced(f uint8) { e.nans |= 1 << f }

// calm says whether an instruction neither leaves nor looks at the bits of a
// floating-point register.
func (e *emitter) calm(in *inst) bool {
	switch c := calmness[in.Op]; c {
	case calmAlways:
		return true
	case calmNear:
		d := e.shift[in.Rs1] + int32(in.Imm)
		return e.near>>in.Rs1&1 != 0 && d >= -reach && d < reach-8
	case calmBoxed:
		return (e.boxed>>in.Rs1)&(e.boxed>>in.Rs2)&1 != 0
	}
	return false
}

// When an instruction is calm.
const (
	_          = iota
	calmAlways // whatever its operands are
	calmNear   // if its base register needs no check
	calmBoxed  // if its sources are known to be boxed
)

var calmness = buildCalmness()

func buildCalmness() *[isa.OpCount]uint8 {
	t := new([isa.OpCount]uint8)
	for op, p := range pure {
		if p {
			t[op] = calmAlways
		}
	}
	for how, ops := range map[uint8][]isa.Op{
		calmAlways: {isa.OpFaddD, isa.OpFsubD, isa.OpFmulD, isa.OpFdivD, isa.OpFsqrtD, isa.OpFeqD, isa.OpFltD, isa.OpFleD, isa.OpFcvtSD},
		calmNear:   {isa.OpLb, isa.OpLh, isa.OpLw, isa.OpLd, isa.OpLbu, isa.OpLhu, isa.OpLwu, isa.OpFlw, isa.OpFld},
		calmBoxed:  {isa.OpFaddS, isa.OpFsubS, isa.OpFmulS, isa.OpFdivS, isa.OpFeqS, isa.OpFltS, isa.OpFleS},
	} {
		for _, op := range ops {
			t[op] = how
		}
	}
	return t
}

// settle makes all NaNs canonical, testing two registers at once.
func (e *emitter) settle() {
	for e.nans != 0 {
		f := e.takeNaN()
		a, wide := e.sourceX(f, x0), e.boxed>>f&1 == 0
		b, pair := a, f
		if e.nans != 0 {
			g := uint8(bits.TrailingZeros32(e.nans))
			if (e.boxed>>g&1 == 0) == wide {
				pair = e.takeNaN()
				b = e.sourceX(pair, x1)
			}
		}
		e.a.Ucomi(wide, a, b)
		nan := e.a.Jcc(x64.P)
		back := e.a.Len()
		e.stubs = append(e.stubs, stub{from: []int{nan}, then: func() {
			e.mend(wide, f, a)
			if pair != f {
				e.mend(wide, pair, b)
			}
			e.a.JmpTo(back)
		}})
	}
}

// takeNaN removes a register from the set and returns it.
func (e *emitter) takeNaN() uint8 {
	f := uint8(bits.TrailingZeros32(e.nans))
	e.nans &^= 1 << f
	return f
}

// mend replaces the value of f, which is in x, by the canonical NaN if it is one.
func (e *emitter) mend(wide bool, f uint8, x x64.Xmm) {
	e.a.Ucomi(wide, x, x)
	fine := e.a.JccShort(x64.NP)
	e.a.MovImm(x64.RAX, int64(canonicalNaN(wide)))
	if h := e.hostX[f]; h != noneX {
		e.a.XFromReg(w64, h, x64.RAX)
	} else {
		e.a.Store(8, homeX(f), x64.RAX)
	}
	e.a.PatchShort(fine)
}

// arithmetic makes fd = fs1 op fs2.
func arithmetic(op x64.Vec, wide bool) template {
	return func(e *emitter, in *inst) bool {
		if !nearest(in) {
			return false
		}
		e.needBox(wide, in.Rs1, in.Rs2)
		a := e.sourceX(in.Rs1, x0)
		d := e.targetX(in.Rd)
		if h := e.hostX[in.Rs2]; h != noneX {
			e.a.Vec(op, d, a, h)
		} else {
			e.a.VecLoad(op, d, a, homeX(in.Rs2))
		}
		e.putX(wide, in.Rd, d)
		e.produced(in.Rd)
		return true
	}
}

func squareRoot(op x64.Vec, wide bool) template {
	return func(e *emitter, in *inst) bool {
		if !nearest(in) {
			return false
		}
		e.needBox(wide, in.Rs1)
		a := e.sourceX(in.Rs1, x0)
		d := e.targetX(in.Rd)
		e.a.Vec(op, d, a, a)
		e.putX(wide, in.Rd, d)
		e.produced(in.Rd)
		return true
	}
}

// fused makes fd = ±(fs1 × fs2) ± fs3. A NaN goes to the interpreter: infinity
// times 0 plus a quiet NaN is invalid here and not on the host.
func fused(op x64.Vec, wide bool) template {
	return func(e *emitter, in *inst) bool {
		if !nearest(in) {
			return false
		}
		e.needBox(wide, in.Rs1, in.Rs2, in.Rs3)
		if h := e.hostX[in.Rs1]; h != noneX {
			e.a.MovX(x0, h)
		} else {
			e.a.LoadX(double, x0, homeX(in.Rs1))
		}
		b := e.sourceX(in.Rs2, x1)
		if h := e.hostX[in.Rs3]; h != noneX {
			e.a.Vec(op, x0, b, h)
		} else {
			e.a.VecLoad(op, x0, b, homeX(in.Rs3))
		}
		e.a.Ucomi(wide, x0, x0)
		e.restIf(x64.P)
		e.putX(wide, in.Rd, x0)
		return true
	}
}

// signMask loads x2 with the sign bit of a double, or of a boxed single.
func (e *emitter) signMask(wide bool) {
	e.a.Vec(x64.CmpEqD, x2, x2, x2)
	e.a.ShiftX(x64.SHL, x2, x2, 63)
	if !wide {
		e.a.ShiftX(x64.SHR, x2, x2, 32)
	}
}

// sign makes fd = fs1 with the sign of fs2: as it is, inverted, or xored.
func sign(how isa.Op, wide bool) template {
	return func(e *emitter, in *inst) bool {
		e.needBox(wide, in.Rs1, in.Rs2)
		a := e.sourceX(in.Rs1, x0)
		d := e.targetX(in.Rd)
		if in.Rs1 == in.Rs2 && how == isa.OpFsgnjD {
			e.putX(wide, in.Rd, a)
			return true
		}
		e.signMask(wide)
		switch {
		case in.Rs1 == in.Rs2 && how == isa.OpFsgnjnD:
			e.a.Vec(x64.XorP, d, a, x2)
		case in.Rs1 == in.Rs2:
			e.a.Vec(x64.AndnP, d, x2, a)
		default:
			b := e.sourceX(in.Rs2, x1)
			switch how {
			case isa.OpFsgnjD:
				e.a.Vec(x64.AndP, x1, b, x2)
			case isa.OpFsgnjnD:
				e.a.Vec(x64.AndnP, x1, b, x2)
			default:
				e.a.Vec(x64.AndP, x1, b, x2)
				e.a.Vec(x64.XorP, d, a, x1)
				e.putX(wide, in.Rd, d)
				return true
			}
			e.a.Vec(x64.AndnP, x2, x2, a)
			e.a.Vec(x64.OrP, d, x1, x2)
		}
		e.putX(wide, in.Rd, d)
		return true
	}
}

// extreme makes fd the lesser or the greater. The host's choice depends on the
// order when both are zeroes; both orders together give the right sign.
func extreme(op, both x64.Vec, wide bool) template {
	return func(e *emitter, in *inst) bool {
		e.needBox(wide, in.Rs1, in.Rs2)
		a, b := e.sourceX(in.Rs1, x0), e.sourceX(in.Rs2, x1)
		e.a.Ucomi(wide, a, b)
		e.restIf(x64.P)
		e.a.Vec(op, x2, a, b)
		e.a.Vec(op, x0, b, a)
		e.a.Vec(both, x0, x0, x2)
		e.putX(wide, in.Rd, x0)
		return true
	}
}

// ordered makes rd = fs1 < fs2 (A) or fs1 ≤ fs2 (AE).
func ordered(c x64.Cond, wide bool) template {
	return func(e *emitter, in *inst) bool {
		e.needBox(wide, in.Rs1, in.Rs2)
		e.a.Comi(wide, e.sourceX(in.Rs2, x1), e.sourceX(in.Rs1, x0))
		kept, quiet := e.quietly(in)
		if !quiet {
			e.putFlag(in.Rd, c)
			return true
		}
		nan := e.a.Jcc(x64.P)
		e.putFlag(in.Rd, c)
		back := e.a.Len()
		e.stubs = append(e.stubs, stub{from: []int{nan}, then: func() {
			e.constant(in.Rd, 0)
			e.load(w32, x64.RCX, kept)
			e.storeFlags()
			e.a.JmpTo(back)
		}})
		e.skip = true
		return true
	}
}

func equal(wide bool) template {
	return func(e *emitter, in *inst) bool {
		e.needBox(wide, in.Rs1, in.Rs2)
		e.a.Ucomi(wide, e.sourceX(in.Rs1, x0), e.sourceX(in.Rs2, x1))
		e.a.Set(x64.NP, x64.RCX)
		e.a.Set(x64.E, x64.RAX)
		e.a.Alu(x64.AND, w32, x64.RAX, x64.RCX)
		d := e.target(in.Rd)
		e.a.MovExtend(x64.Zero8, d, x64.RAX)
		e.put(in.Rd, d)
		return true
	}
}

// moveToX copies the bits of rs1 to fd.
func moveToX(wide bool) template {
	return func(e *emitter, in *inst) bool {
		d := e.targetX(in.Rd)
		e.a.XFromReg(wide, d, e.source(w64, in.Rs1, x64.RAX))
		if !wide {
			e.a.Vec(x64.OrP, d, d, xBox)
		}
		e.putX(wide, in.Rd, d)
		return true
	}
}

// moveFromX copies the bits of fs1 to rd.
func moveFromX(wide bool) template {
	return func(e *emitter, in *inst) bool {
		d := e.target(in.Rd)
		h := e.hostX[in.Rs1]
		switch {
		case wide && h != noneX:
			e.a.RegFromX(w64, d, h)
		case wide:
			e.a.Load(w64, d, homeX(in.Rs1))
		case h != noneX:
			e.a.RegFromX(w32, x64.RAX, h)
			e.putSigned(in.Rd, x64.RAX)
			return true
		default:
			e.a.LoadExtend(x64.Sign32, d, homeX(in.Rs1))
		}
		e.put(in.Rd, d)
		return true
	}
}

func widen(e *emitter, in *inst) bool {
	e.needBox(single, in.Rs1)
	a := e.sourceX(in.Rs1, x0)
	d := e.targetX(in.Rd)
	e.a.Vec(x64.CvtSD, d, a, a)
	e.putX(double, in.Rd, d)
	e.produced(in.Rd)
	return true
}

func shorten(e *emitter, in *inst) bool {
	if !nearest(in) {
		return false
	}
	a := e.sourceX(in.Rs1, x0)
	d := e.targetX(in.Rd)
	e.a.Vec(x64.CvtDS, d, xBox, a)
	e.putX(single, in.Rd, d)
	e.produced(in.Rd)
	return true
}

// fromInteger makes fd = rs1, an integer of 64 or 32 bits.
func fromInteger(wide, long, unsigned bool) template {
	return func(e *emitter, in *inst) bool {
		if !nearest(in) {
			return false
		}
		w := long
		switch {
		case unsigned && !long: // fits in 64 bits
			e.load(w32, x64.RAX, in.Rs1)
			w = w64
		default:
			e.load(w64, x64.RAX, in.Rs1)
		}
		if unsigned && long {
			// The host has no conversion of numbers from 2⁶³ on.
			e.a.Test(w64, x64.RAX, x64.RAX)
			e.restIf(x64.S)
		}
		// The upper half comes from xBox, so a single is boxed at once.
		d := e.targetX(in.Rd)
		e.a.CvtFromInt(wide, w, d, xBox, x64.RAX)
		e.putX(wide, in.Rd, d)
		return true
	}
}

// toInteger makes rd = fs1 rounded to an integer. What does not fit goes to the
// interpreter; unsigned results are looked at first, since the host has only
// signed conversions and would flag some of them as inexact.
func toInteger(wide, long, unsigned bool) template {
	return func(e *emitter, in *inst) bool {
		truncate := in.RM == 1
		if !truncate && !nearest(in) {
			return false
		}
		e.needBox(wide, in.Rs1)
		a := e.sourceX(in.Rs1, x0)
		if unsigned {
			e.limitUnsigned(wide, long, a)
			e.a.CvtToInt(wide, truncate, w64, x64.RAX, a)
			if long {
				e.put(in.Rd, x64.RAX)
				return true
			}
			e.a.Mov(w32, x64.RCX, x64.RAX)
			e.a.Alu(x64.CMP, w64, x64.RCX, x64.RAX)
			e.restIf(x64.NE)
			e.putSigned(in.Rd, x64.RAX)
			return true
		}
		// The host's answer for what does not fit is the lowest integer. It may also be
		// the right one, which the interpreter finds out.
		e.a.CvtToInt(wide, truncate, long, x64.RAX, a)
		if long {
			e.a.MovImm(x64.RCX, -1<<63)
			e.a.Alu(x64.CMP, w64, x64.RAX, x64.RCX)
			e.restIf(x64.E)
			e.put(in.Rd, x64.RAX)
			return true
		}
		e.a.AluImm(x64.CMP, w32, x64.RAX, -1<<31)
		e.restIf(x64.E)
		e.putSigned(in.Rd, x64.RAX)
		return true
	}
}

// limitUnsigned leaves unless 0 ≤ a and a is below the greatest integer by more
// than rounding can add.
func (e *emitter) limitUnsigned(wide, long bool, a x64.Xmm) {
	limit := map[bool][2]uint64{
		double: {0x41efffffffe00000 - 1<<22, 0x43e0000000000000},
		single: {0x4f7fffff, 0x5f000000},
	}[wide]
	bits := limit[0]
	if long {
		bits = limit[1]
	}
	e.a.MovImm(x64.RAX, int64(bits))
	e.a.XFromReg(w64, x1, x64.RAX)
	e.a.Comi(wide, a, x1)
	e.restIf(x64.P)
	e.restIf(x64.AE)
	e.a.Vec(x64.XorP, x1, x1, x1)
	e.a.Comi(wide, a, x1)
	e.restIf(x64.B)
}

// loadX makes fd = memory.
func loadX(wide bool) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		m := guest(e.base(in.Rs1, int32(in.Imm)), int32(in.Imm))
		d := e.targetX(in.Rd)
		e.a.LoadX(wide, d, m)
		if !wide {
			e.a.Vec(x64.OrP, d, d, xBox)
		}
		e.putX(wide, in.Rd, d)
		return true
	}
}

// storeX writes fs2 to memory.
func storeX(wide bool) template {
	size := 4
	if wide {
		size = 8
	}
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		m := e.storable(in, size)
		if h := e.hostX[in.Rs2]; h != noneX {
			e.a.StoreX(wide, m, h)
			return true
		}
		e.a.Load(wide, x64.RAX, homeX(in.Rs2))
		e.a.Store(size, m, x64.RAX)
		return true
	}
}

func floatTemplates() map[isa.Op]template {
	return map[isa.Op]template{
		isa.OpFlw: loadX(single), isa.OpFld: loadX(double), isa.OpFsw: storeX(single), isa.OpFsd: storeX(double),
		isa.OpFlw32: loadX(single), isa.OpFld32: loadX(double), isa.OpFsw32: storeX(single), isa.OpFsd32: storeX(double),
		isa.OpFaddS: arithmetic(x64.AddS, single), isa.OpFaddD: arithmetic(x64.AddD, double),
		isa.OpFsubS: arithmetic(x64.SubS, single), isa.OpFsubD: arithmetic(x64.SubD, double),
		isa.OpFmulS: arithmetic(x64.MulS, single), isa.OpFmulD: arithmetic(x64.MulD, double),
		isa.OpFdivS: arithmetic(x64.DivS, single), isa.OpFdivD: arithmetic(x64.DivD, double),
		isa.OpFsqrtS: squareRoot(x64.SqrtS, single), isa.OpFsqrtD: squareRoot(x64.SqrtD, double),
		isa.OpFmaddS: fused(x64.Fmadd213S, single), isa.OpFmaddD: fused(x64.Fmadd213D, double),
		isa.OpFmsubS: fused(x64.Fmsub213S, single), isa.OpFmsubD: fused(x64.Fmsub213D, double),
		isa.OpFnmsubS: fused(x64.Fnmadd213S, single), isa.OpFnmsubD: fused(x64.Fnmadd213D, double),
		isa.OpFnmaddS: fused(x64.Fnmsub213S, single), isa.OpFnmaddD: fused(x64.Fnmsub213D, double),
		isa.OpFsgnjS: sign(isa.OpFsgnjD, single), isa.OpFsgnjD: sign(isa.OpFsgnjD, double),
		isa.OpFsgnjnS: sign(isa.OpFsgnjnD, single), isa.OpFsgnjnD: sign(isa.OpFsgnjnD, double),
		isa.OpFsgnjxS: sign(isa.OpFsgnjxD, single), isa.OpFsgnjxD: sign(isa.OpFsgnjxD, double),
		isa.OpFminS: extreme(x64.MinS, x64.OrP, single), isa.OpFminD: extreme(x64.MinD, x64.OrP, double),
		isa.OpFmaxS: extreme(x64.MaxS, x64.AndP, single), isa.OpFmaxD: extreme(x64.MaxD, x64.AndP, double),
		isa.OpFeqS: equal(single), isa.OpFeqD: equal(double), isa.OpFltS: ordered(x64.A, single), isa.OpFltD: ordered(x64.A, double),
		isa.OpFleS: ordered(x64.AE, single), isa.OpFleD: ordered(x64.AE, double),
		isa.OpFmvXW: moveFromX(single), isa.OpFmvXD: moveFromX(double), isa.OpFmvWX: moveToX(single), isa.OpFmvDX: moveToX(double),
		isa.OpFcvtDS: widen, isa.OpFcvtSD: shorten,
		isa.OpFcvtSW: fromInteger(single, false, false), isa.OpFcvtSWu: fromInteger(single, false, true),
		isa.OpFcvtSL: fromInteger(single, true, false), isa.OpFcvtSLu: fromInteger(single, true, true),
		isa.OpFcvtDW: fromInteger(double, false, false), isa.OpFcvtDWu: fromInteger(double, false, true),
		isa.OpFcvtDL: fromInteger(double, true, false), isa.OpFcvtDLu: fromInteger(double, true, true),
		isa.OpFcvtWS: toInteger(single, false, false), isa.OpFcvtWuS: toInteger(single, false, true),
		isa.OpFcvtLS: toInteger(single, true, false), isa.OpFcvtLuS: toInteger(single, true, true),
		isa.OpFcvtWD: toInteger(double, false, false), isa.OpFcvtWuD: toInteger(double, false, true),
		isa.OpFcvtLD: toInteger(double, true, false), isa.OpFcvtLuD: toInteger(double, true, true),
	}
}
