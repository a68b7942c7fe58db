package vector

import (
	"encoding/binary"
	"unsafe"

	"fishplate/riscv/float"
	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

// VLENB is the length of a vector register in bytes, as in the CSR vlenb.
const VLENB = 16

// vill is the bit of vtype that says that it is illegal. RV32 shows it in bit 31.
const vill = 1 << 63

// State is the vector part of a hart. Make one with New.
type State struct {
	V      [32][VLENB]byte
	VL     uint64 // elements that instructions work on
	VType  uint64 // width and grouping of elements; bit 63 alone if illegal
	VStart uint64 // element at which the next instruction begins
	VXSat  uint8  // 1 if a fixed-point result was saturated
	VXRM   uint8  // fixed-point rounding mode, 0 to 3

	// What VType says, for instructions that find it valid.
	sew  int // width of elements as a power of two of bytes, 0 to 3
	lmul int // registers in a group as a power of two, -3 to 3

	flight
}

// flight is the instruction that is being executed. It means nothing between
// two of them.
type flight struct {
	in     *Inst
	h      *Hart
	wd, w2 int // widths of elements of the destination and of vs2
	t      transfer

	spread, result group // room for loops
}

// New returns registers as they are when a program begins: all zero, and no
// element width chosen.
func New() *State { return &State{VType: vill} }

// Copy returns the registers as a State of its own, with nothing of the
// instruction that was executed last.
func (s *State) Copy() *State {
	c := new(State)
	c.Set(s)
	return c
}

// Set makes the registers those of from, or those of New if from is nil.
func (s *State) Set(from *State) {
	if from == nil {
		*s = State{VType: vill}
		return
	}
	*s = State{V: from.V, VL: from.VL, VType: from.VType, VStart: from.VStart, VXSat: from.VXSat, VXRM: from.VXRM, sew: from.sew, lmul: from.lmul}
}

// Inst is a decoded vector instruction.
type Inst struct {
	Op           isa.Op
	Rd, Rs1, Rs2 uint8 // the fields, whatever kind of register they name
	Minor        uint8 // bits 14 to 12
	Fields       uint8 // number of fields less one, of a load or store
	Unmasked     bool
	Imm          int32
}

// Hart is what an instruction may need, or change, of the scalar side.
type Hart struct {
	X     *[32]uint64 // integer registers, sign-extended if RV32
	F     *[32]uint64 // floating-point registers, singles boxed
	Mem   *memory.Memory
	Flags uint8 // accrued floating-point exceptions
	FRM   uint8 // dynamic rounding mode
	RV32  bool
}

// Kind says why an instruction trapped.
type Kind uint8

// The kinds of traps; the zero value is none.
const (
	Illegal Kind = iota + 1
	Load         // an element cannot be loaded
	Store        // an element cannot be stored
	Limit        // an element needs a page more than the memory may have
	Leave        // an element needs a page more than the embedder allowed so far
)

// Trap reports an exception, or none. Addr is the address of the element.
type Trap struct {
	Kind Kind
	Addr uint64
}

// rule is how one operation is executed.
type rule struct {
	run    func(*State, *rule) Trap
	fn     func(s *State, a, b, d uint64) uint64 // of elements of vs2, the other source, and vd
	wide   shape
	signed uint8 // which of them are to be sign-extended
	widths uint8 // widths of elements that are allowed, one bit each; 0 for all
	free   bool  // works whatever vtype is
	float  bool  // depends on the rounding mode being valid
}

// Bits of rule.signed.
const (
	sa  = 1 << iota // vs2
	sb              // vs1, rs1 or the immediate
	sd              // vd
	sab = sa | sb
)

// shape says which operands have elements of twice the chosen width.
type shape uint8

const (
	wideD  shape = 1 << iota // vd
	wide2                    // vs2
	wideDW = wideD | wide2
)

// Execute performs one instruction on the hart h; both are kept until the next
// one. After a trap nothing has changed, except that a load or store has done the
// elements before VStart.
func (s *State) Execute(in *Inst, h *Hart) Trap {
	s.in, s.h = in, h
	r := &rules[in.Op-isa.OpVector]
	switch {
	case !r.free && s.VType>>63 != 0,
		r.widths != 0 && r.widths>>s.sew&1 == 0,
		r.float && h.FRM > float.RMM,
		r.run == nil:
		return Trap{Kind: Illegal}
	}
	s.wd = s.sew + int(r.wide&wideD)
	s.w2 = s.sew + int(r.wide&wide2)>>1
	t := r.run(s, r)
	if t.Kind == 0 {
		s.VStart = 0
	}
	return t
}

var illegal = Trap{Kind: Illegal}

// vlmax is the number of elements of the chosen width in a group.
func (s *State) vlmax() uint64 { return VLENB << (s.lmul + 3) >> (s.sew + 3) }

// bytes is the register file in one piece: groups are contiguous in it.
func (s *State) bytes() *[32 * VLENB]byte { return (*[32 * VLENB]byte)(unsafe.Pointer(&s.V)) }

// get returns element i, of 1<<w bytes, of the group at register r, with zeroes
// above it.
func (s *State) get(r uint8, i uint64, w int) uint64 {
	b := s.bytes()[uint64(r)*VLENB+i<<w:]
	switch w {
	case 0:
		return uint64(b[0])
	case 1:
		return uint64(binary.LittleEndian.Uint16(b))
	case 2:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// set is the counterpart of get; what v has above the width is dropped.
func (s *State) set(r uint8, i uint64, w int, v uint64) {
	b := s.bytes()[uint64(r)*VLENB+i<<w:]
	switch w {
	case 0:
		b[0] = byte(v)
	case 1:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 2:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}

// bit returns bit i of a mask register.
func (s *State) bit(r uint8, i uint64) uint64 { return uint64(s.V[r&31][i>>3&15] >> (i & 7) & 1) }

// active says whether the instruction works on element i.
func (s *State) active(i uint64) bool { return s.in.Unmasked || s.bit(0, i) != 0 }

// extend sign-extends an element of 1<<w bytes.
func extend(v uint64, w int) uint64 {
	n := 64 - 8<<w
	return uint64(int64(v<<n) >> n)
}

// truncate drops what v has above an element of 1<<w bytes.
func truncate(v uint64, w int) uint64 {
	n := 64 - 8<<w
	return v << n >> n
}

// vectors says whether the second source is a vector register.
func (in *Inst) vectors() bool { return in.Minor <= isa.MinorMVV }

// scalar returns the second source where it is none: an integer register, a
// floating-point register, or the immediate.
func (s *State) scalar() uint64 {
	switch s.in.Minor {
	case isa.MinorIVI:
		return uint64(int64(s.in.Imm))
	case isa.MinorFVF:
		v := s.h.F[s.in.Rs1&31]
		if s.sew == 2 && v>>32 != 0xffffffff {
			return float.NaN32
		}
		return v
	}
	return s.h.X[s.in.Rs1&31]
}

// setX writes the integer register rd.
func (s *State) setX(v uint64) {
	if s.h.RV32 {
		v = uint64(int64(int32(v)))
	}
	if s.in.Rd != 0 {
		s.h.X[s.in.Rd&31] = v
	}
}
