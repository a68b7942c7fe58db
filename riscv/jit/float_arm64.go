//go:build linux

package jit

import (
	"fishplate/riscv/a64"
	"fishplate/riscv/isa"
)

// Floating point. Code runs only while the dynamic rounding mode is to nearest,
// ties to even, which is also the host's; the host is told to produce only
// default NaNs, which are the canonical ones; and the exception flags gather in
// the host's status word. Conversions saturate as RISC-V's do. What differs:
//
// The host looks for tininess before it rounds, RISC-V after. They disagree about
// underflow only where the result is the least normal number. Sums and roots are
// never tiny and inexact; the other operations look at small results.
//
// Scalar instructions clear what is above a single, so that it needs its box
// anew: all ones in the upper half. Which registers are known to hold boxed
// singles is tracked within a block.

const (
	single = false
	double = true
)

// sourceX returns the register that holds f, loading it into scratch if need be.
func (e *emitter) sourceX(f uint8, scratch a64.V) a64.V {
	if h := e.hostX[f]; h != noneX {
		return h
	}
	e.a.AccessV(a64.LDRFD, scratch, rHart, homeX(f))
	return scratch
}

func (e *emitter) targetX(f uint8) a64.V {
	if h := e.hostX[f]; h != noneX {
		return h
	}
	return v0
}

// freshX is targetX for a result that is looked at before it counts: the operands
// must survive until then, for the interpreter to begin again.
func (e *emitter) freshX(in *inst) a64.V {
	if in.Rd == in.Rs1 || in.Rd == in.Rs2 || in.Rd == in.Rs3 {
		return v0
	}
	return e.targetX(in.Rd)
}

// putX ends an instruction that computed all bits of f in reg: a double, or a
// single with its box.
func (e *emitter) putX(wide bool, f uint8, reg a64.V) {
	e.boxed &^= 1 << f
	if !wide {
		e.boxed |= 1 << f
	}
	switch h := e.hostX[f]; {
	case h == noneX:
		e.a.AccessV(a64.STRFD, reg, rHart, homeX(f))
	case h != reg:
		e.a.Scalar(a64.FMOV, double, h, reg, 0)
	}
}

// result is putX for a single without its box.
func (e *emitter) result(wide bool, f uint8, reg a64.V) {
	if !wide {
		d := e.targetX(f)
		e.a.Vec(a64.VORR, d, reg, vBox)
		reg = d
	}
	e.putX(wide, f, reg)
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
			e.a.UpperWord(rA, h)
		} else {
			e.hart(a64.LDRW, rA, homeX(f)+4)
		}
		e.a.AluImm(a64.ADDS, w32, a64.ZR, rA, 1)
		e.restIf(a64.NE)
		e.boxed |= 1 << f
	}
}

// nearest says whether an instruction rounds as the host does.
func nearest(in *inst) bool { return in.RM == isa.RMDynamic || in.RM == 0 }

// underflow is the bit of the status word.
const underflow = 1 << 3

// checkTiny looks at d, which may have been tiny before rounding. The status word
// never says underflow outside of this place, so that it can be told who raised
// it: a result below the least normal number did so rightly; the interpreter
// finds out about one that was rounded up to it.
func (e *emitter) checkTiny(wide bool, d a64.V) {
	a := &e.a
	least := vMinS
	if wide {
		least = vMinD
	}
	a.Scalar(a64.FABS, wide, v1, d, 0)
	a.Compare(wide, v1, least)
	small := a.Jcc(a64.LS)
	back := a.Len()
	x := e.here()
	e.stubs = append(e.stubs, stub{from: []int{small}, then: func() {
		a.GetSystem(rA, a64.FPSR)
		a.LogicImm(a64.ANDS, w64, rB, rA, underflow)
		a.JccTo(a64.EQ, back)
		a.Alu(a64.EOR, w64, rA, rA, rB)
		a.SetSystem(a64.FPSR, rA)
		a.Compare(wide, v1, least)
		e.leaveIf(a64.EQ, x)
		e.hart(a64.STR, rB, nUnder)
		a.JmpTo(back)
	}})
}

// arithmetic makes fd = fs1 op fs2.
func arithmetic(op a64.Scalar, wide bool) template {
	return func(e *emitter, in *inst) bool {
		if !nearest(in) {
			return false
		}
		e.needBox(wide, in.Rs1, in.Rs2)
		n, m := e.sourceX(in.Rs1, v0), e.sourceX(in.Rs2, v1)
		d := e.freshX(in)
		if op == a64.FADD || op == a64.FSUB {
			d = e.targetX(in.Rd)
		}
		e.a.Scalar(op, wide, d, n, m)
		if op != a64.FADD && op != a64.FSUB {
			e.checkTiny(wide, d)
		}
		e.result(wide, in.Rd, d)
		return true
	}
}

func squareRoot(wide bool) template {
	return func(e *emitter, in *inst) bool {
		if !nearest(in) {
			return false
		}
		e.needBox(wide, in.Rs1)
		d := e.targetX(in.Rd)
		e.a.Scalar(a64.FSQRT, wide, d, e.sourceX(in.Rs1, v0), 0)
		e.result(wide, in.Rd, d)
		return true
	}
}

// fused makes fd = ±(fs1 × fs2) ± fs3. Infinity times 0 is invalid whatever is
// added, here and there.
func fused(op a64.Scalar, wide bool) template {
	return func(e *emitter, in *inst) bool {
		if !nearest(in) {
			return false
		}
		e.needBox(wide, in.Rs1, in.Rs2, in.Rs3)
		n, m, r := e.sourceX(in.Rs1, v0), e.sourceX(in.Rs2, v1), e.sourceX(in.Rs3, v2)
		d := e.freshX(in)
		e.a.Fused(op, wide, d, n, m, r)
		e.checkTiny(wide, d)
		e.result(wide, in.Rd, d)
		return true
	}
}

// sign makes fd = fs1 with the sign of fs2: as it is, inverted, or xored.
func sign(how isa.Op, wide bool) template {
	return func(e *emitter, in *inst) bool {
		a := &e.a
		e.needBox(wide, in.Rs1, in.Rs2)
		n := e.sourceX(in.Rs1, v0)
		mask := vSignS
		if wide {
			mask = vSignD
		}
		d := e.targetX(in.Rd)
		same := in.Rs1 == in.Rs2
		switch {
		case same && how == isa.OpFsgnjD:
			d = n
		case same && how == isa.OpFsgnjnD:
			a.Vec(a64.VEOR, d, n, mask)
		case same:
			a.Vec(a64.VBIC, d, n, mask)
		case how == isa.OpFsgnjxD:
			a.Vec(a64.VAND, v1, e.sourceX(in.Rs2, v1), mask)
			a.Vec(a64.VEOR, d, n, v1)
		default:
			m := e.sourceX(in.Rs2, v1)
			if how == isa.OpFsgnjnD {
				a.Vec(a64.VEOR, v1, m, mask)
				m = v1
			}
			if n != v0 {
				a.Scalar(a64.FMOV, double, v0, n, 0)
			}
			a.Vec(a64.VBIT, v0, m, mask)
			d = v0
		}
		e.putX(wide, in.Rd, d)
		return true
	}
}

// extreme makes fd the lesser or the greater. NaNs go to the interpreter; the
// host orders zeroes by sign, too.
func extreme(op a64.Scalar, wide bool) template {
	return func(e *emitter, in *inst) bool {
		e.needBox(wide, in.Rs1, in.Rs2)
		n, m := e.sourceX(in.Rs1, v0), e.sourceX(in.Rs2, v1)
		e.a.Compare(wide, n, m)
		e.restIf(a64.VS)
		d := e.targetX(in.Rd)
		e.a.Scalar(op, wide, d, n, m)
		e.result(wide, in.Rd, d)
		return true
	}
}

// relation makes rd = whether fs1 compares so with fs2. A quiet NaN is invalid
// unless equality is asked.
func relation(c a64.Cond, wide bool) template {
	return func(e *emitter, in *inst) bool {
		e.needBox(wide, in.Rs1, in.Rs2)
		n, m := e.sourceX(in.Rs1, v0), e.sourceX(in.Rs2, v1)
		if c == a64.EQ {
			e.a.Compare(wide, n, m)
		} else {
			e.a.CompareE(wide, n, m)
		}
		kept, quiet := e.quietly(in)
		if !quiet {
			e.putFlag(in.Rd, c)
			return true
		}
		nan := e.a.Jcc(a64.VS)
		e.putFlag(in.Rd, c)
		back := e.a.Len()
		e.stubs = append(e.stubs, stub{from: []int{nan}, then: func() {
			e.constant(in.Rd, 0, rA)
			e.storeFlags(e.source(kept, rB))
			e.a.JmpTo(back)
		}})
		e.skip = true
		return true
	}
}

// moveToX copies the bits of rs1 to fd.
func moveToX(wide bool) template {
	return func(e *emitter, in *inst) bool {
		d := e.targetX(in.Rd)
		e.a.MovToV(wide, d, e.source(in.Rs1, rA))
		e.result(wide, in.Rd, d)
		return true
	}
}

// moveFromX copies the bits of fs1 to rd.
func moveFromX(wide bool) template {
	return func(e *emitter, in *inst) bool {
		d := e.target(in.Rd)
		switch h := e.hostX[in.Rs1]; {
		case h != noneX:
			e.a.MovFromV(wide, d, h)
		case wide:
			e.hart(a64.LDR, d, homeX(in.Rs1))
		default:
			e.hart(a64.LDRW, d, homeX(in.Rs1))
		}
		e.finish(wide, in.Rd, d)
		return true
	}
}

func widen(e *emitter, in *inst) bool {
	e.needBox(single, in.Rs1)
	d := e.targetX(in.Rd)
	e.a.Widen(d, e.sourceX(in.Rs1, v0))
	e.putX(double, in.Rd, d)
	return true
}

func shorten(e *emitter, in *inst) bool {
	if !nearest(in) {
		return false
	}
	n := e.sourceX(in.Rs1, v0)
	d := e.freshX(in)
	e.a.Shorten(d, n)
	e.checkTiny(single, d)
	e.result(single, in.Rd, d)
	return true
}

// fromInteger makes fd = rs1, an integer of 64 or 32 bits.
func fromInteger(wide, long, unsigned bool) template {
	return func(e *emitter, in *inst) bool {
		if !nearest(in) {
			return false
		}
		d := e.targetX(in.Rd)
		e.a.FromInt(wide, long, unsigned, d, e.source(in.Rs1, rA))
		e.result(wide, in.Rd, d)
		return true
	}
}

// roundings are those that instructions name: to even, to zero, down, up, to
// nearest with ties away from zero.
var roundings = [...]a64.Round{a64.ToEven, a64.ToZero, a64.Down, a64.Up, a64.ToAway}

// toInteger makes rd = fs1 rounded to an integer. What does not fit saturates on
// both machines; a NaN, which is 0 on the host, goes to the interpreter.
func toInteger(wide, long, unsigned bool) template {
	return func(e *emitter, in *inst) bool {
		how := a64.ToEven
		if !nearest(in) {
			if int(in.RM) >= len(roundings) {
				return false
			}
			how = roundings[in.RM]
		}
		e.needBox(wide, in.Rs1)
		n := e.sourceX(in.Rs1, v0)
		e.a.Compare(wide, n, n)
		e.restIf(a64.VS)
		d := e.target(in.Rd)
		e.a.ToInt(how, wide, long, unsigned, d, n)
		e.finish(long, in.Rd, d)
		return true
	}
}

// loadX makes fd = memory.
func loadX(x a64.Access, wide bool) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		p := e.operand(in.Rs1, int32(in.Imm))
		if e.loadPair(in, p) {
			return true
		}
		d := e.targetX(in.Rd)
		e.access(x, a64.Reg(d), p)
		e.result(wide, in.Rd, d)
		return true
	}
}

// storeX writes fs2 to memory.
func storeX(x a64.Access, size int) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		p := e.storable(in, size)
		if !e.storePair(in, p) {
			e.access(x, a64.Reg(e.sourceX(in.Rs2, v0)), p)
		}
		return true
	}
}

func floatTemplates() map[isa.Op]template {
	t := map[isa.Op]template{
		isa.OpFlw: loadX(a64.LDRFS, single), isa.OpFld: loadX(a64.LDRFD, double), isa.OpFsw: storeX(a64.STRFS, 4), isa.OpFsd: storeX(a64.STRFD, 8),
		isa.OpFlw32: loadX(a64.LDRFS, single), isa.OpFld32: loadX(a64.LDRFD, double), isa.OpFsw32: storeX(a64.STRFS, 4), isa.OpFsd32: storeX(a64.STRFD, 8),
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
	both := func(s, d isa.Op, make func(wide bool) template) { t[s], t[d] = make(single), make(double) }
	both(isa.OpFaddS, isa.OpFaddD, func(w bool) template { return arithmetic(a64.FADD, w) })
	both(isa.OpFsubS, isa.OpFsubD, func(w bool) template { return arithmetic(a64.FSUB, w) })
	both(isa.OpFmulS, isa.OpFmulD, func(w bool) template { return arithmetic(a64.FMUL, w) })
	both(isa.OpFdivS, isa.OpFdivD, func(w bool) template { return arithmetic(a64.FDIV, w) })
	both(isa.OpFsqrtS, isa.OpFsqrtD, squareRoot)
	// The host names fused operations by the sign of what is added.
	both(isa.OpFmaddS, isa.OpFmaddD, func(w bool) template { return fused(a64.FMADD, w) })
	both(isa.OpFmsubS, isa.OpFmsubD, func(w bool) template { return fused(a64.FNMSUB, w) })
	both(isa.OpFnmsubS, isa.OpFnmsubD, func(w bool) template { return fused(a64.FMSUB, w) })
	both(isa.OpFnmaddS, isa.OpFnmaddD, func(w bool) template { return fused(a64.FNMADD, w) })
	both(isa.OpFsgnjS, isa.OpFsgnjD, func(w bool) template { return sign(isa.OpFsgnjD, w) })
	both(isa.OpFsgnjnS, isa.OpFsgnjnD, func(w bool) template { return sign(isa.OpFsgnjnD, w) })
	both(isa.OpFsgnjxS, isa.OpFsgnjxD, func(w bool) template { return sign(isa.OpFsgnjxD, w) })
	both(isa.OpFminS, isa.OpFminD, func(w bool) template { return extreme(a64.FMINNM, w) })
	both(isa.OpFmaxS, isa.OpFmaxD, func(w bool) template { return extreme(a64.FMAXNM, w) })
	both(isa.OpFeqS, isa.OpFeqD, func(w bool) template { return relation(a64.EQ, w) })
	both(isa.OpFltS, isa.OpFltD, func(w bool) template { return relation(a64.MI, w) })
	both(isa.OpFleS, isa.OpFleD, func(w bool) template { return relation(a64.LS, w) })
	return t
}
