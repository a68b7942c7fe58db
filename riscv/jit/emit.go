//go:build linux && (amd64 || arm64)

package jit

import "fishplate/riscv/isa"

// What both emitters share: how code leaves a region, and what translates which
// operation. The rest of an emitter, and the templates, are twins by file.

// stub is code out of line: what a jump at one of from leads to.
type stub struct {
	from []int
	exit exit
	then func() // instead of leaving
}

// scratch are the lists of an emitter that are empty between regions.
type scratch struct {
	stubs []stub
	jumps []fixup
	exits []exit
}

// use lends the emitter memory for one region.
func (e *emitter) use(s *scratch) { e.stubs, e.jumps, e.exits = s.stubs, s.jumps, s.exits }

// giveBack returns it, without what it referred to.
func (e *emitter) giveBack() scratch {
	clear(e.stubs)
	s := scratch{e.stubs[:0], e.jumps[:0], e.exits[:0]}
	e.stubs, e.jumps, e.exits, e.r = nil, nil, nil, nil
	return s
}

// fixup is a jump to a block whose code does not exist yet.
type fixup struct{ at, block int }

func (e *emitter) landing() uintptr { return e.c.text.exec + uintptr(e.landingOff) }

func (e *emitter) enterAt() int { return e.enterOff }

// entryStub writes the way into a block from outside and returns its offset.
func (e *emitter) entryStub(b *block) int {
	if len(e.locals)+len(e.localsX) == 0 {
		return b.native
	}
	at := e.a.Len()
	e.loadLocals()
	e.a.JmpTo(b.native)
	return at
}

// followed says whether the block before i runs into it.
func (e *emitter) followed(i int) bool {
	if i == 0 {
		return false
	}
	in := e.r.last(&e.r.blocks[i-1])
	return (in.kind == falls || in.kind == branch) && in.next() == e.r.blocks[i].pc && templates[in.Op] != nil
}

// goOn continues at pc after the block in hand.
func (e *emitter) goOn(pc uint64) {
	if i := e.number + 1; i < len(e.r.blocks) && e.r.blocks[i].pc == pc {
		return
	}
	e.jumpTo(pc)
}

// slotFor makes a slot that asks Run for the code at pc when it is first used.
func (e *emitter) slotFor(pc uint64) int {
	slot := e.c.newSlot(0)
	e.stubs = append(e.stubs, stub{then: func() {
		e.c.setSlot(slot, e.a.Len())
		e.leave(exit{pc: pc, kind: exitLink, slot: int32(slot)})
	}})
	return slot
}

// leave writes the exit x; the local registers are home.
func (e *emitter) leave(x exit) { e.leaveVia(e.exitOff, x) }

// leaveVia writes the exit x through common code.
func (e *emitter) leaveVia(to int, x exit) {
	id := len(*e.c.exits.Load()) + len(e.exits)
	e.exits = append(e.exits, x)
	e.a.MovImm(exitNumber, int64(id))
	e.a.JmpTo(to)
}

// leaveIf leaves through x under a condition. Consecutive conditions that lead
// to the same exit share its stub.
func (e *emitter) leaveIf(c cond, x exit) {
	at := e.a.Jcc(c)
	if n := len(e.stubs); n > 0 && e.stubs[n-1].then == nil && e.stubs[n-1].exit == x {
		e.stubs[n-1].from = append(e.stubs[n-1].from, at)
		return
	}
	e.stubs = append(e.stubs, stub{from: []int{at}, exit: x})
}

func (e *emitter) emitStub(s *stub) {
	for _, at := range s.from {
		e.a.Patch(at, e.a.Len())
	}
	if s.then != nil {
		s.then()
		return
	}
	e.leaveVia(e.tail, s.exit)
}

// here is the exit that lets the interpreter execute the instruction in hand and
// the rest of its block.
func (e *emitter) here() exit {
	in := &e.r.insts[e.block.first+e.at]
	return exit{pc: in.pc, kind: exitRest, undo: uint16(e.block.count - e.at)}
}

// restIf leaves the rest of the block to the interpreter under a condition.
func (e *emitter) restIf(c cond) { e.leaveIf(c, e.here()) }

// rest leaves the rest of the block to the interpreter.
func (e *emitter) rest() {
	e.leaveVia(e.tail, e.here())
}

// template translates one instruction. It returns false, having written
// nothing, when it cannot.
type template func(*emitter, *inst) bool

// Covers says whether an operation has a template; the others are executed by
// the interpreter.
func Covers(op isa.Op) bool { return int(op) < len(templates) && templates[op] != nil }

// templates is filled for each operation that has native code.
var templates = buildTemplates()

func buildTemplates() *[isa.OpCount]template {
	t := new([isa.OpCount]template)
	for _, part := range []map[isa.Op]template{integerTemplates(), memoryTemplates(), flowTemplates(), floatTemplates(), atomicTemplates()} {
		for op, f := range part {
			t[op] = f
		}
	}
	return t
}

// pure are the operations that do nothing but write rd, so that writing x0 is
// doing nothing.
var pure = buildPure()

func buildPure() *[isa.OpCount]bool {
	t := new([isa.OpCount]bool)
	for op := range integerTemplates() {
		t[op] = true
	}
	return t
}

// quietly says whether a comparison stands between an instruction that reads the
// exception flags and one that restores them, as compilers make a quiet
// comparison, and which register keeps the flags. Only a NaN can have raised
// one, so that without a NaN there is nothing to restore.
func (e *emitter) quietly(in *inst) (kept uint8, ok bool) {
	if e.at == 0 || e.at+1 >= e.block.count {
		return 0, false
	}
	before, after := &e.r.insts[e.block.first+e.at-1], &e.r.insts[e.block.first+e.at+1]
	kept = before.Rd
	return kept, before.Op == isa.OpCsrrs && before.kind == falls && after.Op == isa.OpCsrrw && after.kind == falls &&
		after.Rs1 == kept && kept != 0 && kept != in.Rd
}
