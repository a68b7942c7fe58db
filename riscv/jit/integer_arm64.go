//go:build linux

package jit

import (
	"golang.org/x/sys/cpu"

	"fishplate/riscv/a64"
	"fishplate/riscv/isa"
)

// width of an operation, for the encoder.
const (
	w64 = true
	w32 = false
)

// source returns the register that holds guest register r, loading it into
// scratch if it lives in memory. For x0 it is ZR, which immediate forms do not
// take.
func (e *emitter) source(r uint8, scratch a64.Reg) a64.Reg {
	if r == 0 {
		return a64.ZR
	}
	if h := e.host[r]; h != none {
		return h
	}
	e.hart(a64.LDR, scratch, home(r))
	return scratch
}

// sources returns the registers of both operands.
func (e *emitter) sources(in *inst) (n, m a64.Reg) { return e.source(in.Rs1, rA), e.source(in.Rs2, rB) }

// target returns where to compute guest register r: its own place, or rA.
func (e *emitter) target(r uint8) a64.Reg {
	if h := e.host[r]; h != none {
		return h
	}
	return rA
}

// put ends an instruction that computed r in reg.
func (e *emitter) put(r uint8, reg a64.Reg) {
	e.changed(r)
	switch h := e.host[r]; {
	case r == 0:
	case h == none:
		e.hart(a64.STR, reg, home(r))
	case h != reg:
		e.a.Mov(w64, h, reg)
	}
}

// putSigned is put of the low 32 bits of reg, sign-extended.
func (e *emitter) putSigned(r uint8, reg a64.Reg) {
	if r != 0 {
		d := e.target(r)
		e.a.SignWord(d, reg)
		e.put(r, d)
	}
}

// finish is put or putSigned, as the width says.
func (e *emitter) finish(w bool, r uint8, reg a64.Reg) {
	if w {
		e.put(r, reg)
		return
	}
	e.putSigned(r, reg)
}

// putFlag ends an instruction whose result is a condition.
func (e *emitter) putFlag(r uint8, c a64.Cond) {
	d := e.target(r)
	e.a.Set(d, c)
	e.put(r, d)
}

// changed forgets what was known about r.
func (e *emitter) changed(r uint8) {
	e.near &^= 1 << r
	if e.cached == r {
		e.cached = 0
	}
}

// constant loads r with v, by way of scratch if it lives in memory.
func (e *emitter) constant(r uint8, v int64, scratch a64.Reg) {
	if r == 0 {
		return
	}
	switch h := e.host[r]; {
	case h != none:
		scratch = h
		e.a.MovImm(h, v)
	case v == 0:
		scratch = a64.ZR
	default:
		e.a.MovImm(scratch, v)
	}
	e.put(r, scratch)
}

// compare sets the flags for a minus b.
func (e *emitter) compare(a, b uint8) {
	n := e.source(a, rA)
	e.a.Alu(a64.SUBS, w64, a64.ZR, n, e.source(b, rB))
}

// addImmTo makes d = n + imm, of 12 bits and a sign; n is not ZR.
func (e *emitter) addImmTo(w bool, d, n a64.Reg, imm int64) {
	if imm < 0 {
		e.a.AluImm(a64.SUB, w, d, n, uint64(-imm))
		return
	}
	e.a.AluImm(a64.ADD, w, d, n, uint64(imm))
}

// binary makes rd = rs1 op rs2.
func binary(op a64.Alu, w bool) template {
	return func(e *emitter, in *inst) bool {
		// One instruction each way: also with x0, which is a register of its own here.
		n, m := e.sources(in)
		if w && n == a64.ZR && op == a64.ADD { // c.mv
			e.put(in.Rd, m)
			return true
		}
		d := e.target(in.Rd)
		e.a.Alu(op, w, d, n, m)
		e.finish(w, in.Rd, d)
		return true
	}
}

// binaryImm makes rd = rs1 op imm, bit by bit.
func binaryImm(op a64.Alu) template {
	return func(e *emitter, in *inst) bool {
		n := e.source(in.Rs1, rA)
		d := e.target(in.Rd)
		// Small masks are runs of ones more often than not.
		switch v := uint64(in.Imm); {
		case a64.FitsLogic(w64, v):
			e.a.LogicImm(op, w64, d, n, v)
		case v == ^uint64(0) && op == a64.EOR:
			e.a.Alu(a64.ORN, w64, d, a64.ZR, n)
		default:
			e.a.MovImm(rB, in.Imm)
			e.a.Alu(op, w64, d, n, rB)
		}
		e.put(in.Rd, d)
		return true
	}
}

// addImm is addi, with what is known about the register.
func addImm(e *emitter, in *inst) bool {
	known := e.near>>in.Rs1&1 != 0
	shift := e.shift[in.Rs1] + int32(in.Imm)
	switch {
	case in.Rs1 == 0:
		e.constant(in.Rd, in.Imm, rA)
	case in.Rd == in.Rs1 && in.Imm == 0:
		return true
	case in.Imm == 0:
		e.put(in.Rd, e.source(in.Rs1, rA))
	default:
		d := e.target(in.Rd)
		e.addImmTo(w64, d, e.source(in.Rs1, rA), in.Imm)
		e.put(in.Rd, d)
	}
	// A pointer that moves a little keeps enough of its distance.
	if known && shift > -reach && shift < reach {
		e.near |= 1 << in.Rd
		e.shift[in.Rd] = shift
	}
	return true
}

// addImmW is addiw, of which sext.w is the most frequent.
func addImmW(e *emitter, in *inst) bool {
	n := e.source(in.Rs1, rA)
	switch {
	case in.Rs1 == 0:
		e.constant(in.Rd, int64(int32(in.Imm)), rA)
	case in.Imm == 0:
		e.putSigned(in.Rd, n)
	default:
		d := e.target(in.Rd)
		e.addImmTo(w32, d, n, in.Imm)
		e.putSigned(in.Rd, d)
	}
	return true
}

// shiftImm makes rd = rs1 shifted by imm, on 64 or 32 bits. Shifting a word is
// moving a field, which extends the sign at the same time.
func shiftImm(op a64.Shift, w bool) template {
	return func(e *emitter, in *inst) bool {
		if op == a64.LSL && e.shiftPair(in, w) {
			return true
		}
		s := e.source(in.Rs1, rA)
		d := e.target(in.Rd)
		n := uint8(in.Imm)
		switch {
		case w:
			e.a.ShiftImm(op, w, d, s, n)
		case op == a64.ROR:
			e.a.ShiftImm(op, w, d, s, n)
			e.a.SignWord(d, d)
		case n == 0:
			e.a.SignWord(d, s)
		case op == a64.LSL:
			e.a.Insert(true, w64, d, s, n, 32-n)
		default: // logically shifted words are not negative
			e.a.Field(op == a64.ASR, w64, d, s, n, 32-n)
		}
		e.put(in.Rd, d)
		return true
	}
}

// shift makes rd = rs1 shifted by rs2.
func shift(op a64.Shift, w bool) template {
	return func(e *emitter, in *inst) bool {
		n, m := e.sources(in)
		d := e.target(in.Rd)
		e.a.ShiftReg(op, w, d, n, m)
		e.finish(w, in.Rd, d)
		return true
	}
}

// rotateLeft makes rd = rs1 rotated left by rs2: right by its negation.
func rotateLeft(w bool) template {
	return func(e *emitter, in *inst) bool {
		n, m := e.sources(in)
		e.a.Alu(a64.SUB, w, rB, a64.ZR, m)
		d := e.target(in.Rd)
		e.a.ShiftReg(a64.ROR, w, d, n, rB)
		e.finish(w, in.Rd, d)
		return true
	}
}

// less makes rd = rs1 < rs2.
func less(c a64.Cond) template {
	return func(e *emitter, in *inst) bool {
		e.compare(in.Rs1, in.Rs2)
		e.putFlag(in.Rd, c)
		return true
	}
}

// lessImm makes rd = rs1 < imm. Subtracting a negative immediate is adding, with
// the same carry.
func lessImm(c a64.Cond) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			v := int64(0)
			if in.Imm > 0 || in.Imm < 0 && c == a64.LO {
				v = 1
			}
			e.constant(in.Rd, v, rA)
			return true
		}
		n := e.source(in.Rs1, rA)
		if in.Imm < 0 {
			e.a.AluImm(a64.ADDS, w64, a64.ZR, n, uint64(-in.Imm))
		} else {
			e.a.AluImm(a64.SUBS, w64, a64.ZR, n, uint64(in.Imm))
		}
		e.putFlag(in.Rd, c)
		return true
	}
}

// loadUpper is lui.
func loadUpper(e *emitter, in *inst) bool {
	e.constantPair(in, in.Imm)
	return true
}

// addUpper is auipc: the address is known now, since code does not move.
func addUpper(e *emitter, in *inst) bool {
	v := int64(in.pc) + in.Imm
	if e.c.narrow {
		v = int64(int32(v))
	}
	e.constantPair(in, v)
	return true
}

// nothing is a fence: there is one hart, and code never changes.
func nothing(*emitter, *inst) bool { return true }

// product makes rd = rs1 op rs2 for multiplications.
func product(op a64.Product, w bool) template {
	return func(e *emitter, in *inst) bool {
		n, m := e.sources(in)
		d := e.target(in.Rd)
		e.a.Product(op, w, d, n, m)
		e.finish(w, in.Rd, d)
		return true
	}
}

// multiplyHighMixed is mulhsu: the unsigned product, corrected for a negative
// rs1.
func multiplyHighMixed(e *emitter, in *inst) bool {
	n, m := e.sources(in)
	// A third scratch register is needed, so that rC loses its address.
	e.cached = 0
	e.a.ShiftImm(a64.ASR, w64, rC, n, 63)
	e.a.Alu(a64.AND, w64, rC, rC, m)
	e.a.Product(a64.UMULH, w64, rA, n, m)
	d := e.target(in.Rd)
	e.a.Alu(a64.SUB, w64, d, rA, rC)
	e.put(in.Rd, d)
	return true
}

// divide makes the quotient. Dividing by 0 gives all ones, where the host gives
// 0; the lowest integer divided by -1 gives itself on both.
func divide(op a64.Product, w bool) template {
	return func(e *emitter, in *inst) bool {
		n, m := e.sources(in)
		// Not ZR is all ones: the quotient of a division by 0, signed or not.
		e.a.Product(op, w, rA, n, m)
		e.a.Alu(a64.SUBS, w, a64.ZR, a64.ZR, m)
		d := e.target(in.Rd)
		e.a.Select(a64.CSINV, w, d, rA, a64.ZR, a64.NE)
		e.finish(w, in.Rd, d)
		return true
	}
}

// remainder makes rs1 minus the quotient times rs2, which is rs1 when the host
// divided by 0, and 0 for the lowest integer and -1: as it must be.
func remainder(op a64.Product, w bool) template {
	return func(e *emitter, in *inst) bool {
		n, m := e.sources(in)
		e.cached = 0
		e.a.Product(op, w, rC, n, m)
		d := e.target(in.Rd)
		e.a.MulSub(w, d, rC, m, n)
		e.finish(w, in.Rd, d)
		return true
	}
}

// addScaled makes rd = rs2 + rs1 << n; low takes only the low half of rs1, and
// narrow makes the result one of RV32.
func addScaled(n uint8, low, narrow bool) template {
	return func(e *emitter, in *inst) bool {
		s, m := e.sources(in)
		d := e.target(in.Rd)
		switch {
		case !low:
			e.a.AluShift(a64.ADD, !narrow, d, m, s, a64.LSL, n)
		case m == a64.ZR: // which the extending form takes for the stack pointer
			if n == 0 {
				e.a.Mov(w32, d, s)
			} else {
				e.a.Insert(false, w64, d, s, n, 32)
			}
		default:
			e.a.AddLow(d, m, s, n)
		}
		e.finish(!narrow, in.Rd, d)
		return true
	}
}

// shiftLow is slli.uw.
func shiftLow(e *emitter, in *inst) bool {
	s := e.source(in.Rs1, rA)
	d := e.target(in.Rd)
	if n := uint8(in.Imm); n == 0 {
		e.a.Mov(w32, d, s)
	} else {
		e.a.Insert(false, w64, d, s, n, min(32, 64-n))
	}
	e.put(in.Rd, d)
	return true
}

// countBits is clz or ctz.
func countBits(trailing, w bool) template {
	return func(e *emitter, in *inst) bool {
		s := e.source(in.Rs1, rA)
		d := e.target(in.Rd)
		if trailing {
			e.a.Unary(a64.RBIT, w, rA, s)
			s = rA
		}
		e.a.Unary(a64.CLZ, w, d, s)
		e.put(in.Rd, d)
		return true
	}
}

// population is cpop; a word leaves the upper half of the vector register zero.
func population(w bool) template {
	return func(e *emitter, in *inst) bool {
		// Only vectors count ones: in each byte, and then their sum.
		e.a.MovToV(w, v0, e.source(in.Rs1, rA))
		e.a.Vec(a64.VCNT, v0, v0, 0)
		e.a.Vec(a64.VADDV, v0, v0, 0)
		d := e.target(in.Rd)
		e.a.MovFromV(w32, d, v0)
		e.put(in.Rd, d)
		return true
	}
}

// selectBy makes rd = rs1 if it compares so with rs2, or else rs2.
func selectBy(better a64.Cond) template {
	return func(e *emitter, in *inst) bool {
		n, m := e.sources(in)
		e.a.Alu(a64.SUBS, w64, a64.ZR, n, m)
		d := e.target(in.Rd)
		e.a.Select(a64.CSEL, w64, d, n, m, better)
		e.put(in.Rd, d)
		return true
	}
}

// extend widens the low bits of rs1.
func extend(signed bool, width uint8) template {
	return func(e *emitter, in *inst) bool {
		s := e.source(in.Rs1, rA)
		d := e.target(in.Rd)
		e.a.Field(signed, w64, d, s, 0, width)
		e.put(in.Rd, d)
		return true
	}
}

// reverse is rev8; narrow that of RV32.
func reverse(narrow bool) template {
	return func(e *emitter, in *inst) bool {
		s := e.source(in.Rs1, rA)
		d := e.target(in.Rd)
		e.a.Unary(a64.REV, !narrow, d, s)
		e.finish(!narrow, in.Rd, d)
		return true
	}
}

// orCombine is orc.b: each byte becomes all ones unless it is 0.
func orCombine(e *emitter, in *inst) bool {
	e.a.MovToV(w64, v0, e.source(in.Rs1, rA))
	e.a.Vec(a64.VCMTST, v0, v0, v0)
	d := e.target(in.Rd)
	e.a.MovFromV(w64, d, v0)
	e.put(in.Rd, d)
	return true
}

// carryless is clmul and its relatives: bits 63..0, 127..64 or 126..63.
func carryless(part uint8) template {
	return func(e *emitter, in *inst) bool {
		if !cpu.ARM64.HasPMULL {
			return false
		}
		// The extension is optional; without it the interpreter multiplies.
		n, m := e.sources(in)
		e.a.MovToV(w64, v0, n)
		e.a.MovToV(w64, v1, m)
		e.a.Vec(a64.VPMULL, v0, v0, v1)
		d := e.target(in.Rd)
		switch part {
		case 0:
			e.a.MovFromV(w64, d, v0)
		case 1:
			e.a.UpperHalf(d, v0)
		default:
			e.a.MovFromV(w64, rB, v0)
			e.a.UpperHalf(rA, v0)
			e.a.Extract(w64, d, rA, rB, 63)
		}
		e.put(in.Rd, d)
		return true
	}
}

// bit makes rd = rs1 with the bit changed that rs2 or the immediate names, on 64
// bits, or on 32 for RV32.
func bit(op a64.Alu, imm, w bool) template {
	return func(e *emitter, in *inst) bool {
		n := e.source(in.Rs1, rA)
		if imm {
			e.a.MovImm(rB, 1<<uint(in.Imm))
		} else {
			m := e.source(in.Rs2, rB)
			e.cached = 0
			e.a.MovImm(rC, 1)
			e.a.ShiftReg(a64.LSL, w, rB, rC, m)
		}
		d := e.target(in.Rd)
		e.a.Alu(op, w, d, n, rB)
		e.finish(w, in.Rd, d)
		return true
	}
}

// bitExtract makes rd = the bit of rs1 that rs2 names.
func bitExtract(w bool) template {
	return func(e *emitter, in *inst) bool {
		n, m := e.sources(in)
		e.a.ShiftReg(a64.LSR, w, rA, n, m)
		d := e.target(in.Rd)
		e.a.LogicImm(a64.AND, w64, d, rA, 1)
		e.put(in.Rd, d)
		return true
	}
}

func bitExtractImm(e *emitter, in *inst) bool {
	s := e.source(in.Rs1, rA)
	d := e.target(in.Rd)
	e.a.Field(false, w64, d, s, uint8(in.Imm), 1)
	e.put(in.Rd, d)
	return true
}

// zeroIf makes rd = rs1, or 0 if rs2 compares so with 0.
func zeroIf(c a64.Cond) template {
	return func(e *emitter, in *inst) bool {
		n, m := e.sources(in)
		e.a.Alu(a64.SUBS, w64, a64.ZR, a64.ZR, m)
		d := e.target(in.Rd)
		e.a.Select(a64.CSEL, w64, d, a64.ZR, n, c)
		e.put(in.Rd, d)
		return true
	}
}

// multiplyHigh32 makes the upper half of a product of RV32, whose operands are
// sign-extended.
func multiplyHigh32(op a64.Product) template {
	return func(e *emitter, in *inst) bool {
		n, m := e.sources(in)
		if op == a64.MUL { // the second factor is unsigned
			e.a.Mov(w32, rB, m)
			m = rB
		}
		e.a.Product(op, w64, rA, n, m)
		d := e.target(in.Rd)
		e.a.ShiftImm(a64.ASR, w64, d, rA, 32)
		e.put(in.Rd, d)
		return true
	}
}

func integerTemplates() map[isa.Op]template {
	return map[isa.Op]template{
		isa.OpLui: loadUpper, isa.OpAuipc: addUpper, isa.OpAuipc32: addUpper, isa.OpFence: nothing, isa.OpFenceI: nothing,
		isa.OpAddi: addImm, isa.OpAddiw: addImmW,
		isa.OpXori: binaryImm(a64.EOR), isa.OpOri: binaryImm(a64.ORR), isa.OpAndi: binaryImm(a64.AND),
		isa.OpSlti: lessImm(a64.LT), isa.OpSltiu: lessImm(a64.LO), isa.OpSlt: less(a64.LT), isa.OpSltu: less(a64.LO),
		isa.OpAdd: binary(a64.ADD, w64), isa.OpSub: binary(a64.SUB, w64), isa.OpXor: binary(a64.EOR, w64),
		isa.OpOr: binary(a64.ORR, w64), isa.OpAnd: binary(a64.AND, w64), isa.OpAddw: binary(a64.ADD, w32), isa.OpSubw: binary(a64.SUB, w32),
		isa.OpSlli: shiftImm(a64.LSL, w64), isa.OpSrli: shiftImm(a64.LSR, w64), isa.OpSrai: shiftImm(a64.ASR, w64),
		isa.OpSlliw: shiftImm(a64.LSL, w32), isa.OpSrliw: shiftImm(a64.LSR, w32), isa.OpSraiw: shiftImm(a64.ASR, w32),
		isa.OpSll: shift(a64.LSL, w64), isa.OpSrl: shift(a64.LSR, w64), isa.OpSra: shift(a64.ASR, w64),
		isa.OpSllw: shift(a64.LSL, w32), isa.OpSrlw: shift(a64.LSR, w32), isa.OpSraw: shift(a64.ASR, w32),
		isa.OpMul: product(a64.MUL, w64), isa.OpMulw: product(a64.MUL, w32),
		isa.OpMulh: product(a64.SMULH, w64), isa.OpMulhu: product(a64.UMULH, w64), isa.OpMulhsu: multiplyHighMixed,
		isa.OpDiv: divide(a64.SDIV, w64), isa.OpDivu: divide(a64.UDIV, w64), isa.OpRem: remainder(a64.SDIV, w64), isa.OpRemu: remainder(a64.UDIV, w64),
		isa.OpDivw: divide(a64.SDIV, w32), isa.OpDivuw: divide(a64.UDIV, w32), isa.OpRemw: remainder(a64.SDIV, w32), isa.OpRemuw: remainder(a64.UDIV, w32),
		isa.OpAddUw: addScaled(0, true, false), isa.OpSh1add: addScaled(1, false, false), isa.OpSh2add: addScaled(2, false, false), isa.OpSh3add: addScaled(3, false, false),
		isa.OpSh1addUw: addScaled(1, true, false), isa.OpSh2addUw: addScaled(2, true, false), isa.OpSh3addUw: addScaled(3, true, false),
		isa.OpSh1add32: addScaled(1, false, true), isa.OpSh2add32: addScaled(2, false, true), isa.OpSh3add32: addScaled(3, false, true),
		isa.OpSlliUw: shiftLow, isa.OpAndn: binary(a64.BIC, w64), isa.OpOrn: binary(a64.ORN, w64), isa.OpXnor: binary(a64.EON, w64),
		isa.OpClz: countBits(false, w64), isa.OpClzw: countBits(false, w32), isa.OpCtz: countBits(true, w64), isa.OpCtzw: countBits(true, w32),
		isa.OpCpop: population(w64), isa.OpCpopw: population(w32),
		isa.OpMin: selectBy(a64.LT), isa.OpMinu: selectBy(a64.LO), isa.OpMax: selectBy(a64.GT), isa.OpMaxu: selectBy(a64.HI),
		isa.OpSextB: extend(true, 8), isa.OpSextH: extend(true, 16), isa.OpZextH: extend(false, 16),
		isa.OpRol: rotateLeft(w64), isa.OpRolw: rotateLeft(w32), isa.OpRor: shift(a64.ROR, w64), isa.OpRorw: shift(a64.ROR, w32),
		isa.OpRori: shiftImm(a64.ROR, w64), isa.OpRoriw: shiftImm(a64.ROR, w32),
		isa.OpOrcB: orCombine, isa.OpRev8: reverse(false), isa.OpRev832: reverse(true),
		isa.OpClmul: carryless(0), isa.OpClmulh: carryless(1), isa.OpClmulr: carryless(2),
		isa.OpBclr: bit(a64.BIC, false, w64), isa.OpBclri: bit(a64.BIC, true, w64), isa.OpBext: bitExtract(w64), isa.OpBexti: bitExtractImm,
		isa.OpBinv: bit(a64.EOR, false, w64), isa.OpBinvi: bit(a64.EOR, true, w64), isa.OpBset: bit(a64.ORR, false, w64), isa.OpBseti: bit(a64.ORR, true, w64),
		isa.OpBclr32: bit(a64.BIC, false, w32), isa.OpBclri32: bit(a64.BIC, true, w32), isa.OpBext32: bitExtract(w32),
		isa.OpBinv32: bit(a64.EOR, false, w32), isa.OpBinvi32: bit(a64.EOR, true, w32), isa.OpBset32: bit(a64.ORR, false, w32), isa.OpBseti32: bit(a64.ORR, true, w32),
		isa.OpCzeroEqz: zeroIf(a64.EQ), isa.OpCzeroNez: zeroIf(a64.NE),
		isa.OpMulh32: multiplyHigh32(a64.SMULL), isa.OpMulhu32: multiplyHigh32(a64.UMULL), isa.OpMulhsu32: multiplyHigh32(a64.MUL),
	}
}
