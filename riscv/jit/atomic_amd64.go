//go:build linux

package jit

import (
	"fishplate/riscv/interp"
	"fishplate/riscv/isa"
	"fishplate/riscv/x64"
)

// Atomics. There is one hart, so plain loads and stores are atomic; what is
// misaligned, or not storable yet, goes to the interpreter.

// hartReserved is the operand of the reservation.
var hartReserved = x64.At(rHart, int32(interp.ReservedOffset)-16*8)

// aligned checks the address in rs1 for an atomic of size bytes that stores, and
// returns the operand.
func (e *emitter) aligned(in *inst, size int, stores bool) x64.Mem {
	b := e.base(in.Rs1, 0)
	e.a.TestImm8(b, uint8(size-1))
	e.restIf(x64.NE)
	if stores {
		e.checkPage(b, 0)
	}
	return guest(b, 0)
}

// loadSigned loads size bytes, a word with its sign.
func (e *emitter) loadSigned(size int, dst x64.Reg, m x64.Mem) {
	if size == 8 {
		e.a.Load(w64, dst, m)
		return
	}
	e.a.LoadExtend(x64.Sign32, dst, m)
}

// modify makes rd = memory, and memory = change of it and rs2, which is done in
// RAX.
func modify(size int, change func(e *emitter, w bool, rs2 uint8)) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		m := e.aligned(in, size, true)
		e.loadSigned(size, x64.RAX, m)
		e.a.Store(8, nSpill, x64.RAX)
		change(e, size == 8, in.Rs2)
		e.a.Store(size, m, x64.RAX)
		if in.Rd != 0 {
			e.a.Load(w64, x64.RAX, nSpill)
			e.put(in.Rd, x64.RAX)
		}
		return true
	}
}

func combine(op x64.Alu) func(*emitter, bool, uint8) {
	return func(e *emitter, w bool, rs2 uint8) { e.alu(op, w, x64.RAX, rs2) }
}

func exchange(e *emitter, w bool, rs2 uint8) { e.load(w, x64.RAX, rs2) }

// prefer keeps RAX unless rs2 is better, that is if RAX compares as worse.
func prefer(worse x64.Cond) func(*emitter, bool, uint8) {
	return func(e *emitter, w bool, rs2 uint8) {
		e.alu(x64.CMP, w, x64.RAX, rs2)
		if h := e.host[rs2]; h != none {
			e.a.Cmov(worse, w, x64.RAX, h)
		} else {
			e.a.CmovLoad(worse, w, x64.RAX, home(rs2))
		}
	}
}

func loadReserved(size int) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		m := e.aligned(in, size, false)
		e.a.Store(8, hartReserved, m.Index)
		e.loadSigned(size, x64.RAX, m)
		e.put(in.Rd, x64.RAX)
		return true
	}
}

// storeConditional makes rd = 0 and stores if the address is reserved, or rd = 1.
func storeConditional(size int) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		m := e.aligned(in, size, true)
		e.a.AluStore(x64.CMP, w64, hartReserved, m.Index)
		lost := e.a.JccShort(x64.NE)
		e.a.Store(size, m, e.source(w64, in.Rs2, x64.RAX))
		e.a.PatchShort(lost)
		// Neither the store nor these touch the flags.
		e.a.StoreImm(8, hartReserved, 0)
		e.putFlag(in.Rd, x64.NE)
		return true
	}
}

func atomicTemplates() map[isa.Op]template {
	t := make(map[isa.Op]template)
	for op, change := range map[isa.Op]func(*emitter, bool, uint8){
		isa.OpAmoswapW: exchange, isa.OpAmoaddW: combine(x64.ADD), isa.OpAmoxorW: combine(x64.XOR), isa.OpAmoandW: combine(x64.AND),
		isa.OpAmoorW: combine(x64.OR), isa.OpAmominW: prefer(x64.G), isa.OpAmomaxW: prefer(x64.L), isa.OpAmominuW: prefer(x64.A), isa.OpAmomaxuW: prefer(x64.B),
	} {
		t[op] = modify(4, change)
		t[op+isa.OpAmoswapW32-isa.OpAmoswapW] = modify(4, change)
		t[op+isa.OpAmoswapD-isa.OpAmoswapW] = modify(8, change)
	}
	t[isa.OpLrW], t[isa.OpLrW32], t[isa.OpLrD] = loadReserved(4), loadReserved(4), loadReserved(8)
	t[isa.OpScW], t[isa.OpScW32], t[isa.OpScD] = storeConditional(4), storeConditional(4), storeConditional(8)
	return t
}
