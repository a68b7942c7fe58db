package x64

import "encoding/binary"

// Reg is a general-purpose register.
type Reg uint8

// The general-purpose registers, numbered as the processor does.
const (
	RAX Reg = iota
	RCX
	RDX
	RBX
	RSP
	RBP
	RSI
	RDI
	R8
	R9
	R10
	R11
	R12
	R13
	R14
	R15
)

// Xmm is a vector register, 0 to 15.
type Xmm uint8

// Mem is a memory operand: Base + Index×Scale + Disp. Scale 0 means that there
// is no index. RSP cannot be an index.
type Mem struct {
	Base  Reg
	Index Reg
	Scale uint8
	Disp  int32
}

// At returns the operand [base + disp].
func At(base Reg, disp int32) Mem { return Mem{Base: base, Disp: disp} }

// Indexed returns the operand [base + index×scale + disp].
func Indexed(base, index Reg, scale uint8, disp int32) Mem {
	return Mem{Base: base, Index: index, Scale: scale, Disp: disp}
}

// Asm is a buffer that instructions are appended to.
type Asm struct{ Out []byte }

// Len returns how many bytes have been written.
func (a *Asm) Len() int { return len(a.Out) }

func (a *Asm) byte(b ...byte) { a.Out = append(a.Out, b...) }

func (a *Asm) imm32(v int32) { a.Out = binary.LittleEndian.AppendUint32(a.Out, uint32(v)) }

func fits8(v int32) bool { return v == int32(int8(v)) }

// rex writes a REX prefix when one is needed, or wanted for a low byte register.
func (a *Asm) rex(w bool, reg, index, base uint8, want bool) {
	b := byte(0x40)
	if w {
		b |= 8
	}
	b |= reg>>3<<2 | index>>3<<1 | base>>3
	if b != 0x40 || want {
		a.byte(b)
	}
}

// modRR writes the ModRM byte of two registers.
func (a *Asm) modRR(reg, rm uint8) { a.byte(0xc0 | reg&7<<3 | rm&7) }

// modRM writes ModRM, SIB and displacement of a memory operand.
func (a *Asm) modRM(reg uint8, m Mem) {
	base := uint8(m.Base) & 7
	mod := byte(0x80)
	switch {
	case m.Disp == 0 && base != 5:
		mod = 0
	case fits8(m.Disp):
		mod = 0x40
	}
	switch {
	case m.Scale != 0:
		a.byte(mod|reg&7<<3|4, scaleBits(m.Scale)|uint8(m.Index)&7<<3|base)
	case base == 4:
		a.byte(mod|reg&7<<3|4, 0x24)
	default:
		a.byte(mod | reg&7<<3 | base)
	}
	switch mod {
	case 0x40:
		a.byte(byte(m.Disp))
	case 0x80:
		a.imm32(m.Disp)
	}
}

func scaleBits(s uint8) byte {
	switch s {
	case 2:
		return 0x40
	case 4:
		return 0x80
	case 8:
		return 0xc0
	}
	return 0
}

// index returns the index register for a prefix, 0 when there is none.
func (m Mem) index() uint8 {
	if m.Scale == 0 {
		return 0
	}
	return uint8(m.Index)
}

// rr writes a legacy instruction on two registers: reg is the ModRM reg field.
func (a *Asm) rr(w bool, reg, rm uint8, want bool, op ...byte) {
	a.rex(w, reg, 0, rm, want)
	a.byte(op...)
	a.modRR(reg, rm)
}

// rm writes a legacy instruction on a register (or opcode extension) and memory.
func (a *Asm) rm(w bool, reg uint8, m Mem, want bool, op ...byte) {
	a.rex(w, reg, m.index(), uint8(m.Base), want)
	a.byte(op...)
	a.modRM(reg, m)
}
