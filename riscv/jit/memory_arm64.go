//go:build linux

package jit

import (
	"fishplate/riscv/a64"
	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

// Addresses. A load needs to know that its base register keeps a margin from
// both ends of the address space; its displacement is smaller than that. The
// comparison is made once for a register and holds until the register changes,
// or is moved by small constants. When it fails, the interpreter finds out
// whether the access is allowed after all.

// cell is an operand in memory: base and a displacement, or an index.
type cell struct {
	base, index a64.Reg // index none: there is only the displacement
	off         int
}

// value returns the register with the address in rs1, of 64 bits. It may be rB.
func (e *emitter) value(rs1 uint8) a64.Reg {
	v := e.host[rs1]
	switch {
	case v == none && e.c.narrow:
		e.hart(a64.LDRW, rB, home(rs1))
		return rB
	case v == none:
		e.hart(a64.LDR, rB, home(rs1))
		return rB
	case e.c.narrow:
		e.a.Mov(w32, rB, v)
		return rB
	}
	return v
}

// operand returns the operand rs1 + imm, checked. It uses rA and rB, and leaves
// the host address of rs1 in rC unless it has no further use.
func (e *emitter) operand(rs1 uint8, imm int32) cell {
	a := &e.a
	known := false
	if e.near>>rs1&1 != 0 {
		d := e.shift[rs1] + imm
		known = d >= -reach && d < reach-8
	}
	if known && e.cached == rs1 {
		return cell{rC, none, int(imm)}
	}
	v := e.value(rs1)
	if !known {
		a.AluImm(a64.SUB, w64, rA, v, margin)
		a.Alu(a64.SUBS, w64, a64.ZR, rA, rLimit)
		e.restIf(a64.HI)
		e.near |= 1 << rs1
		e.shift[rs1] = 0
	}
	switch {
	case e.cached == rs1:
	case imm == 0 && v != rB && !e.reused(rs1):
		return cell{rBase, v, 0}
	default:
		a.Alu(a64.ADD, w64, rC, rBase, v)
		e.cached = rs1
	}
	return cell{rC, none, int(imm)}
}

// reused says whether the next few instructions access memory by rs1, too, so
// that its host address is worth keeping.
func (e *emitter) reused(rs1 uint8) bool {
	rest := e.r.insts[e.block.first+e.at : e.block.first+e.block.count]
	for i := range rest[:min(len(rest), 8)] {
		in := &rest[i]
		if i > 0 && in.Rs1 == rs1 && touches(in.Op) {
			return true
		}
		if k := operandsOf(&in.Inst); k.integer&1 != 0 && in.Rd == rs1 {
			return false
		}
	}
	return false
}

// touches says whether an operation with a template is a load or a store.
func touches(op isa.Op) bool {
	switch op {
	case isa.OpLb, isa.OpLbu, isa.OpLh, isa.OpLhu, isa.OpLw, isa.OpLwu, isa.OpLd, isa.OpFlw, isa.OpFld,
		isa.OpLb32, isa.OpLbu32, isa.OpLh32, isa.OpLhu32, isa.OpLw32, isa.OpFlw32, isa.OpFld32:
		return true
	}
	return storeSize(op) != 0
}

// access loads or stores t, which is not rA.
func (e *emitter) access(x a64.Access, t a64.Reg, p cell) {
	switch {
	case p.index != none:
		e.a.AccessIndexed(x, t, p.base, p.index)
	case x.Reaches(p.off):
		e.a.Access(x, t, p.base, p.off)
	default:
		e.a.MovImm(rA, int64(p.off))
		e.a.AccessIndexed(x, t, p.base, rA)
	}
}

// load makes rd = memory.
func load(x a64.Access) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		p := e.operand(in.Rs1, int32(in.Imm))
		if e.loadPair(in, p) {
			return true
		}
		d := e.host[in.Rd]
		if d == none {
			d = rB
		}
		e.access(x, d, p)
		e.put(in.Rd, d)
		return true
	}
}

// storable returns the operand to store size bytes at, after checks. rB is free
// afterwards; it is not part of the operand.
func (e *emitter) storable(in *inst, size int) cell {
	imm := int32(in.Imm)
	p := e.operand(in.Rs1, imm)
	for i := range e.groups {
		g := &e.groups[i]
		if g.from == g.to || g.rs1 != in.Rs1 || e.at < g.from || e.at > g.to || imm < g.low || imm+int32(size) > g.end {
			continue
		}
		if !g.checked {
			g.checked = true
			e.checkPage(in.Rs1, g.low)
			e.checkPage(in.Rs1, g.end-1)
		}
		return p
	}
	e.touchPage(in.Rs1, imm, size)
	return p
}

// checkPage leaves unless the page of rs1 + off can be stored to. It uses rA and
// rB.
func (e *emitter) checkPage(rs1 uint8, off int32) {
	e.attribute(e.value(rs1), off, 1)
	e.restIf(a64.EQ)
}

// touchPage is checkPage for the size bytes of the store in hand, which leaves to
// have the page made ready, and comes back to check it again. Only this page may
// be asked for: pages come into being in the order of the program.
func (e *emitter) touchPage(rs1 uint8, off int32, size int) {
	v := e.value(rs1)
	again := e.a.Len()
	e.attribute(v, off, size)
	first := e.a.Jcc(a64.EQ)
	x := e.here()
	x.kind = exitTouch
	cached := e.cached
	e.stubs = append(e.stubs, stub{from: []int{first}, then: func() {
		e.hart(a64.STR, rA, nNext)
		e.leaveVia(e.tail, x)
		e.exits[len(e.exits)-1].slot = int32(e.a.Len())
		e.loadLocals()
		if cached != 0 {
			e.a.Alu(a64.ADD, w64, rC, rBase, e.value(cached))
		}
		if v == rB {
			e.value(rs1)
		}
		e.a.JmpTo(again)
	}})
}

// attribute sets the flags to equal unless the page of v + off can be stored to,
// and leaves its number in rA. It leaves if size bytes go beyond it.
func (e *emitter) attribute(v a64.Reg, off int32, size int) {
	a := &e.a
	at := v
	if off != 0 {
		at = rA
		e.addImmTo(w64, at, v, int64(off))
	}
	if size > 1 {
		e.checkCrossing(at, v, off, size)
	}
	a.ShiftImm(a64.LSR, w64, rA, at, memory.PageShift)
	if a64.FitsAdd(memory.AttrsBelow) {
		a.AluImm(a64.SUB, w64, rB, rBase, memory.AttrsBelow)
	} else {
		a.MovImm(rB, -memory.AttrsBelow)
		a.Alu(a64.ADD, w64, rB, rBase, rB)
	}
	a.AccessIndexed(a64.LDRB, rB, rB, rA)
	a.LogicImm(a64.ANDS, w32, a64.ZR, rB, memory.Fast)
}

// checkCrossing leaves if the address in at, which is misaligned, is too near to
// the end of its page.
func (e *emitter) checkCrossing(at, v a64.Reg, off int32, size int) {
	a := &e.a
	a.LogicImm(a64.ANDS, w64, a64.ZR, at, uint64(size-1))
	odd := a.Jcc(a64.NE)
	back := a.Len()
	x := e.here()
	e.stubs = append(e.stubs, stub{from: []int{odd}, then: func() {
		a.LogicImm(a64.AND, w32, rA, at, memory.PageSize-1)
		a.AluImm(a64.SUBS, w32, a64.ZR, rA, uint64(memory.PageSize-size))
		e.leaveIf(a64.HI, x)
		if at == rA {
			e.addImmTo(w64, rA, v, int64(off))
		}
		a.JmpTo(back)
	}})
}

// store writes the low bytes of rs2.
func store(x a64.Access, size int) template {
	return func(e *emitter, in *inst) bool {
		if in.Rs1 == 0 {
			return false
		}
		p := e.storable(in, size)
		if !e.storePair(in, p) {
			e.access(x, e.source(in.Rs2, rB), p)
		}
		return true
	}
}

func memoryTemplates() map[isa.Op]template {
	return map[isa.Op]template{
		isa.OpLb: load(a64.LDRSB), isa.OpLh: load(a64.LDRSH), isa.OpLw: load(a64.LDRSW), isa.OpLd: load(a64.LDR),
		isa.OpLbu: load(a64.LDRB), isa.OpLhu: load(a64.LDRH), isa.OpLwu: load(a64.LDRW),
		isa.OpSb: store(a64.STRB, 1), isa.OpSh: store(a64.STRH, 2), isa.OpSw: store(a64.STRW, 4), isa.OpSd: store(a64.STR, 8),
		isa.OpLb32: load(a64.LDRSB), isa.OpLh32: load(a64.LDRSH), isa.OpLw32: load(a64.LDRSW),
		isa.OpLbu32: load(a64.LDRB), isa.OpLhu32: load(a64.LDRH),
		isa.OpSb32: store(a64.STRB, 1), isa.OpSh32: store(a64.STRH, 2), isa.OpSw32: store(a64.STRW, 4),
	}
}
