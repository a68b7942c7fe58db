//go:build linux

package jit

import (
	"fishplate/riscv/a64"
	"fishplate/riscv/isa"
)

// branchIf jumps to pc + imm when the comparison of rs1 with rs2 gives c.
func branchIf(c a64.Cond) template {
	return func(e *emitter, in *inst) bool {
		a, b := in.Rs1, in.Rs2
		// Comparing with zero for equality is part of a jump; no flags are needed.
		equality := c == a64.EQ || c == a64.NE
		if equality && a == 0 {
			a, b = b, a
		}
		var at int
		if equality && b == 0 {
			at = e.a.Bzero(c == a64.EQ, w64, e.source(a, rA))
		} else {
			e.compare(a, b)
			at = e.a.Jcc(c)
		}
		e.leadTo(at, in.pc+uint64(in.Imm))
		e.goOn(in.next())
		return true
	}
}

// jumpAndLink is jal.
func jumpAndLink(e *emitter, in *inst) bool {
	to := in.pc + uint64(in.Imm)
	if e.c.narrow {
		to = uint64(uint32(to))
	}
	if in.Rd == 0 {
		e.goOn(to)
		return true
	}
	e.constant(in.Rd, int64(in.next()), rA)
	// The callee's region has its own use of the local places.
	e.storeLocals()
	here := e.pushReturn(in)
	// What is translated already is called directly, with a call that the host's
	// prediction of returns sees; anything else by a slot, until it is.
	if p := e.c.place(to); p != nil && p.Load() > soloEntry {
		e.a.Patch(e.a.Call(), int(p.Load()))
	} else {
		e.loadSlot(e.slotFor(to))
		e.a.Blr(rB)
	}
	e.returned(here, in)
	return true
}

// pushReturn notes where the call that follows returns to, for the guest and for
// the host, on the stack of calls. When that is full it begins anew: the returns
// that it forgets will have to look their target up. What it returns is for
// returned. rA and rB are left alone.
func (e *emitter) pushReturn(in *inst) (here int) {
	a := &e.a
	e.hart(a64.LDR, rC, nFloor)
	a.Alu(a64.SUBS, w64, a64.ZR, rCalls, rC)
	full := a.Jcc(a64.LS)
	back := a.Len()
	e.stubs = append(e.stubs, stub{from: []int{full}, then: func() {
		e.hart(a64.LDR, rCalls, nTop)
		a.JmpTo(back)
	}})
	// The guest's return address has just been put into rd.
	link := e.host[in.Rd]
	if link == none {
		link = rC
		a.MovImm(link, int64(in.next()))
	}
	here = a.Adr(a64.LR)
	a.Pair(a64.PUSH, a64.LR, link, rCalls, -16)
	return here
}

// returned is where a callee comes back to.
func (e *emitter) returned(here int, in *inst) {
	e.a.Patch(here, e.a.Len())
	e.loadLocals()
	e.near, e.boxed, e.cached = 0, 0, 0
	e.goOn(in.next())
}

// jumpRegister is jalr: a call, a return, or a jump by a table.
func jumpRegister(e *emitter, in *inst) bool {
	a := &e.a
	w := !e.c.narrow
	// First the target, since rd may be rs1. On RV32 it has 32 bits and zeroes.
	switch from := e.source(in.Rs1, rA); {
	case in.Rs1 == 0:
		to := uint64(in.Imm)
		if e.c.narrow {
			to = uint64(uint32(to))
		}
		a.MovImm(rA, int64(to))
	case in.Imm != 0:
		e.addImmTo(w, rA, from, in.Imm)
	case from != rA || !w:
		a.Mov(w, rA, from)
	}
	if in.Rd == 0 && in.Imm == 0 && (in.Rs1 == 1 || in.Rs1 == 5) {
		// A return goes where its call said if the guest means the same address.
		// The entry stays on the stack otherwise: it may be for a later return.
		e.storeLocals()
		a.Pair(a64.LDP, a64.LR, rB, rCalls, 0)
		a.Alu(a64.SUBS, w64, a64.ZR, rB, rA)
		miss := a.Jcc(a64.NE)
		e.stubs = append(e.stubs, stub{from: []int{miss}, then: func() { a.JmpTo(e.indirectOff) }})
		a.AluImm(a64.ADD, w64, rCalls, rCalls, 16)
		a.Ret()
		return true
	}
	a.LogicImm(a64.AND, w64, rA, rA, ^uint64(1))
	e.lookupHere()
	if in.Rd == 0 {
		e.storeLocals()
		a.Br(rB)
		return true
	}
	e.constant(in.Rd, int64(in.next()), rC)
	e.storeLocals()
	here := e.pushReturn(in)
	a.Blr(rB)
	e.returned(here, in)
	return true
}

// raised loads rA with the exception flags of this run, in RISC-V's order.
func (e *emitter) raised() {
	a := &e.a
	a.GetSystem(rA, a64.FPSR)
	e.hart(a64.LDR, rB, nUnder)
	a.Alu(a64.ORR, w32, rA, rA, rB)
	// The five flags have the opposite order, and the lowest place.
	a.Unary(a64.RBIT, w32, rA, rA)
	a.ShiftImm(a64.LSR, w32, rA, rA, 27)
}

// readFlags is csrrs rd, fflags, x0: what was raised earlier is in the CSR, what
// this run of generated code raised in the host's status word.
func readFlags(e *emitter, in *inst) bool {
	if in.kind != falls {
		return false
	}
	e.raised()
	e.hart(a64.LDRB, rB, hartFCSR)
	e.a.Alu(a64.ORR, w32, rA, rA, rB)
	d := e.target(in.Rd)
	e.a.LogicImm(a64.AND, w64, d, rA, 31)
	e.put(in.Rd, d)
	return true
}

// writeFlags is csrrw x0, fflags, rs1 or its immediate form.
func writeFlags(e *emitter, in *inst) bool {
	if in.kind != falls {
		return false
	}
	if in.Op == isa.OpCsrrw {
		e.storeFlags(e.source(in.Rs1, rB))
	} else {
		e.a.MovImm(rB, int64(in.Rs1))
		e.storeFlags(rB)
	}
	return true
}

// storeFlags makes the low bits of n, which is not rA, the exception flags.
func (e *emitter) storeFlags(n a64.Reg) {
	a := &e.a
	a.LogicImm(a64.AND, w32, rB, n, 31)
	e.hart(a64.LDRB, rA, hartFCSR)
	a.LogicImm(a64.AND, w32, rA, rA, 0xe0)
	a.Alu(a64.ORR, w32, rA, rA, rB)
	e.hart(a64.STRB, rA, hartFCSR)
	e.clearFlags()
}

func flowTemplates() map[isa.Op]template {
	return map[isa.Op]template{
		isa.OpBeq: branchIf(a64.EQ), isa.OpBne: branchIf(a64.NE), isa.OpBlt: branchIf(a64.LT), isa.OpBge: branchIf(a64.GE),
		isa.OpBltu: branchIf(a64.LO), isa.OpBgeu: branchIf(a64.HS),
		isa.OpCsrrs: readFlags, isa.OpCsrrw: writeFlags, isa.OpCsrrwi: writeFlags,
		isa.OpJal: jumpAndLink, isa.OpJal32: jumpAndLink, isa.OpJalr: jumpRegister, isa.OpJalr32: jumpRegister,
	}
}
