package a64

// Scalar is an operation on floating-point numbers in registers.
type Scalar uint32

// The operations. Those on three registers, on two, and fused ones.
const (
	FMUL   Scalar = 0x1e200800
	FDIV   Scalar = 0x1e201800
	FADD   Scalar = 0x1e202800
	FSUB   Scalar = 0x1e203800
	FMAXNM Scalar = 0x1e206800 // a quiet NaN loses
	FMINNM Scalar = 0x1e207800

	FMOV  Scalar = 0x1e204000
	FABS  Scalar = 0x1e20c000
	FNEG  Scalar = 0x1e214000
	FSQRT Scalar = 0x1e21c000

	FMADD  Scalar = 0x1f000000 // r + n × m
	FMSUB  Scalar = 0x1f008000 // r - n × m
	FNMADD Scalar = 0x1f200000 // -r - n × m
	FNMSUB Scalar = 0x1f208000 // -r + n × m
)

// kind is the field that says double.
func kind(double bool) uint32 {
	if double {
		return 1 << 22
	}
	return 0
}

// Scalar writes op d, n, m; m is 0 for operations on one number.
func (a *Asm) Scalar(op Scalar, double bool, d, n, m V) {
	a.word(uint32(op) | kind(double) | vdnm(d, n, m))
}

// Fused writes op d, n, m, r.
func (a *Asm) Fused(op Scalar, double bool, d, n, m, r V) {
	a.word(uint32(op) | kind(double) | vdnm(d, n, m) | uint32(r)<<10)
}

// Widen converts a single to a double.
func (a *Asm) Widen(d, n V) { a.word(0x1e22c000 | vdnm(d, n, 0)) }

// Shorten converts a double to a single.
func (a *Asm) Shorten(d, n V) { a.word(0x1e624000 | vdnm(d, n, 0)) }

// Compare sets the flags for n minus m; only a signalling NaN is invalid.
func (a *Asm) Compare(double bool, n, m V) { a.word(0x1e202000 | kind(double) | vdnm(0, n, m)) }

// CompareE is Compare for which every NaN is invalid.
func (a *Asm) CompareE(double bool, n, m V) { a.word(0x1e202010 | kind(double) | vdnm(0, n, m)) }

// MovToV copies 32 or 64 bits (w) of a general register and clears the rest.
func (a *Asm) MovToV(w bool, d V, n Reg) {
	a.word(0x1e270000 | sf(w) | kind(w) | dnm(Reg(d), n, 0))
}

// MovFromV copies 32 or 64 bits (w) to a general register.
func (a *Asm) MovFromV(w bool, d Reg, n V) {
	a.word(0x1e260000 | sf(w) | kind(w) | dnm(d, Reg(n), 0))
}

// UpperWord copies bits 32 to 63 to the low half of a general register.
func (a *Asm) UpperWord(d Reg, n V) { a.word(0x0e0c3c00 | dnm(d, Reg(n), 0)) }

// UpperHalf copies bits 64 to 127 to a general register.
func (a *Asm) UpperHalf(d Reg, n V) { a.word(0x4e183c00 | dnm(d, Reg(n), 0)) }

// FromInt converts an integer of 32 or 64 bits (w), rounding as FPCR says.
func (a *Asm) FromInt(double, w, unsigned bool, d V, n Reg) {
	x := 0x1e220000 | sf(w) | kind(double) | dnm(Reg(d), n, 0)
	if unsigned {
		x |= 1 << 16
	}
	a.word(x)
}

// Round is how a number becomes an integer.
type Round uint32

// The roundings: to nearest with ties to even, or away from 0; up, down, to 0.
const (
	ToEven Round = 0x1e200000
	ToAway Round = 0x1e240000
	Up     Round = 0x1e280000
	Down   Round = 0x1e300000
	ToZero Round = 0x1e380000
)

// ToInt converts to an integer of 32 or 64 bits (w). What does not fit becomes
// the nearest that does, a NaN 0.
func (a *Asm) ToInt(r Round, double, w, unsigned bool, d Reg, n V) {
	x := uint32(r) | sf(w) | kind(double) | dnm(d, Reg(n), 0)
	if unsigned {
		x |= 1 << 16
	}
	a.word(x)
}

// Vec is an operation on the low 64 bits of vector registers.
type Vec uint32

// The operations: on bits; on eight bytes; the carry-less product of two halves,
// of 128 bits.
const (
	VAND   Vec = 0x0e201c00
	VBIC   Vec = 0x0e601c00
	VORR   Vec = 0x0ea01c00
	VEOR   Vec = 0x2e201c00
	VBIT   Vec = 0x2ea01c00 // d takes the bits of n where m has ones
	VCMTST Vec = 0x0e208c00 // all ones where n and m have ones in common
	VCNT   Vec = 0x0e205800 // of ones, in each byte of n
	VADDV  Vec = 0x0e31b800 // sum of the bytes of n
	VPMULL Vec = 0x0ee0e000
)

// Vec writes op d, n, m; m is 0 for operations on one register.
func (a *Asm) Vec(op Vec, d, n, m V) { a.word(uint32(op) | vdnm(d, n, m)) }

// MovBytes loads d with eight bytes, each of all ones where mask has a bit.
func (a *Asm) MovBytes(d V, mask uint8) {
	a.word(0x2f00e400 | uint32(mask)>>5<<16 | uint32(mask)&31<<5 | uint32(d))
}
