//go:build linux

package jit

import (
	"fishplate/riscv/isa"
	"fishplate/riscv/x64"
)

// branchIf jumps to pc + imm when the comparison of rs1 with rs2 gives c.
func branchIf(c x64.Cond) template {
	return func(e *emitter, in *inst) bool {
		c, a, b := c, in.Rs1, in.Rs2
		if a == 0 && b != 0 {
			a, b, c = b, a, mirrored(c)
		}
		e.compare(a, b)
		e.branchTo(c, in.pc+uint64(in.Imm))
		e.goOn(in.next())
		return true
	}
}

// mirrored is the condition for the operands exchanged.
func mirrored(c x64.Cond) x64.Cond {
	switch c {
	case x64.L:
		return x64.G
	case x64.GE:
		return x64.LE
	case x64.B:
		return x64.A
	case x64.AE:
		return x64.BE
	}
	return c
}

// jumpAndLink is jal.
func jumpAndLink(e *emitter, in *inst) bool {
	to := in.pc + uint64(in.Imm)
	if e.c.narrow {
		to = uint64(uint32(to))
	}
	if in.Rd == 0 {
		if to != in.next() {
			e.jumpTo(to)
		} else {
			e.goOn(to)
		}
		return true
	}
	e.constant(in.Rd, int64(in.next()))
	e.storeLocals()
	e.pushReturn(in)
	if p := e.c.place(to); p != nil && p.Load() > soloEntry {
		at := int(p.Load())
		e.a.Patch(e.a.Call(), at)
	} else {
		e.a.CallRel(e.slotFor(to))
	}
	e.returned(in)
	return true
}

// pushReturn notes the guest's return address on the stack of calls; the call
// that follows adds the host's. When the stack is full it begins anew: the
// returns that it forgets will have to look their target up.
func (e *emitter) pushReturn(in *inst) {
	a := &e.a
	a.AluLoad(x64.CMP, w64, x64.RSP, nFloor)
	full := a.Jcc(x64.BE)
	back := a.Len()
	e.stubs = append(e.stubs, stub{from: []int{full}, then: func() {
		a.Load(w64, x64.RSP, nTop)
		a.JmpTo(back)
	}})
	// The host extends the sign; code lies below 2 GiB, which New has checked.
	a.PushImm(int32(in.next()))
}

// returned is where a callee comes back to.
func (e *emitter) returned(in *inst) {
	e.a.AluImm(x64.ADD, w64, x64.RSP, 8)
	e.loadLocals()
	e.near, e.boxed = 0, 0
	e.goOn(in.next())
}

// jumpRegister is jalr: a call, a return, or a jump by a table.
func jumpRegister(e *emitter, in *inst) bool {
	a := &e.a
	e.load(!e.c.narrow, x64.RAX, in.Rs1)
	if in.Imm != 0 {
		a.AluImm(x64.ADD, !e.c.narrow, x64.RAX, int32(in.Imm))
	}
	if in.Rd == 0 && in.Imm == 0 && (in.Rs1 == 1 || in.Rs1 == 5) {
		// The top pair is the host's return address and the guest's. If the latter is
		// where the program goes, the host's own return goes to its code.
		e.storeLocals()
		a.AluLoad(x64.CMP, w64, x64.RAX, x64.At(x64.RSP, 8))
		miss := a.Jcc(x64.NE)
		a.Patch(miss, e.indirectOff)
		a.Ret()
		return true
	}
	a.AluImm(x64.AND, w64, x64.RAX, -2)
	if in.Rd == 0 {
		e.storeLocals()
		e.lookup()
		a.JmpReg(x64.RCX)
		return true
	}
	e.lookup()
	e.constant(in.Rd, int64(in.next())) // an address below 2 GiB needs no scratch register
	e.storeLocals()
	e.pushReturn(in)
	a.CallReg(x64.RCX)
	e.returned(in)
	return true
}

// readFlags is csrrs rd, fflags, x0: what was raised earlier is in the CSR, what
// this run of generated code raised in the host's status word.
func readFlags(e *emitter, in *inst) bool {
	if in.kind != falls {
		return false
	}
	a := &e.a
	a.StoreControl(nStatus)
	a.Load(w32, x64.RAX, nStatus)
	a.AluImm(x64.AND, w32, x64.RAX, 0x3f)
	a.LeaRel(x64.RCX, e.flagsOff)
	a.LoadExtend(x64.Zero8, x64.RAX, x64.Indexed(x64.RCX, x64.RAX, 1, 0))
	a.LoadExtend(x64.Zero8, x64.RCX, hartFCSR)
	a.Alu(x64.OR, w32, x64.RAX, x64.RCX)
	a.AluImm(x64.AND, w32, x64.RAX, 31)
	e.put(in.Rd, x64.RAX)
	return true
}

// writeFlags is csrrw x0, fflags, rs1 or its immediate form.
func writeFlags(e *emitter, in *inst) bool {
	if in.kind != falls {
		return false
	}
	if in.Op == isa.OpCsrrw {
		e.load(w32, x64.RCX, in.Rs1)
	} else {
		e.a.MovImm(x64.RCX, int64(in.Rs1))
	}
	e.storeFlags()
	return true
}

// storeFlags makes the low bits of RCX the exception flags.
func (e *emitter) storeFlags() {
	a := &e.a
	a.AluImm(x64.AND, w32, x64.RCX, 31)
	a.LoadExtend(x64.Zero8, x64.RAX, hartFCSR)
	a.AluImm(x64.AND, w32, x64.RAX, ^31)
	a.Alu(x64.OR, w32, x64.RAX, x64.RCX)
	a.Store(1, hartFCSR, x64.RAX)
	a.LoadControl(nControl)
}

func flowTemplates() map[isa.Op]template {
	return map[isa.Op]template{
		isa.OpBeq: branchIf(x64.E), isa.OpBne: branchIf(x64.NE), isa.OpBlt: branchIf(x64.L), isa.OpBge: branchIf(x64.GE),
		isa.OpBltu: branchIf(x64.B), isa.OpBgeu: branchIf(x64.AE),
		isa.OpCsrrs: readFlags, isa.OpCsrrw: writeFlags, isa.OpCsrrwi: writeFlags,
		isa.OpJal: jumpAndLink, isa.OpJal32: jumpAndLink, isa.OpJalr: jumpRegister, isa.OpJalr32: jumpRegister,
	}
}
