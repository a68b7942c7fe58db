//go:build linux

package jit

import (
	"fishplate/riscv/isa"
	"fishplate/riscv/x64"
)

// width of an operation, for the encoder.
const (
	w64 = true
	w32 = false
)

// source returns the register that holds guest register r, loading it into
// scratch if it lives in memory.
func (e *emitter) source(w bool, r uint8, scratch x64.Reg) x64.Reg {
	if h := e.host[r]; h != none {
		return h
	}
	e.load(w, scratch, r)
	return scratch
}

// load copies guest register r into dst; of a register that is there already
// nothing is cleared.
func (e *emitter) load(w bool, dst x64.Reg, r uint8) {
	switch h := e.host[r]; {
	case r == 0:
		e.a.Alu(x64.XOR, w32, dst, dst)
	case h == none:
		e.a.Load(w, dst, home(r))
	case h != dst:
		e.a.Mov(w, dst, h)
	}
}

// alu writes op dst, r.
func (e *emitter) alu(op x64.Alu, w bool, dst x64.Reg, r uint8) {
	if h := e.host[r]; h != none {
		e.a.Alu(op, w, dst, h)
		return
	}
	e.a.AluLoad(op, w, dst, home(r))
}

// target returns where to compute guest register r: its own place, or RAX.
func (e *emitter) target(r uint8) x64.Reg {
	if h := e.host[r]; h != none {
		return h
	}
	return x64.RAX
}

// put ends an instruction that computed r in reg.
func (e *emitter) put(r uint8, reg x64.Reg) {
	e.changed(r)
	switch h := e.host[r]; {
	case r == 0:
	case h == none:
		e.a.Store(8, home(r), reg)
	case h != reg:
		e.a.Mov(w64, h, reg)
	}
}

// putSigned is put of the low 32 bits of reg, sign-extended.
func (e *emitter) putSigned(r uint8, reg x64.Reg) {
	e.changed(r)
	if h := e.host[r]; h != none {
		e.a.MovExtend(x64.Sign32, h, reg)
		return
	}
	if r != 0 {
		e.a.MovExtend(x64.Sign32, reg, reg)
		e.a.Store(8, home(r), reg)
	}
}

// putFlag ends an instruction whose result is a condition.
func (e *emitter) putFlag(r uint8, c x64.Cond) {
	// By way of RAX: a byte register is all that can be set, and clearing the rest of
	// r beforehand would change the flags.
	e.a.Set(c, x64.RAX)
	d := e.target(r)
	e.a.MovExtend(x64.Zero8, d, x64.RAX)
	e.put(r, d)
}

// changed forgets what was known about r.
func (e *emitter) changed(r uint8) {
	e.near &^= 1 << r
	if r == e.inRCX {
		e.inRCX = 0
	}
}

// move copies rs to rd, with what is known about it.
func (e *emitter) move(rd, rs uint8) {
	known, shift := e.near>>rs&1, e.shift[rs]
	if h := e.host[rs]; h != none {
		e.put(rd, h)
	} else {
		d := e.target(rd)
		e.load(w64, d, rs)
		e.put(rd, d)
	}
	if rd != 0 {
		e.near |= known << rd
		e.shift[rd] = shift
	}
}

// constant loads r with v.
func (e *emitter) constant(r uint8, v int64) {
	e.changed(r)
	switch h := e.host[r]; {
	case r == 0:
	case h != none && v == 0:
		e.a.Alu(x64.XOR, w32, h, h)
	case h != none:
		e.a.MovImm(h, v)
	case v == int64(int32(v)):
		e.a.StoreImm(8, home(r), int32(v))
	default:
		e.a.MovImm(x64.RAX, v)
		e.a.Store(8, home(r), x64.RAX)
	}
}

// compare sets the flags for a minus b.
func (e *emitter) compare(a, b uint8) {
	ha, hb := e.host[a], e.host[b]
	switch {
	case b == 0 && ha != none:
		e.a.Test(w64, ha, ha)
	case b == 0:
		e.a.AluMemImm(x64.CMP, w64, home(a), 0)
	case ha != none:
		e.alu(x64.CMP, w64, ha, b)
	case hb != none:
		e.a.AluStore(x64.CMP, w64, home(a), hb)
	default:
		e.load(w64, x64.RAX, a)
		e.alu(x64.CMP, w64, x64.RAX, b)
	}
}

// compareImm sets the flags for a minus imm.
func (e *emitter) compareImm(a uint8, imm int32) {
	if h := e.host[a]; h != none {
		e.a.AluImm(x64.CMP, w64, h, imm)
		return
	}
	e.a.AluMemImm(x64.CMP, w64, home(a), imm)
}

// binary makes rd = rs1 op rs2.
func binary(op x64.Alu, w bool) template {
	return func(e *emitter, in *inst) bool {
		a, b := in.Rs1, in.Rs2
		if a == 0 && w && (op == x64.ADD || op == x64.OR || op == x64.XOR) {
			a, b = b, a
		}
		if b == 0 && w && op != x64.AND {
			e.move(in.Rd, a)
			return true
		}
		d := e.target(in.Rd)
		ha, hb := e.host[a], e.host[b]
		if w && op == x64.ADD && ha != none && hb != none && d != ha && d != hb {
			e.a.Lea(w64, d, x64.Indexed(ha, hb, 1, 0))
			e.put(in.Rd, d)
			return true
		}
		if !w && op == x64.ADD && ha != none && hb != none {
			e.a.Lea(w32, x64.RAX, x64.Indexed(ha, hb, 1, 0))
			e.putSigned(in.Rd, x64.RAX)
			return true
		}
		if w && op == x64.SUB && d == hb && d != ha { // a - d is -d + a
			e.a.Unary(x64.NEG, w64, d)
			if a != 0 {
				e.alu(x64.ADD, w64, d, a)
			}
			e.put(in.Rd, d)
			return true
		}
		if !w && d != ha {
			d = x64.RAX
		}
		if d == hb && op != x64.SUB {
			a, b, hb = b, a, ha
		}
		if d == hb {
			d = x64.RAX // it would be overwritten before it is used
		}
		e.load(w, d, a)
		if b != 0 {
			e.alu(op, w, d, b)
		} else if op == x64.AND {
			e.a.Alu(x64.XOR, w32, d, d)
		}
		if w {
			e.put(in.Rd, d)
		} else {
			e.putSigned(in.Rd, d)
		}
		return true
	}
}

// binaryImm makes rd = rs1 op imm.
func binaryImm(op x64.Alu) template {
	return func(e *emitter, in *inst) bool {
		d := e.target(in.Rd)
		if e.host[in.Rd] == none && in.Rd == in.Rs1 {
			e.changed(in.Rd)
			e.a.AluMemImm(op, w64, home(in.Rd), int32(in.Imm))
			return true
		}
		e.load(w64, d, in.Rs1)
		if op == x64.XOR && in.Imm == -1 {
			e.a.Unary(x64.NOT, w64, d)
		} else {
			e.a.AluImm(op, w64, d, int32(in.Imm))
		}
		e.put(in.Rd, d)
		return true
	}
}

// addImm is addi, with what is known about the register.
func addImm(e *emitter, in *inst) bool {
	known := e.near>>in.Rs1&1 != 0
	shift := e.shift[in.Rs1] + int32(in.Imm)
	switch h, hs := e.host[in.Rd], e.host[in.Rs1]; {
	case in.Rs1 == 0:
		e.constant(in.Rd, in.Imm)
	case in.Rd == in.Rs1 && in.Imm == 0:
		return true
	case in.Rd == in.Rs1 && h != none:
		e.a.AluImm(x64.ADD, w64, h, int32(in.Imm))
	case in.Rd == in.Rs1:
		e.a.AluMemImm(x64.ADD, w64, home(in.Rd), int32(in.Imm))
	case hs != none && in.Imm != 0:
		d := e.target(in.Rd)
		e.a.Lea(w64, d, x64.At(hs, int32(in.Imm)))
		e.put(in.Rd, d)
	case hs != none:
		e.put(in.Rd, hs)
	default:
		d := e.target(in.Rd)
		e.load(w64, d, in.Rs1)
		if in.Imm != 0 {
			e.a.AluImm(x64.ADD, w64, d, int32(in.Imm))
		}
		e.put(in.Rd, d)
	}
	e.changed(in.Rd)
	if known && shift > -reach && shift < reach {
		e.near |= 1 << in.Rd
		e.shift[in.Rd] = shift
	}
	return true
}

// addImmW is addiw, of which sext.w is the most frequent.
func addImmW(e *emitter, in *inst) bool {
	hs := e.host[in.Rs1]
	switch {
	case in.Rs1 == 0:
		e.constant(in.Rd, int64(int32(in.Imm)))
		return true
	case in.Imm == 0 && hs != none:
		if in.Rd != 0 && e.host[in.Rd] == none {
			e.a.MovExtend(x64.Sign32, x64.RAX, hs)
			e.put(in.Rd, x64.RAX)
			return true
		}
		e.putSigned(in.Rd, hs)
		return true
	case in.Imm == 0:
		d := e.target(in.Rd)
		e.a.LoadExtend(x64.Sign32, d, home(in.Rs1))
		e.put(in.Rd, d)
		return true
	case hs != none:
		e.a.Lea(w32, x64.RAX, x64.At(hs, int32(in.Imm)))
	default:
		e.load(w32, x64.RAX, in.Rs1)
		e.a.AluImm(x64.ADD, w32, x64.RAX, int32(in.Imm))
	}
	e.putSigned(in.Rd, x64.RAX)
	return true
}

// shiftImm makes rd = rs1 shifted by imm, on 64 or 32 bits.
func shiftImm(op x64.Shift, w bool) template {
	return func(e *emitter, in *inst) bool {
		d := e.target(in.Rd)
		n := uint8(in.Imm)
		plain := w || op == x64.SHR && n != 0 // the result has no sign to extend
		h := e.host[in.Rs1]
		if !plain && d != h {
			d = x64.RAX
		}
		switch {
		case op == x64.SHL && n >= 1 && n <= 3 && h != none && h != d:
			if n == 1 {
				e.a.Lea(w, d, x64.Indexed(h, h, 1, 0))
			} else {
				e.a.LeaIndex(w, d, h, 1<<n, 0)
			}
		case op == x64.ROR && h != none:
			e.a.Rorx(w, d, h, n)
		default:
			e.load(w, d, in.Rs1)
			if n != 0 {
				e.a.ShiftImm(op, w, d, n)
			}
		}
		if plain {
			e.put(in.Rd, d)
		} else {
			e.putSigned(in.Rd, d)
		}
		return true
	}
}

// shift makes rd = rs1 shifted by rs2.
func shift(op x64.Shift, w bool) template {
	return func(e *emitter, in *inst) bool {
		d := e.target(in.Rd)
		if !w {
			d = x64.RAX
		}
		// The forms that leave the flags alone take their count from any register and
		// modulo the width, as RISC-V does.
		n := e.source(w, in.Rs2, x64.RCX)
		e.a.Shiftx(op, w, d, e.source(w, in.Rs1, x64.RAX), n)
		if w {
			e.put(in.Rd, d)
		} else {
			e.putSigned(in.Rd, d)
		}
		return true
	}
}

// rotate makes rd = rs1 rotated by rs2: shifted by it and by its negative, since
// the host's own rotation by a register waits for the flags.
func rotate(op x64.Shift, w bool) template {
	back := x64.SHR
	if op == x64.SHR {
		back = x64.SHL
	}
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			e.constant(in.Rd, 0)
			return true
		}
		shift := func(op x64.Shift, d x64.Reg) {
			if h := e.host[in.Rs1]; h != none {
				e.a.Shiftx(op, w, d, h, x64.RCX)
			} else {
				e.a.ShiftxLoad(op, w, d, home(in.Rs1), x64.RCX)
			}
		}
		e.load(w, x64.RCX, in.Rs2)
		shift(op, x64.RAX)
		e.a.Unary(x64.NEG, w, x64.RCX)
		shift(back, x64.RCX)
		e.a.Alu(x64.OR, w, x64.RAX, x64.RCX)
		if w {
			e.put(in.Rd, x64.RAX)
		} else {
			e.putSigned(in.Rd, x64.RAX)
		}
		return true
	}
}

// less makes rd = rs1 < rs2.
func less(c x64.Cond) template {
	return func(e *emitter, in *inst) bool {
		// Comparing with x0 as the second operand takes no load.
		if in.Rs1 == 0 && in.Rs2 != 0 { // 0 < x
			e.compare(in.Rs2, 0)
			e.putFlag(in.Rd, map[x64.Cond]x64.Cond{x64.L: x64.G, x64.B: x64.NE}[c])
			return true
		}
		if in.Rs2 == 0 && c == x64.B {
			e.constant(in.Rd, 0)
			return true
		}
		e.compare(in.Rs1, in.Rs2)
		e.putFlag(in.Rd, c)
		return true
	}
}

// lessImm makes rd = rs1 < imm.
func lessImm(c x64.Cond) template {
	return func(e *emitter, in *inst) bool {
		e.compareImm(in.Rs1, int32(in.Imm))
		e.putFlag(in.Rd, c)
		return true
	}
}

func loadUpper(e *emitter, in *inst) bool {
	e.constant(in.Rd, in.Imm)
	return true
}

func addUpper(e *emitter, in *inst) bool {
	v := int64(in.pc) + in.Imm
	if e.c.narrow {
		v = int64(int32(v))
	}
	e.constant(in.Rd, v)
	return true
}

func nothing(*emitter, *inst) bool { return true }

func integerTemplates() map[isa.Op]template {
	return map[isa.Op]template{
		isa.OpLui: loadUpper, isa.OpAuipc: addUpper, isa.OpAuipc32: addUpper, isa.OpFence: nothing, isa.OpFenceI: nothing,
		isa.OpAddi: addImm, isa.OpAddiw: addImmW,
		isa.OpXori: binaryImm(x64.XOR), isa.OpOri: binaryImm(x64.OR), isa.OpAndi: binaryImm(x64.AND),
		isa.OpSlti: lessImm(x64.L), isa.OpSltiu: lessImm(x64.B), isa.OpSlt: less(x64.L), isa.OpSltu: less(x64.B),
		isa.OpAdd: binary(x64.ADD, w64), isa.OpSub: binary(x64.SUB, w64), isa.OpXor: binary(x64.XOR, w64),
		isa.OpOr: binary(x64.OR, w64), isa.OpAnd: binary(x64.AND, w64), isa.OpAddw: binary(x64.ADD, w32), isa.OpSubw: binary(x64.SUB, w32),
		isa.OpSlli: shiftImm(x64.SHL, w64), isa.OpSrli: shiftImm(x64.SHR, w64), isa.OpSrai: shiftImm(x64.SAR, w64),
		isa.OpSlliw: shiftImm(x64.SHL, w32), isa.OpSrliw: shiftImm(x64.SHR, w32), isa.OpSraiw: shiftImm(x64.SAR, w32),
		isa.OpSll: shift(x64.SHL, w64), isa.OpSrl: shift(x64.SHR, w64), isa.OpSra: shift(x64.SAR, w64),
		isa.OpSllw: shift(x64.SHL, w32), isa.OpSrlw: shift(x64.SHR, w32), isa.OpSraw: shift(x64.SAR, w32),
		isa.OpMul: multiply(w64), isa.OpMulw: multiply(w32),
		isa.OpMulh: multiplyHigh(x64.IMUL, false), isa.OpMulhu: multiplyHigh(x64.MUL, false), isa.OpMulhsu: multiplyHigh(x64.MUL, true),
		isa.OpDiv: divide(w64, true, false), isa.OpDivu: divide(w64, false, false), isa.OpRem: divide(w64, true, true), isa.OpRemu: divide(w64, false, true),
		isa.OpDivw: divide(w32, true, false), isa.OpDivuw: divide(w32, false, false), isa.OpRemw: divide(w32, true, true), isa.OpRemuw: divide(w32, false, true),
		isa.OpAddUw: addScaled(0, true, false), isa.OpSh1add: addScaled(1, false, false), isa.OpSh2add: addScaled(2, false, false), isa.OpSh3add: addScaled(3, false, false),
		isa.OpSh1addUw: addScaled(1, true, false), isa.OpSh2addUw: addScaled(2, true, false), isa.OpSh3addUw: addScaled(3, true, false),
		isa.OpSh1add32: addScaled(1, false, true), isa.OpSh2add32: addScaled(2, false, true), isa.OpSh3add32: addScaled(3, false, true),
		isa.OpSlliUw: shiftLow, isa.OpAndn: withNot(x64.AND), isa.OpOrn: withNot(x64.OR), isa.OpXnor: withNot(x64.XOR),
		isa.OpClz: countBits(x64.LZCNT, w64), isa.OpClzw: countBits(x64.LZCNT, w32), isa.OpCtz: countBits(x64.TZCNT, w64), isa.OpCtzw: countBits(x64.TZCNT, w32),
		isa.OpCpop: countBits(x64.POPCNT, w64), isa.OpCpopw: countBits(x64.POPCNT, w32),
		isa.OpMin: selectBy(x64.G), isa.OpMinu: selectBy(x64.A), isa.OpMax: selectBy(x64.L), isa.OpMaxu: selectBy(x64.B),
		isa.OpSextB: extend(x64.Sign8), isa.OpSextH: extend(x64.Sign16), isa.OpZextH: extend(x64.Zero16),
		isa.OpRol: rotate(x64.SHL, w64), isa.OpRolw: rotate(x64.SHL, w32), isa.OpRor: rotate(x64.SHR, w64), isa.OpRorw: rotate(x64.SHR, w32),
		isa.OpRori: shiftImm(x64.ROR, w64), isa.OpRoriw: shiftImm(x64.ROR, w32),
		isa.OpOrcB: orCombine, isa.OpRev8: reverse(false), isa.OpRev832: reverse(true),
		isa.OpClmul: carryless(0), isa.OpClmulh: carryless(1), isa.OpClmulr: carryless(2),
		isa.OpBclr: bit(x64.BTR, false, w64), isa.OpBclri: bit(x64.BTR, true, w64), isa.OpBext: bit(x64.BT, false, w64), isa.OpBexti: bit(x64.BT, true, w64),
		isa.OpBinv: bit(x64.BTC, false, w64), isa.OpBinvi: bit(x64.BTC, true, w64), isa.OpBset: bit(x64.BTS, false, w64), isa.OpBseti: bit(x64.BTS, true, w64),
		isa.OpBclr32: bit(x64.BTR, false, w32), isa.OpBclri32: bit(x64.BTR, true, w32), isa.OpBext32: bit(x64.BT, false, w32),
		isa.OpBinv32: bit(x64.BTC, false, w32), isa.OpBinvi32: bit(x64.BTC, true, w32), isa.OpBset32: bit(x64.BTS, false, w32), isa.OpBseti32: bit(x64.BTS, true, w32),
		isa.OpCzeroEqz: zeroIf(x64.E), isa.OpCzeroNez: zeroIf(x64.NE),
		isa.OpMulh32: multiplyHigh32(false, false), isa.OpMulhu32: multiplyHigh32(true, true), isa.OpMulhsu32: multiplyHigh32(false, true),
	}
}

// clobbers are the operations whose templates may change RCX; for the others a
// base register that was loaded there need not be loaded again.
var clobbers = buildClobbers()

func buildClobbers() *[isa.OpCount]bool {
	t := new([isa.OpCount]bool)
	for op := range t {
		t[op] = true
	}
	for op := range memoryTemplates() {
		t[op] = false
	}
	for _, op := range []isa.Op{isa.OpLui, isa.OpAuipc, isa.OpAddi, isa.OpAddiw, isa.OpXori, isa.OpOri, isa.OpAndi, isa.OpSlti, isa.OpSltiu,
		isa.OpSlt, isa.OpSltu, isa.OpAdd, isa.OpSub, isa.OpXor, isa.OpOr, isa.OpAnd, isa.OpAddw, isa.OpSubw, isa.OpSlli, isa.OpSrli, isa.OpSrai,
		isa.OpSlliw, isa.OpSrliw, isa.OpSraiw, isa.OpMul, isa.OpMulw, isa.OpFlw, isa.OpFld, isa.OpFsw, isa.OpFsd,
		isa.OpFaddS, isa.OpFaddD, isa.OpFsubS, isa.OpFsubD, isa.OpFmulS, isa.OpFmulD} {
		t[op] = false
	}
	return t
}
