//go:build linux

package jit

import "fishplate/riscv/x64"

// multiply makes rd = low half of rs1 × rs2.
func multiply(w bool) template {
	return func(e *emitter, in *inst) bool {
		d := e.target(in.Rd)
		if in.Rd != in.Rs1 && (!w || d == e.host[in.Rs2]) {
			d = x64.RAX
		}
		e.load(w, d, in.Rs1)
		if h := e.host[in.Rs2]; h != none {
			e.a.Imul(w, d, h)
		} else {
			e.a.ImulLoad(w, d, home(in.Rs2))
		}
		if w {
			e.put(in.Rd, d)
		} else {
			e.putSigned(in.Rd, d)
		}
		return true
	}
}

// keepRDX surrounds code that needs RDX, which may hold a guest register: the
// host multiplies into and divides RDX:RAX, whatever the operands are.
func (e *emitter) keepRDX(f func()) {
	used := false
	for _, g := range e.locals {
		used = used || e.host[g] == x64.RDX
	}
	if used {
		e.a.Store(8, nSpill, x64.RDX)
	}
	f()
	if used {
		e.a.Load(w64, x64.RDX, nSpill)
	}
}

// multiplyHigh makes rd = high half of rs1 × rs2. op is MUL or IMUL; mixed
// corrects MUL for a signed rs1.
func multiplyHigh(op x64.Group3, mixed bool) template {
	return func(e *emitter, in *inst) bool {
		e.keepRDX(func() {
			e.load(w64, x64.RCX, in.Rs2)
			e.load(w64, x64.RAX, in.Rs1)
			e.a.Unary(op, w64, x64.RCX)
			e.a.Mov(w64, x64.RCX, x64.RDX)
		})
		if mixed {
			// Reading a negative rs1 as unsigned has added 2⁶⁴ times rs2.
			e.load(w64, x64.RAX, in.Rs1)
			e.a.ShiftImm(x64.SAR, w64, x64.RAX, 63)
			if in.Rs2 == 0 {
				e.a.Alu(x64.XOR, w32, x64.RAX, x64.RAX)
			} else {
				e.alu(x64.AND, w64, x64.RAX, in.Rs2)
			}
			e.a.Alu(x64.SUB, w64, x64.RCX, x64.RAX)
		}
		e.put(in.Rd, x64.RCX)
		return true
	}
}

// divide makes the quotient or the remainder. Dividing by 0 gives all ones, or
// the dividend; the lowest integer divided by -1 gives itself, or 0. The host's
// division would raise an exception for both, which no Go program survives, so
// code branches around it.
func divide(w, signed, remainder bool) template {
	return func(e *emitter, in *inst) bool {
		a := &e.a
		e.load(w, x64.RCX, in.Rs2)
		e.load(w, x64.RAX, in.Rs1)
		a.Test(w, x64.RCX, x64.RCX)
		zero := a.JccShort(x64.E)
		minus := 0
		if signed {
			a.AluImm(x64.CMP, w, x64.RCX, -1)
			minus = a.JccShort(x64.E)
		}
		e.keepRDX(func() {
			if signed {
				a.SignRAX(w)
				a.Unary(x64.IDIV, w, x64.RCX)
			} else {
				a.Alu(x64.XOR, w32, x64.RDX, x64.RDX)
				a.Unary(x64.DIV, w, x64.RCX)
			}
			if remainder {
				a.Mov(w, x64.RAX, x64.RDX)
			}
		})
		done := a.JmpShort()
		if signed {
			a.PatchShort(minus)
			if remainder {
				a.Alu(x64.XOR, w32, x64.RAX, x64.RAX)
			} else {
				a.Unary(x64.NEG, w, x64.RAX)
			}
		}
		over := 0
		if signed && !remainder {
			over = a.JmpShort()
		}
		if !remainder {
			a.PatchShort(zero)
			a.MovImm(x64.RAX, -1)
		}
		a.PatchShort(done)
		if remainder {
			a.PatchShort(zero)
		}
		if over != 0 {
			a.PatchShort(over)
		}
		if w {
			e.put(in.Rd, x64.RAX)
		} else {
			e.putSigned(in.Rd, x64.RAX)
		}
		return true
	}
}

// multiplyHigh32 makes the upper half of a product of RV32, whose operands are
// sign-extended; zero names those that are unsigned.
func multiplyHigh32(zero1, zero2 bool) template {
	return func(e *emitter, in *inst) bool {
		e.load(!zero1, x64.RAX, in.Rs1)
		e.load(!zero2, x64.RCX, in.Rs2)
		e.a.Imul(w64, x64.RAX, x64.RCX)
		e.a.ShiftImm(x64.SAR, w64, x64.RAX, 32)
		e.putSigned(in.Rd, x64.RAX)
		return true
	}
}
