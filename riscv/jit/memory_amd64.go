//go:build linux

package jit

import (
	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
	"fishplate/riscv/x64"
)

// Addresses. A load needs to know that its base register keeps a margin from
// both ends of the address space; its displacement is smaller than that. The
// comparison is made once for a register and holds until the register changes,
// or is moved by small constants. When it fails, the interpreter finds out
// whether the access is allowed after all.

// base returns the register with the value of rs1, checked so that imm can be
// added to it. It may be RCX; RAX is used.
func (e *emitter) base(rs1 uint8, imm int32) x64.Reg {
	b := e.host[rs1]
	switch {
	case b != none && !e.c.narrow:
	case e.inRCX == rs1:
		b = x64.RCX
	case b == none:
		b = x64.RCX
		e.a.Load(!e.c.narrow, b, home(rs1))
		e.inRCX = rs1
	default:
		e.a.Mov(w32, x64.RCX, b)
		b = x64.RCX
		e.inRCX = rs1
	}
	if e.near>>rs1&1 != 0 {
		if d := e.shift[rs1] + imm; d >= -reach && d < reach-8 {
			return b
		}
	}
	e.a.Lea(w64, x64.RAX, x64.At(b, -margin))
	e.a.AluLoad(x64.CMP, w64, x64.RAX, nLimit)
	e.restIf(x64.A)
	e.near |= 1 << rs1
	e.shift[rs1] = 0
	return b
}

// guest returns the operand for guest memory at base + imm.
func guest(base x64.Reg, imm int32) x64.Mem { return x64.Indexed(rBase, base, 1, imm) }

// load makes rd = memory; size 8 and unsigned words are plain moves.
func load(x x64.Extend, size int) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		m := guest(e.base(in.Rs1, int32(in.Imm)), int32(in.Imm))
		d := e.target(in.Rd)
		if size >= 4 {
			e.a.Load(size == 8, d, m)
		} else {
			e.a.LoadExtend(x, d, m)
		}
		e.put(in.Rd, d)
		return true
	}
}

// loadWord makes rd = the sign-extended word in memory.
func loadWord(e *emitter, in *inst) bool {
	if in.Rs1 == 0 {
		return false
	}
	m := guest(e.base(in.Rs1, int32(in.Imm)), int32(in.Imm))
	d := e.target(in.Rd)
	e.a.LoadExtend(x64.Sign32, d, m)
	e.put(in.Rd, d)
	return true
}

// attribute returns the operand for the attribute byte of the page in RAX.
func attribute() x64.Mem { return x64.Indexed(rBase, x64.RAX, 1, -memory.AttrsBelow) }

// storable returns the operand to store size bytes at, after checks. RAX is free
// afterwards.
func (e *emitter) storable(in *inst, size int) x64.Mem {
	imm := int32(in.Imm)
	b := e.base(in.Rs1, imm)
	for i := range e.groups {
		g := &e.groups[i]
		if g.from == g.to || g.rs1 != in.Rs1 || e.at < g.from || e.at > g.to || imm < g.low || imm+int32(size) > g.end {
			continue
		}
		if !g.checked {
			g.checked = true
			e.checkPage(b, g.low)
			e.checkPage(b, g.end-1)
		}
		return guest(b, imm)
	}
	a := &e.a
	again := a.Len()
	a.Lea(w64, x64.RAX, x64.At(b, imm))
	if size > 1 {
		e.checkCrossing(b, imm, size)
	}
	a.ShiftImm(x64.SHR, w64, x64.RAX, memory.PageShift)
	a.TestMem8(attribute(), memory.Fast)
	e.touch(again)
	return guest(b, imm)
}

// touch leaves if the page in RAX cannot be stored to yet, to have it made so and
// come back to the check at offset again. Only the page of the store in hand may
// be asked for: pages come into being in the order of the program.
func (e *emitter) touch(again int) {
	first := e.a.Jcc(x64.E)
	x, kept := e.here(), e.inRCX
	x.kind = exitTouch
	e.stubs = append(e.stubs, stub{from: []int{first}, then: func() {
		e.a.Store(8, nNext, x64.RAX)
		e.leaveVia(e.tail, x)
		e.exits[len(e.exits)-1].slot = int32(e.a.Len())
		e.loadLocals()
		if kept != 0 { // a base, of this store or for a later access
			e.load(!e.c.narrow, x64.RCX, kept)
		}
		e.a.JmpTo(again)
	}})
}

// checkPage leaves unless the page of base + off can be stored to.
func (e *emitter) checkPage(b x64.Reg, off int32) {
	e.a.Lea(w64, x64.RAX, x64.At(b, off))
	e.a.ShiftImm(x64.SHR, w64, x64.RAX, memory.PageShift)
	e.a.TestMem8(attribute(), memory.Fast)
	e.restIf(x64.E)
}

// checkCrossing leaves if the misaligned address in RAX is too near to the end
// of its page.
func (e *emitter) checkCrossing(b x64.Reg, imm int32, size int) {
	e.a.TestImm8(x64.RAX, uint8(size-1))
	odd := e.a.Jcc(x64.NE)
	back := e.a.Len()
	x := e.here()
	e.stubs = append(e.stubs, stub{from: []int{odd}, then: func() {
		e.a.AluImm(x64.AND, w32, x64.RAX, memory.PageSize-1)
		e.a.AluImm(x64.CMP, w32, x64.RAX, int32(memory.PageSize-size))
		e.leaveIf(x64.A, x)
		e.a.Lea(w64, x64.RAX, x64.At(b, imm))
		e.a.JmpTo(back)
	}})
}

// store writes the low size bytes of rs2.
func store(size int) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		m := e.storable(in, size)
		if in.Rs2 == 0 {
			e.a.StoreImm(size, m, 0)
			return true
		}
		e.a.Store(size, m, e.source(w64, in.Rs2, x64.RAX))
		return true
	}
}

func memoryTemplates() map[isa.Op]template {
	return map[isa.Op]template{
		isa.OpLb: load(x64.Sign8, 1), isa.OpLh: load(x64.Sign16, 2), isa.OpLw: loadWord, isa.OpLd: load(0, 8),
		isa.OpLbu: load(x64.Zero8, 1), isa.OpLhu: load(x64.Zero16, 2), isa.OpLwu: load(0, 4),
		isa.OpSb: store(1), isa.OpSh: store(2), isa.OpSw: store(4), isa.OpSd: store(8),
		isa.OpLb32: load(x64.Sign8, 1), isa.OpLh32: load(x64.Sign16, 2), isa.OpLw32: loadWord,
		isa.OpLbu32: load(x64.Zero8, 1), isa.OpLhu32: load(x64.Zero16, 2),
		isa.OpSb32: store(1), isa.OpSh32: store(2), isa.OpSw32: store(4),
	}
}
