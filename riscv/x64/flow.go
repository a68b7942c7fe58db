package x64

import "encoding/binary"

// Jump instructions with a 32-bit displacement return the offset of that
// displacement in Out, for Patch; To variants compute it at once.

// Jcc writes a conditional jump that Patch completes.
func (a *Asm) Jcc(c Cond) int {
	a.byte(0x0f, 0x80|byte(c))
	a.imm32(0)
	return len(a.Out) - 4
}

// Jmp writes a jump that Patch completes.
func (a *Asm) Jmp() int {
	a.byte(0xe9)
	a.imm32(0)
	return len(a.Out) - 4
}

// Call writes a call that Patch completes.
func (a *Asm) Call() int {
	a.byte(0xe8)
	a.imm32(0)
	return len(a.Out) - 4
}

// Patch makes the displacement at offset at lead to offset to. Offsets outside
// Out are allowed for to: they lead to other code of the same mapping.
func (a *Asm) Patch(at, to int) {
	binary.LittleEndian.PutUint32(a.Out[at:], uint32(int32(to-at-4)))
}

// JccTo writes a conditional jump to offset to, which lies before, in the
// shortest form.
func (a *Asm) JccTo(c Cond, to int) {
	if d := to - len(a.Out) - 2; d >= -128 {
		a.byte(0x70|byte(c), byte(d))
		return
	}
	a.Patch(a.Jcc(c), to)
}

// JccShort writes a conditional jump of at most 127 bytes forward, which
// PatchShort completes.
func (a *Asm) JccShort(c Cond) int {
	a.byte(0x70|byte(c), 0)
	return len(a.Out) - 1
}

// JmpShort is JccShort without a condition.
func (a *Asm) JmpShort() int {
	a.byte(0xeb, 0)
	return len(a.Out) - 1
}

// PatchShort makes a short jump lead to the end of Out.
func (a *Asm) PatchShort(at int) {
	d := len(a.Out) - at - 1
	if d > 127 {
		panic("x64: short jump too long")
	}
	a.Out[at] = byte(d)
}

// JmpTo writes a jump to offset to.
func (a *Asm) JmpTo(to int) {
	if d := to - len(a.Out) - 2; d >= -128 && d < 0 {
		a.byte(0xeb, byte(d))
		return
	}
	a.Patch(a.Jmp(), to)
}

// JmpReg jumps to the address in r.
func (a *Asm) JmpReg(r Reg) { a.rr(false, 4, uint8(r), false, 0xff) }

// JmpMem jumps to the address in [m].
func (a *Asm) JmpMem(m Mem) { a.rm(false, 4, m, false, 0xff) }

// CallReg calls the address in r.
func (a *Asm) CallReg(r Reg) { a.rr(false, 2, uint8(r), false, 0xff) }

// JmpRel jumps to the address stored at offset to, addressed relative to RIP.
func (a *Asm) JmpRel(to int) { a.ripIndirect(0x25, to) }

// CallRel calls the address stored at offset to, addressed relative to RIP.
func (a *Asm) CallRel(to int) { a.ripIndirect(0x15, to) }

func (a *Asm) ripIndirect(mod byte, to int) {
	a.byte(0xff, mod)
	a.imm32(int32(to - len(a.Out) - 4))
}

// LeaRel writes the address of offset to into dst.
func (a *Asm) LeaRel(dst Reg, to int) {
	a.rex(true, uint8(dst), 0, 0, false)
	a.byte(0x8d, uint8(dst)&7<<3|5)
	a.imm32(int32(to - len(a.Out) - 4))
}

// Ret returns.
func (a *Asm) Ret() { a.byte(0xc3) }

// PushImm pushes a sign-extended immediate.
func (a *Asm) PushImm(v int32) {
	if fits8(v) {
		a.byte(0x6a, byte(v))
		return
	}
	a.byte(0x68)
	a.imm32(v)
}

// Push pushes r.
func (a *Asm) Push(r Reg) {
	a.rex(false, 0, 0, uint8(r), false)
	a.byte(0x50 | uint8(r)&7)
}

// Align fills up with long no-operations until the length is a multiple of n.
func (a *Asm) Align(n int) {
	for gap := -len(a.Out) & (n - 1); gap > 0; {
		k := min(gap, len(nops))
		a.byte(nops[k-1]...)
		gap -= k
	}
}

var nops = [...][]byte{
	{0x90}, {0x66, 0x90}, {0x0f, 0x1f, 0x00}, {0x0f, 0x1f, 0x40, 0}, {0x0f, 0x1f, 0x44, 0, 0},
	{0x66, 0x0f, 0x1f, 0x44, 0, 0}, {0x0f, 0x1f, 0x80, 0, 0, 0, 0}, {0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0},
	{0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0},
}

// Nop writes one byte that does nothing.
func (a *Asm) Nop() { a.byte(0x90) }
