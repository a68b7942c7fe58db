//go:build linux

package jit

import (
	"unsafe"

	"fishplate/riscv/a64"
	"fishplate/riscv/interp"
)

// Host registers with a fixed purpose. The others hold guest registers, but for
// R18, which belongs to the platform, and R28, which is Go's g.
const (
	rHart  a64.Reg = 27 // address of the hart's x16
	rFuel  a64.Reg = 26 // instructions left
	rBase  a64.Reg = 25 // host address of guest address 0
	rLimit a64.Reg = 24 // see interp.Native.Limit
	rCalls a64.Reg = 29 // top of the stack of predicted returns
	rA     a64.Reg = 16 // scratch
	rB     a64.Reg = 17 // scratch
	rC     a64.Reg = 15 // host address of a guest register's value, see emitter.cached
	none   a64.Reg = 0xff

	// Vector registers: the first ones are scratch.
	v0        a64.V = 0
	v1        a64.V = 1
	v2        a64.V = 2
	vMinD     a64.V = 27 // least normal numbers
	vMinS     a64.V = 28
	vSignD    a64.V = 29 // sign bits
	vSignS    a64.V = 30
	vBox      a64.V = 31 // upper half of a boxed single
	noneX     a64.V = 0xff
	firstFree a64.V = 3
)

// cond is a condition on the host's flags, and exitNumber the register by which
// code says which exit it takes.
type cond = a64.Cond

const exitNumber = rA

// place is a host register that holds a guest register.
type place struct {
	guest uint8
	host  a64.Reg
}

// core are the guest registers that live in the same place in all regions.
// Neighbours in memory are neighbours here, for pairs to be loaded at once.
var core = []place{
	{10, 0}, {11, 1}, {12, 2}, {13, 3}, {14, 4}, {15, 5}, {16, 6}, {17, 7},
	{5, 8}, {6, 9}, {8, 11}, {9, 12}, {1, 19}, {2, 13}, {7, 10}, {28, 14},
}

// Host registers that each region gives to guest registers as it likes.
var (
	local  = []a64.Reg{20, 21, 22, 23}
	localX = freeVectors()
)

func freeVectors() (list []a64.V) {
	for v := firstFree; v < vMinD; v++ {
		list = append(list, v)
	}
	return list
}

// Displacements from rHart.
const (
	hartN    = int(unsafe.Offsetof(interp.State{}.N)) - 16*8
	hartF    = int(unsafe.Offsetof(interp.State{}.F)) - 16*8
	hartFCSR = int(interp.FCSROffset) - 16*8
	nBase    = hartN + int(unsafe.Offsetof(interp.Native{}.Base))
	nLimit   = hartN + int(unsafe.Offsetof(interp.Native{}.Limit))
	nFuel    = hartN + int(unsafe.Offsetof(interp.Native{}.Fuel))
	nNext    = hartN + int(unsafe.Offsetof(interp.Native{}.Next))
	nExit    = hartN + int(unsafe.Offsetof(interp.Native{}.Exit))
	nEntry   = hartN + int(unsafe.Offsetof(interp.Native{}.Entry))
	nHostLR  = hartN + int(unsafe.Offsetof(interp.Native{}.HostSP)) // the stack pointer stays
	nHostFP  = hartN + int(unsafe.Offsetof(interp.Native{}.HostBP))
	nSP      = hartN + int(unsafe.Offsetof(interp.Native{}.SP))
	nFloor   = hartN + int(unsafe.Offsetof(interp.Native{}.Floor))
	nTop     = hartN + int(unsafe.Offsetof(interp.Native{}.Top))
	nTable   = hartN + int(unsafe.Offsetof(interp.Native{}.Table))
	nUnder   = hartN + int(unsafe.Offsetof(interp.Native{}.Spill)) // underflow that was raised rightly
	nControl = hartN + int(unsafe.Offsetof(interp.Native{}.Control))
	nStatus  = hartN + int(unsafe.Offsetof(interp.Native{}.Status))
)

// home returns where an integer register lies in memory, from rHart.
func home(r uint8) int { return int(r)*8 - 16*8 }

// homeX returns where a floating-point register lies in memory, from rHart.
func homeX(f uint8) int { return hartF + int(f)*8 }

// emitter translates one region after the other into the same text.
type emitter struct {
	a a64.Asm
	c *Cache

	// Offsets of the common pieces.
	missOff, enterOff, exitOff, landingOff, indirectOff int

	// Of the region in hand.
	r       *region
	host    [32]a64.Reg // none: the register is in memory
	hostX   [32]a64.V
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
	twice  bool   // this is the first copy of two
	again  []int  // jumps from it to the second
	round  int    // offset of the second copy, 0 if there is none
	skip   bool   // the next instruction has been dealt with
	cached uint8  // rC is rBase plus this guest register; 0 for none
	boxed  uint32 // floating-point registers known to hold a boxed single
	groups []group
}

func newEmitter(c *Cache) *emitter {
	e := &emitter{c: c}
	e.a.Out = c.text.write[:0]
	c.exits.Store(&[]exit{{kind: exitMiss}})
	e.common()
	c.text.coherent(0, e.a.Len())
	return e
}

// hart loads or stores a field of the hart.
func (e *emitter) hart(x a64.Access, r a64.Reg, off int) { e.a.Access(x, r, rHart, off) }

// moveCore loads or stores the guest registers with fixed places, by pairs where
// they are neighbours.
func (e *emitter) moveCore(pair a64.Pair, one a64.Access) {
	for i := 0; i < len(core); i++ {
		p := core[i]
		if i+1 < len(core) && core[i+1].guest == p.guest+1 {
			e.a.Pair(pair, p.host, core[i+1].host, rHart, home(p.guest))
			i++
			continue
		}
		e.hart(one, p.host, home(p.guest))
	}
}

// common writes the pieces that all regions share. The miss comes first, so that
// an empty entry of the table leads to it.
func (e *emitter) common() {
	a := &e.a
	// Numbers of exits count from 0, which is the miss.
	e.missOff = a.Len() // the target in rA is not translated
	e.hart(a64.STR, rA, nNext)
	a.MovImm(rA, 0)

	e.exitOff = a.Len() // number of the exit in rA; local registers are home
	e.hart(a64.STR, rA, nExit)
	a.GetSystem(rA, a64.FPSR)
	e.hart(a64.LDR, rB, nUnder)
	a.Alu(a64.ORR, w64, rA, rA, rB)
	e.hart(a64.STRW, rA, nStatus)
	a.SetSystem(a64.FPCR, a64.ZR) // as Go's runtime has it
	e.hart(a64.STR, rFuel, nFuel)
	e.moveCore(a64.STP, a64.STR)
	e.hart(a64.STR, rCalls, nSP)
	e.hart(a64.LDR, a64.LR, nHostLR)
	e.hart(a64.LDR, rCalls, nHostFP)
	a.Ret()

	a.Align(16)
	e.enterOff = a.Len()
	e.hart(a64.STR, a64.LR, nHostLR)
	e.hart(a64.STR, rCalls, nHostFP)
	e.hart(a64.LDRW, rA, nControl)
	a.SetSystem(a64.FPCR, rA)
	e.clearFlags()
	e.hart(a64.LDR, rCalls, nSP)
	e.hart(a64.LDR, rBase, nBase)
	e.hart(a64.LDR, rFuel, nFuel)
	e.hart(a64.LDR, rLimit, nLimit)
	e.vectorConstants()
	e.moveCore(a64.LDP, a64.LDR)
	e.hart(a64.LDR, rA, nEntry)
	a.Br(rA)

	a.Align(16)
	e.landingOff = a.Len() // the stack of calls was empty and the guess was right
	e.hart(a64.LDR, rCalls, nTop)

	e.indirectOff = a.Len() // go to the address in rA
	a.LogicImm(a64.AND, w64, rA, rA, ^uint64(1))
	far, _ := e.lookup()
	a.Br(rB)
	a.Patch(far, a.Len())
	a.JmpTo(e.missOff)
}

// vectorConstants loads what floating-point code compares and combines with.
func (e *emitter) vectorConstants() {
	a := &e.a
	a.MovBytes(vBox, 0xf0)
	for _, c := range []struct {
		v    a64.V
		bits int64
	}{{vMinD, 1 << 52}, {vMinS, 1 << 23}, {vSignD, -1 << 63}, {vSignS, 1 << 31}} {
		a.MovImm(rA, c.bits)
		a.MovToV(w64, c.v, rA)
	}
}

// clearFlags forgets the exception flags that were raised.
func (e *emitter) clearFlags() {
	e.a.SetSystem(a64.FPSR, a64.ZR)
	e.hart(a64.STR, a64.ZR, nUnder)
}

// compareImm sets the flags for r minus v, using scratch where v is large.
func (e *emitter) compareImm(r a64.Reg, v uint64, scratch a64.Reg) {
	if a64.FitsAdd(v) {
		e.a.AluImm(a64.SUBS, w64, a64.ZR, r, v)
		return
	}
	e.a.MovImm(scratch, int64(v))
	e.a.Alu(a64.SUBS, w64, a64.ZR, r, scratch)
}

// lookup loads rB with the host address of the guest address in rA, which is
// even; that of the miss when the table has no entry. It uses rC. Addresses
// outside the table take the jump at offset far, which has to come back with the
// address of the miss.
func (e *emitter) lookup() (far, back int) {
	a := &e.a
	e.cached = 0
	if a64.FitsAdd(e.c.base) {
		a.AluImm(a64.SUB, w64, rB, rA, e.c.base)
	} else {
		a.MovImm(rB, int64(e.c.base))
		a.Alu(a64.SUB, w64, rB, rA, rB)
	}
	// The unsigned comparison finds addresses below the table, too.
	e.compareImm(rB, e.c.length, rC)
	far = a.Jcc(a64.HS)
	e.hart(a64.LDR, rC, nTable)
	a.AluShift(a64.ADD, w64, rC, rC, rB, a64.LSL, 1)
	a.Access(a64.LDRW, rB, rC, 0)
	a.LogicImm(a64.AND, w32, rB, rB, 0xfffffffc) // soloEntry leads to the miss as well
	a.AdrPage(rC, 0)
	a.Alu(a64.ADD, w64, rB, rC, rB)
	return far, a.Len()
}

// lookupHere is lookup within a region.
func (e *emitter) lookupHere() {
	far, back := e.lookup()
	e.stubs = append(e.stubs, stub{from: []int{far}, then: func() {
		e.a.AdrPage(rB, e.missOff)
		e.a.JmpTo(back)
	}})
}

func (e *emitter) loadLocals() {
	for _, p := range e.evicted {
		e.hart(a64.STR, p.host, home(p.guest))
	}
	for _, g := range e.locals {
		e.hart(a64.LDR, e.host[g], home(g))
	}
	for _, f := range e.localsX {
		e.a.AccessV(a64.LDRFD, e.hostX[f], rHart, homeX(f))
	}
}

func (e *emitter) storeLocals() {
	for _, g := range e.locals {
		if e.written>>g&1 != 0 {
			e.hart(a64.STR, e.host[g], home(g))
		}
	}
	for _, f := range e.localsX {
		if e.writesX>>f&1 != 0 {
			e.a.AccessV(a64.STRFD, e.hostX[f], rHart, homeX(f))
		}
	}
	for _, p := range e.evicted {
		e.hart(a64.LDR, p.host, home(p.guest))
	}
}

// jumpTo jumps to the block at pc, or out of the region.
func (e *emitter) jumpTo(pc uint64) {
	if _, ok := e.r.block(pc); ok {
		e.leadTo(e.a.Jmp(), pc)
		return
	}
	e.leaveTo(pc)
}

// leadTo makes the jump at offset at lead to pc: to a block of the region, or
// out of it by a stub.
func (e *emitter) leadTo(at int, pc uint64) {
	switch {
	case pc != e.block.pc:
	case e.twice:
		e.again = append(e.again, at)
		return
	case e.round != 0:
		e.a.Patch(at, e.round)
		return
	}
	k, ok := e.r.block(pc)
	if !ok {
		e.stubs = append(e.stubs, stub{from: []int{at}, then: func() { e.leaveTo(pc) }})
		return
	}
	if n := e.r.blocks[k].native; n >= 0 {
		e.a.Patch(at, n)
		return
	}
	e.jumps = append(e.jumps, fixup{at, k})
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
	e.loadSlot(e.slotFor(pc))
	e.a.Br(rB)
}

// loadSlot loads rB with the pointer in a slot.
func (e *emitter) loadSlot(slot int) {
	// Slots are further away than a literal reaches, but in the same mapping.
	e.a.AdrPage(rB, slot)
	e.a.Access(a64.LDR, rB, rB, slot&0xfff)
}

// forget drops what is known about registers.
func (e *emitter) forget() { e.near, e.boxed, e.cached = 0, 0, 0 }

// charge takes the instructions of a block off the fuel, or leaves if they do
// not suffice.
func (e *emitter) charge(b *block) {
	if e.round != 0 {
		e.cached = 0 // the second copy is entered from itself too
	}
	e.a.AluImm(a64.SUBS, w64, rFuel, rFuel, uint64(b.count))
	e.leaveIf(a64.LO, exit{pc: b.pc, kind: exitLow, undo: uint16(b.count)})
}

// before and settle have nothing to do here: templates look after rC themselves,
// and the host makes no NaN but the canonical one.
func (*emitter) before(*inst) {}

func (*emitter) settle() {}

// seal makes what was written executable.
func (e *emitter) seal(begin int) { e.c.text.coherent(begin, e.a.Len()) }
