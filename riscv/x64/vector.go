package x64

// Opcode maps of VEX.
const (
	map0F   = 1
	map0F38 = 2
	map0F3A = 3
)

// vexRR writes a VEX.128 instruction: reg and rm as in ModRM, v the extra source.
func (a *Asm) vexRR(pp, m uint8, w bool, reg, v, rm uint8, op byte) {
	a.vex(pp, m, w, reg, v, 0, rm)
	a.byte(op)
	a.modRR(reg, rm)
}

// vexRM is vexRR with a memory operand.
func (a *Asm) vexRM(pp, m uint8, w bool, reg, v uint8, mem Mem, op byte) {
	a.vex(pp, m, w, reg, v, mem.index(), uint8(mem.Base))
	a.byte(op)
	a.modRM(reg, mem)
}

func (a *Asm) vex(pp, m uint8, w bool, reg, v, index, base uint8) {
	last := ^v&15<<3 | pp
	if m == map0F && !w && index < 8 && base < 8 {
		a.byte(0xc5, ^reg>>3&1<<7|last)
		return
	}
	if w {
		last |= 0x80
	}
	a.byte(0xc4, ^reg>>3&1<<7|^index>>3&1<<6|^base>>3&1<<5|m, last)
}

// Vec is an instruction on three vector registers, of which the last may be
// memory.
type Vec struct {
	pp, m uint8
	w     bool
	op    byte
}

// The arithmetic. Suffixes: S single, D double, both scalar; P packed bits.
var (
	AddS  = Vec{ppF3, map0F, false, 0x58}
	AddD  = Vec{ppF2, map0F, false, 0x58}
	SubS  = Vec{ppF3, map0F, false, 0x5c}
	SubD  = Vec{ppF2, map0F, false, 0x5c}
	MulS  = Vec{ppF3, map0F, false, 0x59}
	MulD  = Vec{ppF2, map0F, false, 0x59}
	DivS  = Vec{ppF3, map0F, false, 0x5e}
	DivD  = Vec{ppF2, map0F, false, 0x5e}
	SqrtS = Vec{ppF3, map0F, false, 0x51}
	SqrtD = Vec{ppF2, map0F, false, 0x51}
	MinS  = Vec{ppF3, map0F, false, 0x5d}
	MinD  = Vec{ppF2, map0F, false, 0x5d}
	MaxS  = Vec{ppF3, map0F, false, 0x5f}
	MaxD  = Vec{ppF2, map0F, false, 0x5f}

	// dst = ±(src1 × dst) ± src2: the 132... forms are not needed.
	Fmadd213S  = Vec{pp66, map0F38, false, 0xa9}
	Fmadd213D  = Vec{pp66, map0F38, true, 0xa9}
	Fmsub213S  = Vec{pp66, map0F38, false, 0xab}
	Fmsub213D  = Vec{pp66, map0F38, true, 0xab}
	Fnmadd213S = Vec{pp66, map0F38, false, 0xad}
	Fnmadd213D = Vec{pp66, map0F38, true, 0xad}
	Fnmsub213S = Vec{pp66, map0F38, false, 0xaf}
	Fnmsub213D = Vec{pp66, map0F38, true, 0xaf}

	CvtSD = Vec{ppF3, map0F, false, 0x5a} // single to double
	CvtDS = Vec{ppF2, map0F, false, 0x5a} // double to single

	AndP  = Vec{pp66, map0F, false, 0x54}
	AndnP = Vec{pp66, map0F, false, 0x55} // not src1 and src2
	OrP   = Vec{pp66, map0F, false, 0x56}
	XorP  = Vec{pp66, map0F, false, 0x57}

	Pclmul = Vec{pp66, map0F3A, false, 0x44} // followed by an immediate
)

// Vec writes op dst, src1, src2.
func (a *Asm) Vec(op Vec, dst, src1, src2 Xmm) {
	a.vexRR(op.pp, op.m, op.w, uint8(dst), uint8(src1), uint8(src2), op.op)
}

// VecLoad writes op dst, src1, [m].
func (a *Asm) VecLoad(op Vec, dst, src1 Xmm, m Mem) {
	a.vexRM(op.pp, op.m, op.w, uint8(dst), uint8(src1), m, op.op)
}

// VecImm writes op dst, src1, src2, imm.
func (a *Asm) VecImm(op Vec, dst, src1, src2 Xmm, imm uint8) {
	a.Vec(op, dst, src1, src2)
	a.byte(imm)
}

// Ucomi compares x with y and sets the flags; only a signalling NaN is invalid.
func (a *Asm) Ucomi(double bool, x, y Xmm) {
	a.vexRR(b2pp(double), map0F, false, uint8(x), 0, uint8(y), 0x2e)
}

// Comi is Ucomi for which every NaN is invalid.
func (a *Asm) Comi(double bool, x, y Xmm) {
	a.vexRR(b2pp(double), map0F, false, uint8(x), 0, uint8(y), 0x2f)
}

func b2pp(double bool) uint8 {
	if double {
		return pp66
	}
	return ppNone
}

// MovX copies a vector register.
func (a *Asm) MovX(dst, src Xmm) { a.vexRR(ppNone, map0F, false, uint8(dst), 0, uint8(src), 0x28) }

// LoadX loads 4 or 8 bytes (double) and clears the rest.
func (a *Asm) LoadX(double bool, dst Xmm, m Mem) {
	if double {
		a.vexRM(ppF3, map0F, false, uint8(dst), 0, m, 0x7e)
		return
	}
	a.vexRM(pp66, map0F, false, uint8(dst), 0, m, 0x6e)
}

// StoreX stores 4 or 8 bytes.
func (a *Asm) StoreX(double bool, m Mem, src Xmm) {
	if double {
		a.vexRM(pp66, map0F, false, uint8(src), 0, m, 0xd6)
		return
	}
	a.vexRM(pp66, map0F, false, uint8(src), 0, m, 0x7e)
}

// XFromReg moves 32 or 64 bits (w) from a general register and clears the rest.
func (a *Asm) XFromReg(w bool, dst Xmm, src Reg) {
	a.vexRR(pp66, map0F, w, uint8(dst), 0, uint8(src), 0x6e)
}

// RegFromX moves 32 or 64 bits (w) to a general register.
func (a *Asm) RegFromX(w bool, dst Reg, src Xmm) {
	a.vexRR(pp66, map0F, w, uint8(src), 0, uint8(dst), 0x7e)
}

// CvtFromInt converts a 32- or 64-bit (w) integer; the upper part of the result
// comes from src1.
func (a *Asm) CvtFromInt(double, w bool, dst, src1 Xmm, src Reg) {
	a.vexRR(f2f3(double), map0F, w, uint8(dst), uint8(src1), uint8(src), 0x2a)
}

// CvtToInt converts to a 32- or 64-bit (w) integer, truncating or as the
// control word rounds. What does not fit gives the lowest integer.
func (a *Asm) CvtToInt(double, truncate, w bool, dst Reg, src Xmm) {
	op := byte(0x2d)
	if truncate {
		op = 0x2c
	}
	a.vexRR(f2f3(double), map0F, w, uint8(dst), 0, uint8(src), op)
}

func f2f3(double bool) uint8 {
	if double {
		return ppF2
	}
	return ppF3
}

// LoadControl loads the floating-point control and status word.
func (a *Asm) LoadControl(m Mem) { a.rm(false, 2, m, false, 0x0f, 0xae) }

// StoreControl stores it.
func (a *Asm) StoreControl(m Mem) { a.rm(false, 3, m, false, 0x0f, 0xae) }

// CmpEqB compares 16 bytes and gives all ones where they are equal.
var CmpEqB = Vec{pp66, map0F, false, 0x74}

// HighFromX moves the upper 64 bits to a general register.
func (a *Asm) HighFromX(dst Reg, src Xmm) {
	a.vexRR(pp66, map0F3A, true, uint8(src), 0, uint8(dst), 0x16)
	a.byte(1)
}

// CmpEqD compares four words and gives all ones where they are equal.
var CmpEqD = Vec{pp66, map0F, false, 0x76}

// ShiftX shifts both 64-bit halves by n; op is SHL or SHR.
func (a *Asm) ShiftX(op Shift, dst, src Xmm, n uint8) {
	ext := uint8(2)
	if op == SHL {
		ext = 6
	}
	a.vexRR(pp66, map0F, false, ext, uint8(dst), uint8(src), 0x73)
	a.byte(n)
}
