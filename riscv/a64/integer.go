package a64

import "math/bits"

// Alu is an operation on two registers.
type Alu uint32

// The operations; those with S set the flags, those with N invert the second
// operand.
const (
	ADD  Alu = 0x0b000000
	ADDS Alu = 0x2b000000
	SUB  Alu = 0x4b000000
	SUBS Alu = 0x6b000000
	AND  Alu = 0x0a000000
	BIC  Alu = 0x0a200000
	ORR  Alu = 0x2a000000
	ORN  Alu = 0x2a200000
	EOR  Alu = 0x4a000000
	EON  Alu = 0x4a200000
	ANDS Alu = 0x6a000000
)

// Alu writes op d, n, m.
func (a *Asm) Alu(op Alu, w bool, d, n, m Reg) { a.word(uint32(op) | sf(w) | dnm(d, n, m)) }

// AluShift writes op d, n, m shifted by amount; sh is LSL, LSR or ASR.
func (a *Asm) AluShift(op Alu, w bool, d, n, m Reg, sh Shift, amount uint8) {
	need(amount < 32 || w && amount < 64, "shift", amount)
	a.word(uint32(op) | sf(w) | dnm(d, n, m) | uint32(sh)<<22 | uint32(amount)<<10)
}

// AddLow writes d = n + (low half of m) << shift, on 64 bits. ZR is not allowed
// for n.
func (a *Asm) AddLow(d, n, m Reg, shift uint8) {
	need(n != ZR && d != ZR && shift <= 4, "operand", shift)
	a.word(0x8b204000 | dnm(d, n, m) | uint32(shift)<<10)
}

// FitsAdd says whether v can be the immediate of an addition.
func FitsAdd(v uint64) bool { return v < 1<<12 || v < 1<<24 && v&0xfff == 0 }

// AluImm writes op d, n, v for ADD, ADDS, SUB and SUBS. ZR is not allowed for n,
// nor for d where no flags are set.
func (a *Asm) AluImm(op Alu, w bool, d, n Reg, v uint64) {
	need(FitsAdd(v) && n != ZR && (d != ZR || op&0x20000000 != 0), "immediate", v)
	x := uint32(v) << 10
	if v >= 1<<12 {
		x = uint32(v)>>12<<10 | 1<<22
	}
	a.word(uint32(op)&0x60000000 | 0x11000000 | x | sf(w) | dnm(d, n, 0))
}

// FitsLogic says whether v can be the immediate of AND, ORR, EOR and ANDS: a
// rotated run of ones, repeated.
func FitsLogic(w bool, v uint64) bool {
	_, ok := logicField(w, v)
	return ok
}

// logicField returns N, immr and imms for the pattern v, in their place.
func logicField(w bool, v uint64) (uint32, bool) {
	if !w {
		v = v<<32 | v&(1<<32-1)
	}
	if v == 0 || v == ^uint64(0) {
		return 0, false
	}
	size := 64 // of the shortest repeated element
	for half := 32; half >= 2 && v>>half&(1<<half-1) == v&(1<<half-1); half /= 2 {
		size = half
	}
	mask := ^uint64(0) >> (64 - size)
	e := v & mask
	ones := bits.OnesCount64(e)
	run := uint64(1)<<ones - 1
	for r := range size {
		if e == (run>>r|run<<(size-r))&mask {
			imms := uint32(-size<<1)&0x3f | uint32(ones-1)
			n := uint32(size>>6) << 22
			return n | uint32(r)<<16 | imms<<10, true
		}
	}
	return 0, false
}

// LogicImm writes op d, n, v for AND, ORR, EOR and ANDS. ZR is not allowed for d
// except with ANDS.
func (a *Asm) LogicImm(op Alu, w bool, d, n Reg, v uint64) {
	f, ok := logicField(w, v)
	need(ok && (d != ZR || op == ANDS), "pattern", v)
	a.word(uint32(op)&0x60000000 | 0x12000000 | f | sf(w) | dnm(d, n, 0))
}

// Mov copies a register.
func (a *Asm) Mov(w bool, d, n Reg) { a.Alu(ORR, w, d, ZR, n) }

// MovImm loads a constant with one to four instructions.
func (a *Asm) MovImm(d Reg, v int64) {
	const (
		movn = 0x92800000
		movz = 0xd2800000
		movk = 0xf2800000
	)
	// Start from all zeroes or all ones, whichever leaves fewer parts to set.
	var zeroes, ones int
	for i := range 4 {
		switch uint16(v >> (16 * i)) {
		case 0:
			zeroes++
		case 0xffff:
			ones++
		}
	}
	first, fill := uint32(movz), uint16(0)
	if ones > zeroes {
		first, fill = movn, 0xffff
	}
	if f, ok := logicField(true, uint64(v)); ok && max(zeroes, ones) < 3 {
		a.word(0xb2000000 | f | dnm(d, ZR, 0))
		return
	}
	begun := false
	for i := range 4 {
		part := uint16(v >> (16 * i))
		switch {
		case part == fill:
		case begun:
			a.word(movk | uint32(i)<<21 | uint32(part)<<5 | uint32(d))
		default:
			a.word(first | uint32(i)<<21 | uint32(part^fill)<<5 | uint32(d))
			begun = true
		}
	}
	if !begun {
		a.word(first | uint32(d))
	}
}

// Shift is a kind of shift.
type Shift uint8

// The shifts, numbered as in their encodings.
const (
	LSL Shift = iota
	LSR
	ASR
	ROR
)

// ShiftReg writes op d, n, m; the amount is taken modulo the width.
func (a *Asm) ShiftReg(op Shift, w bool, d, n, m Reg) {
	a.word(0x1ac02000 | uint32(op)<<10 | sf(w) | dnm(d, n, m))
}

// ShiftImm writes op d, n, amount.
func (a *Asm) ShiftImm(op Shift, w bool, d, n Reg, amount uint8) {
	size := uint8(32)
	if w {
		size = 64
	}
	need(amount < size, "shift", amount)
	switch op {
	case LSL:
		a.bitfield(0x53000000, w, d, n, -amount&(size-1), size-1-amount)
	case LSR:
		a.bitfield(0x53000000, w, d, n, amount, size-1)
	case ASR:
		a.bitfield(0x13000000, w, d, n, amount, size-1)
	default:
		a.Extract(w, d, n, n, amount)
	}
}

func (a *Asm) bitfield(op uint32, w bool, d, n Reg, r, s uint8) {
	a.word(op | sf(w)>>9 | sf(w) | dnm(d, n, 0) | uint32(r)<<16 | uint32(s)<<10)
}

// Field copies width bits of n, beginning at bit from, to the low end of d, and
// fills up with their sign or with zeroes.
func (a *Asm) Field(signed, w bool, d, n Reg, from, width uint8) {
	a.bitfield(fieldOp(signed), w, d, n, from, from+width-1)
}

// Insert copies the low width bits of n to bit to of a d that is otherwise
// zero, or filled up with their sign. to is not 0.
func (a *Asm) Insert(signed, w bool, d, n Reg, to, width uint8) {
	size := uint8(32)
	if w {
		size = 64
	}
	need(to > 0 && to+width <= size, "bit", to)
	a.bitfield(fieldOp(signed), w, d, n, size-to, width-1)
}

func fieldOp(signed bool) uint32 {
	if signed {
		return 0x13000000
	}
	return 0x53000000
}

// SignWord fills d with the sign of the low half of n.
func (a *Asm) SignWord(d, n Reg) { a.Field(true, true, d, n, 0, 32) }

// Extract writes d = the low half of (n:m) >> from, on whole registers.
func (a *Asm) Extract(w bool, d, n, m Reg, from uint8) {
	a.word(0x13800000 | sf(w)>>9 | sf(w) | dnm(d, n, m) | uint32(from)<<10)
}

// Product is a multiplication or division.
type Product uint32

// The products. Long ones take 32-bit factors, high ones give the upper half.
const (
	MUL   Product = 0x1b007c00
	SMULL Product = 0x9b207c00
	UMULL Product = 0x9ba07c00
	SMULH Product = 0x9b407c00
	UMULH Product = 0x9bc07c00
	UDIV  Product = 0x1ac00800
	SDIV  Product = 0x1ac00c00
)

// Product writes op d, n, m; w matters for MUL, UDIV and SDIV. Dividing by 0
// gives 0, and the lowest integer divided by -1 itself.
func (a *Asm) Product(op Product, w bool, d, n, m Reg) { a.word(uint32(op) | sf(w) | dnm(d, n, m)) }

// MulSub writes d = r - n × m.
func (a *Asm) MulSub(w bool, d, n, m, r Reg) {
	a.word(0x1b008000 | sf(w) | dnm(d, n, m) | uint32(r)<<10)
}

// Unary is an operation on one register.
type Unary uint32

// The operations on one register.
const (
	RBIT Unary = 0x5ac00000
	CLZ  Unary = 0x5ac01000
	REV  Unary = 0x5ac00800 // of all bytes
)

// Unary writes op d, n.
func (a *Asm) Unary(op Unary, w bool, d, n Reg) {
	x := uint32(op) | sf(w) | dnm(d, n, 0)
	if op == REV && w {
		x |= 1 << 10
	}
	a.word(x)
}

// Cond is a condition on the flags.
type Cond uint8

// The conditions, numbered as in their encodings. After a comparison of floating
// point numbers, MI and LS are less, and less or equal, and false when unordered.
const (
	EQ Cond = iota
	NE
	HS // carry: above or equal
	LO
	MI
	PL
	VS // unordered
	VC
	HI
	LS
	GE
	LT
	GT
	LE
)

// Not returns the opposite condition.
func (c Cond) Not() Cond { return c ^ 1 }

// Select is how the second operand of a selection is changed.
type Select uint32

// The selections.
const (
	CSEL  Select = 0x1a800000
	CSINC Select = 0x1a800400 // plus 1
	CSINV Select = 0x5a800000 // inverted
)

// Select writes d = n if c holds, or else m, changed as op says.
func (a *Asm) Select(op Select, w bool, d, n, m Reg, c Cond) {
	a.word(uint32(op) | sf(w) | dnm(d, n, m) | uint32(c)<<12)
}

// Set writes 1 to d if c holds, or else 0.
func (a *Asm) Set(d Reg, c Cond) { a.Select(CSINC, true, d, ZR, ZR, c.Not()) }
