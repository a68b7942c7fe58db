package x64

import "encoding/binary"

// Alu is one of the eight classic operations.
type Alu uint8

// The classic operations, numbered as in their opcodes.
const (
	ADD Alu = iota
	OR
	ADC
	SBB
	AND
	SUB
	XOR
	CMP
)

// Alu writes op dst, src.
func (a *Asm) Alu(op Alu, w bool, dst, src Reg) {
	a.rr(w, uint8(dst), uint8(src), false, byte(op)<<3|3)
}

// AluLoad writes op dst, [m].
func (a *Asm) AluLoad(op Alu, w bool, dst Reg, m Mem) {
	a.rm(w, uint8(dst), m, false, byte(op)<<3|3)
}

// AluStore writes op [m], src.
func (a *Asm) AluStore(op Alu, w bool, m Mem, src Reg) {
	a.rm(w, uint8(src), m, false, byte(op)<<3|1)
}

// AluImm writes op dst, imm; the immediate is sign-extended.
func (a *Asm) AluImm(op Alu, w bool, dst Reg, imm int32) {
	if fits8(imm) {
		a.rr(w, uint8(op), uint8(dst), false, 0x83)
		a.byte(byte(imm))
		return
	}
	a.rr(w, uint8(op), uint8(dst), false, 0x81)
	a.imm32(imm)
}

// AluMemImm writes op [m], imm.
func (a *Asm) AluMemImm(op Alu, w bool, m Mem, imm int32) {
	if fits8(imm) {
		a.rm(w, uint8(op), m, false, 0x83)
		a.byte(byte(imm))
		return
	}
	a.rm(w, uint8(op), m, false, 0x81)
	a.imm32(imm)
}

// Mov copies a register.
func (a *Asm) Mov(w bool, dst, src Reg) { a.rr(w, uint8(dst), uint8(src), false, 0x8b) }

// MovImm loads a constant without touching the flags.
func (a *Asm) MovImm(dst Reg, v int64) {
	switch {
	case v == int64(uint32(v)):
		a.rex(false, 0, 0, uint8(dst), false)
		a.byte(0xb8 | uint8(dst)&7)
		a.imm32(int32(uint32(v)))
	case v == int64(int32(v)):
		a.rr(true, 0, uint8(dst), false, 0xc7)
		a.imm32(int32(v))
	default:
		a.rex(true, 0, 0, uint8(dst), false)
		a.byte(0xb8 | uint8(dst)&7)
		a.Out = binary.LittleEndian.AppendUint64(a.Out, uint64(v))
	}
}

// Load writes mov dst, [m].
func (a *Asm) Load(w bool, dst Reg, m Mem) { a.rm(w, uint8(dst), m, false, 0x8b) }

// Store writes mov [m], src for the low size bytes (1, 2, 4 or 8).
func (a *Asm) Store(size int, m Mem, src Reg) {
	switch size {
	case 1:
		a.rm(false, uint8(src), m, src >= RSP, 0x88)
	case 2:
		a.byte(0x66)
		a.rm(false, uint8(src), m, false, 0x89)
	default:
		a.rm(size == 8, uint8(src), m, false, 0x89)
	}
}

// StoreImm writes mov [m], imm for size bytes; 8 bytes take the sign-extended
// 32-bit immediate.
func (a *Asm) StoreImm(size int, m Mem, imm int32) {
	switch size {
	case 1:
		a.rm(false, 0, m, false, 0xc6)
		a.byte(byte(imm))
	case 2:
		a.byte(0x66)
		a.rm(false, 0, m, false, 0xc7)
		a.byte(byte(imm), byte(imm>>8))
	default:
		a.rm(size == 8, 0, m, false, 0xc7)
		a.imm32(imm)
	}
}

// Extend names a widening move.
type Extend uint8

// The widening moves. Those to 64 bits fill the register with the sign; the
// others clear what is above.
const (
	Zero8 Extend = iota
	Zero16
	Sign8
	Sign16
	Sign32
)

var extends = [...]struct {
	w  bool
	op []byte
}{
	Zero8: {false, []byte{0x0f, 0xb6}}, Zero16: {false, []byte{0x0f, 0xb7}},
	Sign8: {true, []byte{0x0f, 0xbe}}, Sign16: {true, []byte{0x0f, 0xbf}}, Sign32: {true, []byte{0x63}},
}

// MovExtend widens the low part of src into dst.
func (a *Asm) MovExtend(e Extend, dst, src Reg) {
	low := (e == Zero8 || e == Sign8) && src >= RSP
	a.rr(extends[e].w, uint8(dst), uint8(src), low, extends[e].op...)
}

// LoadExtend widens memory into dst.
func (a *Asm) LoadExtend(e Extend, dst Reg, m Mem) {
	a.rm(extends[e].w, uint8(dst), m, false, extends[e].op...)
}

// Lea writes the address of m into dst.
func (a *Asm) Lea(w bool, dst Reg, m Mem) { a.rm(w, uint8(dst), m, false, 0x8d) }

// LeaIndex writes index×scale + disp into dst, without a base.
func (a *Asm) LeaIndex(w bool, dst, index Reg, scale uint8, disp int32) {
	a.rex(w, uint8(dst), uint8(index), 0, false)
	a.byte(0x8d, uint8(dst)&7<<3|4, scaleBits(scale)|uint8(index)&7<<3|5)
	a.imm32(disp)
}

// Shift is a shift or rotation by an immediate.
type Shift uint8

// The shifts, numbered as in their opcodes.
const (
	ROL Shift = 0
	ROR Shift = 1
	SHL Shift = 4
	SHR Shift = 5
	SAR Shift = 7
)

// ShiftImm writes op dst, n.
func (a *Asm) ShiftImm(op Shift, w bool, dst Reg, n uint8) {
	if n == 1 {
		a.rr(w, uint8(op), uint8(dst), false, 0xd1)
		return
	}
	a.rr(w, uint8(op), uint8(dst), false, 0xc1)
	a.byte(n)
}

// Prefixes of VEX, which also select among the BMI2 shifts.
const (
	ppNone = 0
	pp66   = 1
	ppF3   = 2
	ppF2   = 3
)

// Shiftx writes the flagless dst = src shifted by count; op is SHL, SHR or SAR.
func (a *Asm) Shiftx(op Shift, w bool, dst, src, count Reg) {
	pp := shiftPrefix[op]
	a.vexRR(pp, map0F38, w, uint8(dst), uint8(count), uint8(src), 0xf7)
}

// ShiftxLoad is Shiftx with src in memory.
func (a *Asm) ShiftxLoad(op Shift, w bool, dst Reg, src Mem, count Reg) {
	pp := shiftPrefix[op]
	a.vexRM(pp, map0F38, w, uint8(dst), uint8(count), src, 0xf7)
}

// Rorx writes the flagless dst = src rotated right by n.
func (a *Asm) Rorx(w bool, dst, src Reg, n uint8) {
	a.vexRR(ppF2, map0F3A, w, uint8(dst), 0, uint8(src), 0xf0)
	a.byte(n)
}

// Andn writes dst = not src1 and src2.
func (a *Asm) Andn(w bool, dst, src1, src2 Reg) {
	a.vexRR(ppNone, map0F38, w, uint8(dst), uint8(src1), uint8(src2), 0xf2)
}

// Imul writes dst = dst × src.
func (a *Asm) Imul(w bool, dst, src Reg) { a.rr(w, uint8(dst), uint8(src), false, 0x0f, 0xaf) }

// ImulLoad writes dst = dst × [m].
func (a *Asm) ImulLoad(w bool, dst Reg, m Mem) { a.rm(w, uint8(dst), m, false, 0x0f, 0xaf) }

// Group3 is a one-operand operation.
type Group3 uint8

// The one-operand operations, numbered as in their opcodes.
const (
	NOT  Group3 = 2
	NEG  Group3 = 3
	MUL  Group3 = 4
	IMUL Group3 = 5
	DIV  Group3 = 6
	IDIV Group3 = 7
)

// Unary writes op r; MUL to IDIV work on RDX:RAX.
func (a *Asm) Unary(op Group3, w bool, r Reg) { a.rr(w, uint8(op), uint8(r), false, 0xf7) }

// SignRAX fills RDX with the sign of RAX (cqo, or cdq for 32 bits).
func (a *Asm) SignRAX(w bool) {
	a.rex(w, 0, 0, 0, false)
	a.byte(0x99)
}

// Count is a bit-counting instruction.
type Count byte

// The bit counts: leading zeroes, trailing zeroes, ones.
const (
	LZCNT  Count = 0xbd
	TZCNT  Count = 0xbc
	POPCNT Count = 0xb8
)

// Count writes dst = op src.
func (a *Asm) Count(op Count, w bool, dst, src Reg) {
	a.byte(0xf3)
	a.rr(w, uint8(dst), uint8(src), false, 0x0f, byte(op))
}

// Bswap reverses the bytes of r.
func (a *Asm) Bswap(w bool, r Reg) {
	a.rex(w, 0, 0, uint8(r), false)
	a.byte(0x0f, 0xc8|uint8(r)&7)
}

// Bit is a single-bit instruction; all copy the old bit to the carry flag.
type Bit uint8

// The single-bit instructions, numbered as in their opcodes.
const (
	BT Bit = iota + 4
	BTS
	BTR
	BTC
)

// BitReg writes op dst, n with the number in a register, taken modulo the width.
func (a *Asm) BitReg(op Bit, w bool, dst, n Reg) {
	a.rr(w, uint8(n), uint8(dst), false, 0x0f, 0x83|byte(op)<<3)
}

// BitImm writes op dst, n.
func (a *Asm) BitImm(op Bit, w bool, dst Reg, n uint8) {
	a.rr(w, uint8(op), uint8(dst), false, 0x0f, 0xba)
	a.byte(n)
}

// Test writes test x, y.
func (a *Asm) Test(w bool, x, y Reg) { a.rr(w, uint8(y), uint8(x), false, 0x85) }

// TestImm8 writes test of the low byte of r with imm.
func (a *Asm) TestImm8(r Reg, imm uint8) {
	if r == RAX {
		a.byte(0xa8, imm)
		return
	}
	a.rr(false, 0, uint8(r), r >= RSP, 0xf6)
	a.byte(imm)
}

// TestMem8 writes test byte [m], imm.
func (a *Asm) TestMem8(m Mem, imm uint8) {
	a.rm(false, 0, m, false, 0xf6)
	a.byte(imm)
}

// Cond is a condition on the flags.
type Cond uint8

// The conditions, numbered as in their opcodes.
const (
	O Cond = iota
	NO
	B  // below: carry
	AE // above or equal: no carry
	E
	NE
	BE
	A
	S
	NS
	P
	NP
	L
	GE
	LE
	G
)

// Not returns the opposite condition.
func (c Cond) Not() Cond { return c ^ 1 }

// Set writes 0 or 1 to the low byte of dst.
func (a *Asm) Set(c Cond, dst Reg) { a.rr(false, 0, uint8(dst), dst >= RSP, 0x0f, 0x90|byte(c)) }

// Cmov copies src to dst if c holds.
func (a *Asm) Cmov(c Cond, w bool, dst, src Reg) {
	a.rr(w, uint8(dst), uint8(src), false, 0x0f, 0x40|byte(c))
}

// CmovLoad copies [m] to dst if c holds; the load happens in any case.
func (a *Asm) CmovLoad(c Cond, w bool, dst Reg, m Mem) {
	a.rm(w, uint8(dst), m, false, 0x0f, 0x40|byte(c))
}

var shiftPrefix = [8]uint8{SHL: pp66, SHR: ppF2, SAR: ppF3}
