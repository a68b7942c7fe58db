package a64

import "encoding/binary"

// Jump instructions return their offset in Out, for Patch; To variants compute
// the displacement at once. Jmp and Call reach 128 MiB, the others 1 MiB.

const (
	opB     = 0x14000000
	opBL    = 0x94000000
	opBcond = 0x54000000
	opCBZ   = 0x34000000
	opCBNZ  = 0x35000000
	opADR   = 0x10000000
	opADRP  = 0x90000000
)

func (a *Asm) jump(w uint32) int {
	a.word(w)
	return len(a.Out) - Size
}

// Jmp writes a jump that Patch completes.
func (a *Asm) Jmp() int { return a.jump(opB) }

// Call writes a call that Patch completes.
func (a *Asm) Call() int { return a.jump(opBL) }

// Jcc writes a conditional jump that Patch completes.
func (a *Asm) Jcc(c Cond) int { return a.jump(opBcond | uint32(c)) }

// Bzero writes a jump that is taken if r is 0 (or if it is not), which Patch
// completes.
func (a *Asm) Bzero(zero, w bool, r Reg) int {
	if zero {
		return a.jump(opCBZ | sf(w) | uint32(r))
	}
	return a.jump(opCBNZ | sf(w) | uint32(r))
}

// Patch makes the jump at offset at lead to offset to, or an Adr there load its
// address. Offsets outside Out are allowed for to: they lead to other code of
// the same mapping.
func (a *Asm) Patch(at, to int) {
	w := binary.LittleEndian.Uint32(a.Out[at:])
	d := (to - at) / Size
	switch {
	case w&0x7c000000 == opB:
		need(d >= -1<<25 && d < 1<<25, "distance", to-at)
		w = w&^0x03ffffff | uint32(d)&0x03ffffff
	case w&0x9f000000 == opADR:
		need(to-at >= -1<<20 && to-at < 1<<20, "distance", to-at)
		w = w&^0x60ffffe0 | uint32(to-at)&3<<29 | uint32(to-at)>>2&0x7ffff<<5
	default:
		need(d >= -1<<18 && d < 1<<18, "distance", to-at)
		w = w&^0x00ffffe0 | uint32(d)&0x7ffff<<5
	}
	binary.LittleEndian.PutUint32(a.Out[at:], w)
}

// JmpTo writes a jump to offset to.
func (a *Asm) JmpTo(to int) { a.Patch(a.Jmp(), to) }

// JccTo writes a conditional jump to offset to.
func (a *Asm) JccTo(c Cond, to int) { a.Patch(a.Jcc(c), to) }

// Adr writes an instruction that loads d with an address that Patch gives it.
func (a *Asm) Adr(d Reg) int { return a.jump(opADR | uint32(d)) }

// AdrPage loads d with the address of the page of 4 KiB with offset to. Out must
// begin at a page, as mappings do.
func (a *Asm) AdrPage(d Reg, to int) {
	n := uint32(to>>12 - len(a.Out)>>12)
	a.word(opADRP | uint32(d) | n&3<<29 | n>>2&0x7ffff<<5)
}

// Br jumps to the address in r.
func (a *Asm) Br(r Reg) { a.word(0xd61f0000 | uint32(r)<<5) }

// Blr calls the address in r.
func (a *Asm) Blr(r Reg) { a.word(0xd63f0000 | uint32(r)<<5) }

// Ret jumps to the address in LR.
func (a *Asm) Ret() { a.word(0xd65f0000 | uint32(LR)<<5) }
