//go:build linux

package jit

import (
	"unsafe"

	"fishplate/riscv/interp"
	"fishplate/riscv/x64"
)

// Host registers with a fixed purpose. RAX, RCX and the vector registers 0 to 2
// are scratch; the others hold guest registers, if no purpose is given here.
const (
	rHart  = x64.R15 // address of the hart's x16
	rFuel  = x64.R14 // instructions left
	rBase  = x64.RBX // host address of guest address 0
	none   = x64.Reg(0xff)
	noneX  = x64.Xmm(0xff)
	x0, x1 = x64.Xmm(0), x64.Xmm(1)
	x2     = x64.Xmm(2)
	xBox   = x64.Xmm(15) // the upper half of a boxed single, over zeroes
)

// cond is a condition on the host's flags, and exitNumber the register by which
// code says which exit it takes.
type cond = x64.Cond

const exitNumber = x64.RAX

// place is a host register that holds a guest register.
type place struct {
	guest uint8
	host  x64.Reg
}

// core are the guest registers that live in the same place in all regions.
var core = []place{
	{2, x64.RBP}, {10, x64.R11}, {11, x64.R10}, {12, x64.R9}, {13, x64.R8}, {14, x64.RDI}, {15, x64.RSI}, {8, x64.R12}, {9, x64.R13},
}

// Host registers that each region gives to guest registers as it likes.
var (
	local  = []x64.Reg{x64.RDX}
	localX = []x64.Xmm{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}
)

// field returns the operand of a field of interp.Native.
func field(offset uintptr) x64.Mem {
	return x64.At(rHart, int32(unsafe.Offsetof(interp.State{}.N)+offset)-16*8)
}

// Operands of the fields that code uses.
var (
	nBase    = field(unsafe.Offsetof(interp.Native{}.Base))
	nLimit   = field(unsafe.Offsetof(interp.Native{}.Limit))
	nFuel    = field(unsafe.Offsetof(interp.Native{}.Fuel))
	nNext    = field(unsafe.Offsetof(interp.Native{}.Next))
	nExit    = field(unsafe.Offsetof(interp.Native{}.Exit))
	nEntry   = field(unsafe.Offsetof(interp.Native{}.Entry))
	nHostSP  = field(unsafe.Offsetof(interp.Native{}.HostSP))
	nHostBP  = field(unsafe.Offsetof(interp.Native{}.HostBP))
	nSP      = field(unsafe.Offsetof(interp.Native{}.SP))
	nFloor   = field(unsafe.Offsetof(interp.Native{}.Floor))
	nTop     = field(unsafe.Offsetof(interp.Native{}.Top))
	nTable   = field(unsafe.Offsetof(interp.Native{}.Table))
	nCode    = field(unsafe.Offsetof(interp.Native{}.Code))
	nBox     = field(unsafe.Offsetof(interp.Native{}.Box))
	nSpill   = field(unsafe.Offsetof(interp.Native{}.Spill))
	nControl = field(unsafe.Offsetof(interp.Native{}.Control))
	nStatus  = field(unsafe.Offsetof(interp.Native{}.Status))
)

// hartFCSR is the operand of the floating-point CSR.
var hartFCSR = x64.At(rHart, int32(interp.FCSROffset)-16*8)

// home returns where an integer register lies in memory.
func home(r uint8) x64.Mem { return x64.At(rHart, int32(r)*8-16*8) }

// homeX returns where a floating-point register lies in memory.
func homeX(f uint8) x64.Mem {
	return x64.At(rHart, int32(unsafe.Offsetof(interp.State{}.F))+int32(f)*8-16*8)
}

// emitter translates one region after the other into the same text.
type emitter struct {
	a x64.Asm
	c *Cache

	// Offsets of the common pieces.
	missOff, enterOff, exitOff, landingOff, indirectOff int
	flagsOff                                            int // of a table: exception flags for status words

	// Of the region in hand.
	r       *region
	host    [32]x64.Reg // none: the register is in memory
	hostX   [32]x64.Xmm
	locals  []uint8 // guest registers in local places
	localsX []uint8
	evicted []place // fixed places that the region uses otherwise
	tail    int     // offset of the code that stores the local registers and leaves
	written uint32  // guest registers that the region writes
	writesX uint32
	stubs   []stub
	jumps   []fixup
	exits   []exit

	// Of the block in hand.
	block  *block
	number int    // of the block
	at     int    // index of the instruction within the block
	near   uint32 // registers that are known to keep a distance from the ends
	shift  [32]int32
	nans   uint32 // floating-point registers that may hold a NaN other than the canonical one
	boxed  uint32 // floating-point registers known to hold a boxed single
	twice  bool   // this is the first copy of two
	again  []int  // jumps from it to the second
	round  int    // offset of the second copy, 0 if there is none
	inRCX  uint8  // guest register whose value RCX has, 0 for none
	skip   bool   // the next instruction has been dealt with
	groups []group
}

func newEmitter(c *Cache) *emitter {
	e := &emitter{c: c}
	e.a.Out = c.text.write[:0]
	c.exits.Store(&[]exit{{kind: exitMiss}})
	e.common()
	return e
}

// common writes the pieces that all regions share. The miss comes first, so that
// an empty entry of the table leads to it.
func (e *emitter) common() {
	a := &e.a
	e.missOff = a.Len() // the target in RAX is not translated
	a.Nop()             // soloEntry leads behind it
	a.Store(8, nNext, x64.RAX)
	a.MovImm(x64.RAX, 0)

	e.exitOff = a.Len() // number of the exit in RAX; local registers are home
	a.Store(8, nExit, x64.RAX)
	a.StoreControl(nStatus)
	a.Store(8, nFuel, rFuel)
	for _, p := range core {
		a.Store(8, home(p.guest), p.host)
	}
	a.Store(8, nSP, x64.RSP)
	a.Load(true, x64.RSP, nHostSP)
	a.Load(true, x64.RBP, nHostBP)
	a.Ret()

	a.Align(16)
	e.enterOff = a.Len()
	a.Store(8, nHostSP, x64.RSP)
	a.Store(8, nHostBP, x64.RBP)
	a.LoadControl(nControl)
	a.Load(true, x64.RSP, nSP)
	a.Load(true, rBase, nBase)
	a.Load(true, rFuel, nFuel)
	for _, p := range core {
		a.Load(true, p.host, home(p.guest))
	}
	a.LoadX(double, xBox, nBox)
	a.JmpMem(nEntry)

	a.Align(16)
	e.landingOff = a.Len() // the stack of calls was empty and the guess was right
	a.Load(true, x64.RSP, nTop)

	e.indirectOff = a.Len() // go to the address in RAX
	a.AluImm(x64.AND, true, x64.RAX, -2)
	e.lookup()
	a.JmpReg(x64.RCX)

	e.flagsOff = a.Len()
	for status := range uint32(64) {
		a.Out = append(a.Out, flags(status))
	}
}

// lookup loads RCX with the host address of the guest address in RAX, which is
// even; that of the miss when there is none.
func (e *emitter) lookup() {
	a := &e.a
	if e.c.base <= 0x7fffffff {
		a.Lea(true, x64.RCX, x64.At(x64.RAX, -int32(e.c.base)))
	} else {
		a.MovImm(x64.RCX, -int64(e.c.base))
		a.Alu(x64.ADD, true, x64.RCX, x64.RAX)
	}
	a.AluImm(x64.CMP, true, x64.RCX, int32(e.c.length))
	out := a.JccShort(x64.AE)
	a.ShiftImm(x64.SHL, true, x64.RCX, 1)
	a.AluLoad(x64.ADD, true, x64.RCX, nTable)
	a.Load(false, x64.RCX, x64.At(x64.RCX, 0))
	back := a.JmpShort()
	a.PatchShort(out)
	a.MovImm(x64.RCX, 0)
	a.PatchShort(back)
	a.AluLoad(x64.ADD, true, x64.RCX, nCode)
}

func (e *emitter) loadLocals() {
	for _, p := range e.evicted {
		e.a.Store(8, home(p.guest), p.host)
	}
	for _, g := range e.locals {
		e.a.Load(true, e.host[g], home(g))
	}
	for _, f := range e.localsX {
		e.a.LoadX(true, e.hostX[f], homeX(f))
	}
}

func (e *emitter) storeLocals() {
	for _, g := range e.locals {
		if e.written>>g&1 != 0 {
			e.a.Store(8, home(g), e.host[g])
		}
	}
	for _, f := range e.localsX {
		if e.writesX>>f&1 != 0 {
			e.a.StoreX(true, homeX(f), e.hostX[f])
		}
	}
	for _, p := range e.evicted {
		e.a.Load(true, p.host, home(p.guest))
	}
}

// jumpTo jumps to the block at pc, or out of the region.
func (e *emitter) jumpTo(pc uint64) {
	if k, ok := e.r.block(pc); ok {
		if n := e.r.blocks[k].native; n >= 0 {
			e.a.JmpTo(n)
			return
		}
		e.jumps = append(e.jumps, fixup{e.a.Jmp(), k})
		return
	}
	e.leaveTo(pc)
}

// branchTo is jumpTo under a condition.
func (e *emitter) branchTo(c x64.Cond, pc uint64) {
	switch {
	case pc != e.block.pc:
	case e.twice:
		e.again = append(e.again, e.a.Jcc(c))
		return
	case e.round != 0:
		e.a.JccTo(c, e.round)
		return
	}
	if k, ok := e.r.block(pc); ok {
		if n := e.r.blocks[k].native; n >= 0 {
			e.a.JccTo(c, n)
			return
		}
		e.jumps = append(e.jumps, fixup{e.a.Jcc(c), k})
		return
	}
	e.stubs = append(e.stubs, stub{from: []int{e.a.Jcc(c)}, then: func() { e.leaveTo(pc) }})
}

// leaveTo leaves the region for pc: by a jump if its code is known, by a slot
// that will lead there otherwise.
func (e *emitter) leaveTo(pc uint64) {
	e.storeLocals()
	if p := e.c.place(pc); p != nil {
		if at := p.Load(); at > soloEntry {
			e.a.JmpTo(int(at))
			return
		}
	}
	e.a.JmpRel(e.slotFor(pc))
}

// forget drops what is known about registers.
func (e *emitter) forget() { e.near, e.boxed = 0, 0 }

// charge takes the instructions of a block off the fuel, or leaves if they do
// not suffice.
func (e *emitter) charge(b *block) {
	e.inRCX = 0
	e.a.AluImm(x64.SUB, true, rFuel, int32(b.count))
	e.leaveIf(x64.B, exit{pc: b.pc, kind: exitLow, undo: uint16(b.count)})
}

// before prepares for an instruction, whose template may change RCX or show what
// floating-point registers hold.
func (e *emitter) before(in *inst) {
	if clobbers[in.Op] {
		e.inRCX = 0
	}
	if e.nans != 0 && !e.calm(in) {
		e.settle()
	}
}

// seal makes what was written executable: nothing is to be done here.
func (*emitter) seal(int) {}
