package jit

import (
	"unsafe"

	"fishplate/riscv/interp"
	"fishplate/riscv/memory"
)

// margin is the distance from both ends of the address space that a base
// register must keep for its small displacements to need no check. The lower one
// includes the guard page.
const (
	margin = 8 << 10
	reach  = margin - memory.GuardSize
)

// How much is interpreted before generated code is looked for again: where the
// rounding mode forbids it, and where none is made any more. The latter is short,
// since what runs most has been translated by then.
const (
	slice     = 4096
	fullSlice = 256
)

// Run executes at most fuel instructions, as State.Run does.
func (c *Cache) Run(s *interp.State, code *interp.Code, mem *memory.Memory, fuel uint64) interp.Exit {
	base, size := mem.Base(), mem.Size()
	if base == nil { // closed, or parked and the host has no memory left
		return s.Run(code, mem, fuel) // which says so
	}
	if size < 2*margin { // no base register could keep its distance
		return s.Run(code, mem, fuel)
	}
	r := runner{c: c, s: s, code: code, mem: mem, fuel: fuel}
	n := &s.N
	n.Base = base
	n.Limit = size - 2*margin
	n.Code, n.Table = c.text.exec, uintptr(unsafe.Pointer(unsafe.SliceData(c.table)))
	n.Control = control
	n.Box[0] = 0xffffffff << 32
	prepareCalls(n, c.emit.landing())
	for {
		at := uint32(0)
		if s.RoundsToNearest() {
			at = c.entry(s.PC)
		}
		var (
			e    interp.Exit
			done bool
		)
		if at == 0 {
			n := code.Left(s.PC)
			if c.full.Load() {
				n = max(n, fullSlice)
			}
			e, done = r.interpret(n)
		} else {
			e, done = r.native(at)
		}
		if done {
			return e
		}
	}
}

// runner is one call of Run.
type runner struct {
	c    *Cache
	s    *interp.State
	code *interp.Code
	mem  *memory.Memory
	fuel uint64
}

// interpret executes up to n instructions and says whether the run is over.
func (r *runner) interpret(n uint64) (interp.Exit, bool) {
	if !r.s.RoundsToNearest() {
		n = slice
	}
	n = min(n, r.fuel)
	before := r.s.Instret
	e := r.s.Run(r.code, r.mem, n)
	r.fuel -= r.s.Instret - before
	return e, e.Kind != interp.Budget || r.fuel == 0
}

// native runs generated code from the offset at and deals with its exit.
func (r *runner) native(at uint32) (interp.Exit, bool) {
	x := r.enter(at)
	for x.kind == exitTouch && r.mem.Ready(r.s.N.Next) {
		r.charge(r.s.N.Fuel) // the block stays charged
		x = r.enter(uint32(x.slot))
	}
	r.charge(r.s.N.Fuel + uint64(x.undo))
	switch x.kind {
	case exitMiss:
		r.s.PC = r.s.N.Next
	case exitLink:
		r.s.PC = x.pc
		if to := r.c.entry(x.pc); to != 0 {
			r.c.setSlot(int(x.slot), int(to))
		}
	case exitLow:
		r.s.PC = x.pc
		return r.interpret(r.fuel)
	case exitRest, exitTouch:
		r.s.PC = x.pc
		return r.interpret(r.code.Left(x.pc))
	}
	return interp.Exit{}, false
}

// enter runs generated code from the offset at until it leaves, and returns how.
func (r *runner) enter(at uint32) *exit {
	n := &r.s.N
	n.Fuel = r.fuel
	n.Entry = r.c.text.exec + uintptr(at)
	enter(unsafe.Pointer(&r.s.X[16]), r.c.text.exec+uintptr(r.c.emit.enterAt()))
	if raised := flags(n.Status); raised != 0 {
		r.s.Raise(raised)
	}
	return &(*r.c.exits.Load())[n.Exit]
}

// charge counts what was executed until left instructions of fuel remain. What
// is given back for a block that was charged in advance makes it less.
func (r *runner) charge(left uint64) {
	r.s.Instret += r.fuel - left
	r.fuel = left
}

// prepareCalls makes the stack of predicted returns usable. It is kept between
// runs: every entry is checked when it is used, and code is never taken back.
func prepareCalls(n *interp.Native, landing uintptr) {
	top := uintptr(unsafe.Pointer(&n.Calls[len(n.Calls)-2]))
	if n.Top == top {
		return
	}
	n.Top, n.SP = top, top
	n.Floor = uintptr(unsafe.Pointer(&n.Calls[2]))
	n.Calls[len(n.Calls)-2] = uint64(landing)
	n.Calls[len(n.Calls)-1] = 1 // no return address: they are even
}
