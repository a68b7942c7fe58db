//go:build linux

package jit

import (
	"fishplate/riscv/a64"
	"fishplate/riscv/interp"
	"fishplate/riscv/isa"
)

// Atomics. There is one hart, so plain loads and stores are atomic; what is
// misaligned, or not storable yet, goes to the interpreter.

// hartReserved is where the reservation lies, from rHart.
const hartReserved = int(interp.ReservedOffset) - 16*8

// aligned checks the address in rs1 for an atomic of size bytes that stores, and
// leaves its host address in rC.
func (e *emitter) aligned(in *inst, size int, stores bool) {
	p := e.operand(in.Rs1, 0)
	if p.base != rC {
		e.a.Alu(a64.ADD, w64, rC, p.base, p.index)
		e.cached = in.Rs1
	}
	// The host address is aligned as the guest's is: guest memory begins at a page.
	e.a.LogicImm(a64.ANDS, w64, a64.ZR, rC, uint64(size-1))
	e.restIf(a64.NE)
	if stores {
		e.checkPage(in.Rs1, 0)
	}
}

// loadsOf and storesOf are the accesses of an atomic, by its size.
var (
	loadsOf  = map[int]a64.Access{4: a64.LDRSW, 8: a64.LDR}
	storesOf = map[int]a64.Access{4: a64.STRW, 8: a64.STR}
)

// modify makes rd = memory, and memory = change of it and rs2: change has the old
// value in rA and the operand in m, and leaves the new value in rB.
func modify(size int, change func(e *emitter, w bool, m a64.Reg)) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		e.aligned(in, size, true)
		e.a.Access(loadsOf[size], rA, rC, 0)
		change(e, size == 8, e.source(in.Rs2, rB))
		e.a.Access(storesOf[size], rB, rC, 0)
		e.put(in.Rd, rA)
		return true
	}
}

func combine(op a64.Alu) func(*emitter, bool, a64.Reg) {
	return func(e *emitter, w bool, m a64.Reg) { e.a.Alu(op, w, rB, rA, m) }
}

func exchange(e *emitter, _ bool, m a64.Reg) {
	if m != rB {
		e.a.Mov(w64, rB, m)
	}
}

// prefer takes the old value if it compares so with the operand.
func prefer(better a64.Cond) func(*emitter, bool, a64.Reg) {
	return func(e *emitter, w bool, m a64.Reg) {
		e.a.Alu(a64.SUBS, w, a64.ZR, rA, m)
		e.a.Select(a64.CSEL, w, rB, rA, m, better)
	}
}

func loadReserved(size int) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		e.aligned(in, size, false)
		e.a.Alu(a64.SUB, w64, rA, rC, rBase)
		e.hart(a64.STR, rA, hartReserved)
		e.a.Access(loadsOf[size], rA, rC, 0)
		e.put(in.Rd, rA)
		return true
	}
}

// storeConditional makes rd = 0 and stores if the address is reserved, or rd = 1.
func storeConditional(size int) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		e.aligned(in, size, true)
		e.a.Alu(a64.SUB, w64, rA, rC, rBase)
		e.hart(a64.LDR, rB, hartReserved)
		e.a.Alu(a64.SUBS, w64, a64.ZR, rA, rB)
		lost := e.a.Jcc(a64.NE)
		e.a.Access(storesOf[size], e.source(in.Rs2, rB), rC, 0)
		e.a.Patch(lost, e.a.Len())
		e.hart(a64.STR, a64.ZR, hartReserved) // flags stay
		e.putFlag(in.Rd, a64.NE)
		return true
	}
}

func atomicTemplates() map[isa.Op]template {
	t := make(map[isa.Op]template)
	for op, change := range map[isa.Op]func(*emitter, bool, a64.Reg){
		isa.OpAmoswapW: exchange, isa.OpAmoaddW: combine(a64.ADD), isa.OpAmoxorW: combine(a64.EOR), isa.OpAmoandW: combine(a64.AND),
		isa.OpAmoorW: combine(a64.ORR), isa.OpAmominW: prefer(a64.LT), isa.OpAmomaxW: prefer(a64.GT), isa.OpAmominuW: prefer(a64.LO), isa.OpAmomaxuW: prefer(a64.HI),
	} {
		t[op] = modify(4, change)
		t[op+isa.OpAmoswapW32-isa.OpAmoswapW] = modify(4, change)
		t[op+isa.OpAmoswapD-isa.OpAmoswapW] = modify(8, change)
	}
	t[isa.OpLrW], t[isa.OpLrW32], t[isa.OpLrD] = loadReserved(4), loadReserved(4), loadReserved(8)
	t[isa.OpScW], t[isa.OpScW32], t[isa.OpScD] = storeConditional(4), storeConditional(4), storeConditional(8)
	return t
}
