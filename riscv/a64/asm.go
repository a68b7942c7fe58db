package a64

import (
	"encoding/binary"
	"fmt"
)

// Reg is a general-purpose register, 0 to 30, or ZR.
type Reg uint8

// The numbers of registers with a name. ZR reads as 0 and swallows what is
// written; where an instruction takes the stack pointer instead, it is not
// offered here.
const (
	LR Reg = 30
	ZR Reg = 31
)

// V is a vector register, 0 to 31, of which scalars use the low part.
type V uint8

// Size of an instruction in bytes.
const Size = 4

// Asm is a buffer that instructions are appended to.
type Asm struct{ Out []byte }

// Len returns how many bytes have been written.
func (a *Asm) Len() int { return len(a.Out) }

func (a *Asm) word(w uint32) { a.Out = binary.LittleEndian.AppendUint32(a.Out, w) }

// sf is the bit that makes an operation one of 64 bits.
func sf(w bool) uint32 {
	if w {
		return 1 << 31
	}
	return 0
}

// dnm places three registers where almost all instructions have them.
func dnm(d, n, m Reg) uint32 { return uint32(d) | uint32(n)<<5 | uint32(m)<<16 }

func vdnm(d, n, m V) uint32 { return dnm(Reg(d), Reg(n), Reg(m)) }

// need panics unless an operand can be encoded.
func need(ok bool, what string, v any) {
	if !ok {
		panic(fmt.Sprintf("a64: %s %v cannot be encoded", what, v))
	}
}

// Nop does nothing.
func (a *Asm) Nop() { a.word(0xd503201f) }

// Align fills up with no-operations until the length is a multiple of n.
func (a *Asm) Align(n int) {
	for len(a.Out)&(n-1) != 0 {
		a.Nop()
	}
}

// System names a register of floating-point control.
type System uint32

// The floating-point registers: how to round, and what was raised.
const (
	FPCR System = 0x4400
	FPSR System = 0x4420
)

// SetSystem copies r to s.
func (a *Asm) SetSystem(s System, r Reg) { a.word(0xd51b0000 | uint32(s) | uint32(r)) }

// GetSystem copies s to r.
func (a *Asm) GetSystem(r Reg, s System) { a.word(0xd53b0000 | uint32(s) | uint32(r)) }
