package a64

// Access is a load or a store of one register.
type Access struct {
	op    uint32 // of the form with an unsigned displacement
	scale uint8  // log2 of the bytes
}

// The accesses: bytes, halves, words, double words; S loads extend the sign to
// 64 bits, the others clear what is above. F are those of vector registers.
var (
	LDRB  = Access{0x39400000, 0}
	LDRSB = Access{0x39800000, 0}
	LDRH  = Access{0x79400000, 1}
	LDRSH = Access{0x79800000, 1}
	LDRW  = Access{0xb9400000, 2}
	LDRSW = Access{0xb9800000, 2}
	LDR   = Access{0xf9400000, 3}
	STRB  = Access{0x39000000, 0}
	STRH  = Access{0x79000000, 1}
	STRW  = Access{0xb9000000, 2}
	STR   = Access{0xf9000000, 3}
	LDRFS = Access{0xbd400000, 2}
	LDRFD = Access{0xfd400000, 3}
	STRFS = Access{0xbd000000, 2}
	STRFD = Access{0xfd000000, 3}
)

// Reaches says whether off can be the displacement of x: up to 4,095 units of
// its size, or -256 to 255 bytes.
func (x Access) Reaches(off int) bool {
	return off >= -256 && off < 256 || off >= 0 && off&(1<<x.scale-1) == 0 && off>>x.scale < 1<<12
}

// Access writes x t, [base + off]. Base 31 would be the stack pointer.
func (a *Asm) Access(x Access, t, base Reg, off int) {
	need(x.Reaches(off), "displacement", off)
	if off >= 0 && off&(1<<x.scale-1) == 0 {
		a.word(x.op | dnm(t, base, 0) | uint32(off)>>x.scale<<10)
		return
	}
	a.word(x.op&^0x01000000 | dnm(t, base, 0) | uint32(off)&0x1ff<<12)
}

// AccessIndexed writes x t, [base + index].
func (a *Asm) AccessIndexed(x Access, t, base, index Reg) {
	a.word(x.op&^0x01000000 | 0x00206800 | dnm(t, base, index))
}

// AccessV is Access for a vector register.
func (a *Asm) AccessV(x Access, t V, base Reg, off int) { a.Access(x, Reg(t), base, off) }

// Pair is a load or a store of two registers.
type Pair uint32

// The pairs; F are those of vector registers, of 8 bytes each. PUSH moves the base
// down before, POP up afterwards.
const (
	LDP  Pair = 0xa9400000
	STP  Pair = 0xa9000000
	LDPF Pair = 0x6d400000
	STPF Pair = 0x6d000000
	PUSH Pair = 0xa9800000
	POP  Pair = 0xa8c00000
)

// PairReaches says whether off can be the displacement of a pair.
func PairReaches(off int) bool { return off&7 == 0 && off >= -512 && off < 512 }

// Pair writes op t, u, [base + off]; off is a multiple of 8 from -512 to 504.
func (a *Asm) Pair(op Pair, t, u, base Reg, off int) {
	need(PairReaches(off), "displacement", off)
	a.word(uint32(op) | dnm(t, base, 0) | uint32(u)<<10 | uint32(off>>3)&0x7f<<15)
}
