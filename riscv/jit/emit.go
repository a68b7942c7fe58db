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

// region translates r and makes its entries known.
func (e *emitter) region(r *region) {
	e.r = r
	begin := e.a.Len()
	e.stubs, e.jumps, e.exits = e.stubs[:0], e.jumps[:0], e.exits[:0]
	e.allocate()
	e.tail = e.exitOff
	if len(e.locals)+len(e.localsX) > 0 {
		e.tail = e.a.Len()
		e.storeLocals()
		e.a.JmpTo(e.exitOff)
	}
	for i := range r.blocks {
		e.emitBlock(i)
	}
	// Stubs may add stubs.
	for i := 0; i < len(e.stubs); i++ {
		e.emitStub(&e.stubs[i])
	}
	for _, j := range e.jumps {
		e.a.Patch(j.at, r.blocks[j.block].native)
	}
	var entries []int
	for i := range r.blocks {
		b := &r.blocks[i]
		if b.entry || b.back || b.preds > 1 {
			if p := e.c.place(b.pc); p != nil && p.Load() == 0 {
				entries = append(entries, i, e.entryStub(b))
			}
		}
	}
	e.c.publish(e.exits)
	e.seal(begin)
	for i := 0; i < len(entries); i += 2 {
		e.c.place(r.blocks[entries[i]].pc).Store(uint32(entries[i+1]))
	}
}

// emitBlock writes block i. What is known about registers holds at its beginning
// only if it follows the previous block and can be entered from nowhere else.
//
// A block that jumps back to itself is written twice. The second copy is only
// reached from the first and from itself, so what the first found out about
// registers need not be found out again in each round. That is sound because
// knowing more at the beginning of a block never means knowing less at its end;
// distances of moving base registers are the exception, and are forgotten.
func (e *emitter) emitBlock(i int) {
	b := &e.r.blocks[i]
	if b.preds != 1 || b.entry || b.back || !e.followed(i) {
		e.forget()
	}
	if b.back {
		e.a.Align(16)
	}
	e.block, e.number, b.native = b, i, e.a.Len()
	e.again = e.again[:0]
	e.twice = e.loopsAlone(b)
	if e.twice {
		e.number = len(e.r.blocks) // what comes next is the second copy
	}
	e.body(b)
	if !e.twice {
		return
	}
	e.twice, e.number = false, i
	for k := range b.count {
		if in := &e.r.insts[b.first+k]; operandsOf(&in.Inst).integer&1 != 0 {
			e.near &^= 1 << in.Rd
		}
	}
	e.a.Align(16)
	e.round = e.a.Len()
	for _, at := range e.again {
		e.a.Patch(at, e.round)
	}
	e.body(b)
	e.round = 0
}

// loopsAlone says whether a block is a loop by itself that is worth two copies.
func (e *emitter) loopsAlone(b *block) bool {
	const most = 64
	in := e.r.last(b)
	if in.kind != branch || in.pc+uint64(in.Imm) != b.pc || b.count > most {
		return false
	}
	for k := range b.count {
		if templates[e.r.insts[b.first+k].Op] == nil {
			return false
		}
	}
	return true
}

// body writes the charge of a block, its instructions, and the way on where the
// next block in the text is not the next one in the program.
func (e *emitter) body(b *block) {
	e.charge(b)
	e.findGroups()
	for k := range b.count {
		e.at = k
		in := &e.r.insts[b.first+k]
		if e.skip || in.Rd == 0 && pure[in.Op] {
			e.skip = false
			continue
		}
		e.before(in)
		h := templates[in.Op]
		if h == nil || !h(e, in) {
			e.settle()
			e.rest()
			return
		}
	}
	e.settle()
	if in := e.r.last(b); in.kind == falls {
		e.goOn(in.next())
	}
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
