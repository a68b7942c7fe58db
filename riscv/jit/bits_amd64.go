//go:build linux

package jit

import "fishplate/riscv/x64"

// Address arithmetic and bit manipulation: Zba, Zbb, Zbc, Zbs, Zicond.

// addScaled makes rd = rs2 + rs1 << n; low takes only the low half of rs1, and
// narrow makes the result one of RV32.
func addScaled(n uint8, low, narrow bool) template {
	return func(e *emitter, in *inst) bool {
		var index x64.Reg
		if low {
			e.load(w32, x64.RAX, in.Rs1)
			index = x64.RAX
		} else {
			index = e.source(w64, in.Rs1, x64.RAX)
		}
		base := e.source(w64, in.Rs2, x64.RCX)
		d := e.target(in.Rd)
		if narrow {
			d = x64.RAX
		}
		// An address computation scales and adds at once, into a third register.
		e.a.Lea(!narrow, d, x64.Indexed(base, index, 1<<n, 0))
		if narrow {
			e.putSigned(in.Rd, d)
		} else {
			e.put(in.Rd, d)
		}
		return true
	}
}

// shiftLow is slli.uw.
func shiftLow(e *emitter, in *inst) bool {
	e.load(w32, x64.RAX, in.Rs1)
	if in.Imm != 0 {
		e.a.ShiftImm(x64.SHL, w64, x64.RAX, uint8(in.Imm))
	}
	e.put(in.Rd, x64.RAX)
	return true
}

// withNot makes rd = rs1 op not rs2, or not (rs1 xor rs2).
func withNot(op x64.Alu) template {
	return func(e *emitter, in *inst) bool {
		if op == x64.AND {
			d := e.target(in.Rd)
			e.a.Andn(w64, d, e.source(w64, in.Rs2, x64.RAX), e.source(w64, in.Rs1, x64.RCX))
			e.put(in.Rd, d)
			return true
		}
		e.load(w64, x64.RAX, in.Rs2)
		if op != x64.XOR {
			e.a.Unary(x64.NOT, w64, x64.RAX)
		}
		if in.Rs1 != 0 {
			e.alu(op, w64, x64.RAX, in.Rs1)
		}
		if op == x64.XOR {
			e.a.Unary(x64.NOT, w64, x64.RAX)
		}
		e.put(in.Rd, x64.RAX)
		return true
	}
}

func countBits(op x64.Count, w bool) template {
	return func(e *emitter, in *inst) bool {
		d := e.target(in.Rd)
		e.a.Count(op, w, d, e.source(w, in.Rs1, x64.RAX))
		e.put(in.Rd, d)
		return true
	}
}

// selectBy makes rd one of rs1 and rs2: rs2 if rs1 compares as worse.
func selectBy(worse x64.Cond) template {
	return func(e *emitter, in *inst) bool {
		b := e.source(w64, in.Rs2, x64.RCX)
		e.load(w64, x64.RAX, in.Rs1)
		e.a.Alu(x64.CMP, w64, x64.RAX, b)
		e.a.Cmov(worse, w64, x64.RAX, b)
		e.put(in.Rd, x64.RAX)
		return true
	}
}

func extend(x x64.Extend) template {
	return func(e *emitter, in *inst) bool {
		d := e.target(in.Rd)
		e.a.MovExtend(x, d, e.source(w64, in.Rs1, x64.RAX))
		e.put(in.Rd, d)
		return true
	}
}

// reverse is rev8; narrow that of RV32.
func reverse(narrow bool) template {
	return func(e *emitter, in *inst) bool {
		e.load(!narrow, x64.RAX, in.Rs1)
		e.a.Bswap(!narrow, x64.RAX)
		if narrow {
			e.putSigned(in.Rd, x64.RAX)
		} else {
			e.put(in.Rd, x64.RAX)
		}
		return true
	}
}

// orCombine is orc.b: each byte becomes all ones unless it is 0.
func orCombine(e *emitter, in *inst) bool {
	e.a.XFromReg(w64, x0, e.source(w64, in.Rs1, x64.RAX))
	e.a.Vec(x64.XorP, x1, x1, x1)
	e.a.Vec(x64.CmpEqB, x0, x0, x1)
	e.a.RegFromX(w64, x64.RAX, x0)
	e.a.Unary(x64.NOT, w64, x64.RAX)
	e.put(in.Rd, x64.RAX)
	return true
}

// carryless is clmul and its relatives: bits 63..0, 127..64 or 126..63.
func carryless(part uint8) template {
	return func(e *emitter, in *inst) bool {
		e.a.XFromReg(w64, x0, e.source(w64, in.Rs1, x64.RAX))
		e.a.XFromReg(w64, x1, e.source(w64, in.Rs2, x64.RAX))
		e.a.VecImm(x64.Pclmul, x0, x0, x1, 0)
		if part == 0 {
			e.a.RegFromX(w64, x64.RAX, x0)
			e.put(in.Rd, x64.RAX)
			return true
		}
		e.a.HighFromX(x64.RCX, x0)
		if part == 2 {
			// One bit further down: the highest of the lower half moves in.
			e.a.RegFromX(w64, x64.RAX, x0)
			e.a.ShiftImm(x64.SHR, w64, x64.RAX, 63)
			e.a.Lea(w64, x64.RCX, x64.Indexed(x64.RAX, x64.RCX, 2, 0))
		}
		e.put(in.Rd, x64.RCX)
		return true
	}
}

// bit makes rd = rs1 with one bit changed, or (BT) that bit; w32 is for RV32.
func bit(op x64.Bit, imm, w bool) template {
	return func(e *emitter, in *inst) bool {
		e.load(w, x64.RAX, in.Rs1)
		if imm {
			e.a.BitImm(op, w, x64.RAX, uint8(in.Imm))
		} else {
			e.a.BitReg(op, w, x64.RAX, e.source(w64, in.Rs2, x64.RCX))
		}
		switch {
		case op == x64.BT:
			e.putFlag(in.Rd, x64.B)
		case w:
			e.put(in.Rd, x64.RAX)
		default:
			e.putSigned(in.Rd, x64.RAX)
		}
		return true
	}
}

// zeroIf makes rd = rs1, or 0 if rs2 compares so with 0.
func zeroIf(c x64.Cond) template {
	return func(e *emitter, in *inst) bool {
		// Before the comparison, since clearing changes the flags.
		e.a.Alu(x64.XOR, w32, x64.RCX, x64.RCX)
		if in.Rs1 == 0 {
			e.constant(in.Rd, 0)
			return true
		}
		e.load(w64, x64.RAX, in.Rs1)
		e.compare(in.Rs2, 0)
		e.a.Cmov(c, w64, x64.RAX, x64.RCX)
		e.put(in.Rd, x64.RAX)
		return true
	}
}
