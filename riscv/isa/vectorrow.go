package isa

import "strconv"

// Formats of the vector extension. Decoding puts the mask bit into bit 0 of
// Inst.Rs3 (1: not masked), the number of fields less one above it, the minor
// opcode into Inst.RM, and an immediate source into Inst.Imm. Rd, Rs1 and Rs2
// are the fields whatever kind of register they name.
const (
	FmtVset    Format = 128 + iota // rd, rs1, vtype
	FmtVseti                       // rd, length, vtype
	FmtVLoad                       // vd, (rs1), mask
	FmtVStride                     // vd, (rs1), rs2, mask
	FmtVIndex                      // vd, (rs1), vs2, mask
	FmtVV                          // vd, vs2, vs1, mask
	FmtVX                          // vd, vs2, rs1, mask
	FmtVI                          // vd, vs2, signed immediate, mask
	FmtVU                          // vd, vs2, unsigned immediate, mask
	FmtVF                          // vd, vs2, fs1, mask
	FmtVVM                         // vd, vs2, vs1, v0
	FmtVXM                         // vd, vs2, rs1, v0
	FmtVIM                         // vd, vs2, signed immediate, v0
	FmtVFM                         // vd, vs2, fs1, v0
	FmtAV                          // vd, vs1, vs2, mask
	FmtAX                          // vd, rs1, vs2, mask
	FmtAF                          // vd, fs1, vs2, mask
	FmtV2                          // vd, vs2, mask
	FmtV1                          // vd, vs1
	FmtV0                          // vd, mask
	FmtVfromX                      // vd, rs1
	FmtVfromF                      // vd, fs1
	FmtVfromI                      // vd, signed immediate
	FmtXfromV                      // rd, vs2, mask
	FmtFfromV                      // fd, vs2

	// FmtVFirst is the first of them; scalar formats are below.
	FmtVFirst = FmtVset
)

// Minor opcodes of the major opcode OP-V, bits 14 to 12: what kind of numbers
// and where the second source is. Inst.RM has them.
const (
	MinorIVV = iota // integers, vector
	MinorFVV        // floating point, vector
	MinorMVV        // integers, second group, vector
	MinorIVI        // integers, immediate
	MinorIVX        // integers, scalar
	MinorFVF        // floating point, scalar
	MinorMVX        // integers, second group, scalar
	MinorSet        // vsetvl and its like
)

// Major opcodes that vector instructions share with others.
const (
	majorLoad  = 0x07
	majorStore = 0x27
	majorV     = 0x57
)

// form is one of the ways in which an operation takes its sources. Rows of
// vectorOps name a set of forms.
type form struct {
	suffix string
	minor  uint32
	format Format
	vm     mask
}

// mask says what the mask bit of an encoding may be.
type mask uint8

const (
	maskFree mask = iota
	maskZero      // always with v0
	maskOne       // never with v0
)

// Sets of forms, by position in forms.
const (
	ivv = 1 << iota
	ivx
	ivi
	ivu
	iwv
	iwx
	iwu
	ivvm
	ivxm
	ivim
	ivvn
	ivxn
	ivin
	mvv
	mvx
	mwv
	mwx
	avv
	avx
	fvv
	fvf
	fwv
	fwf
	afv
	aff
	fvfm
	ivs
	mvs
	fvs
	mmm
	mvm
)

var forms = [...]form{
	{".vv", MinorIVV, FmtVV, maskFree},
	{".vx", MinorIVX, FmtVX, maskFree},
	{".vi", MinorIVI, FmtVI, maskFree},
	{".vi", MinorIVI, FmtVU, maskFree},
	{".wv", MinorIVV, FmtVV, maskFree},
	{".wx", MinorIVX, FmtVX, maskFree},
	{".wi", MinorIVI, FmtVU, maskFree},
	{".vvm", MinorIVV, FmtVVM, maskZero},
	{".vxm", MinorIVX, FmtVXM, maskZero},
	{".vim", MinorIVI, FmtVIM, maskZero},
	{".vv", MinorIVV, FmtVV, maskOne},
	{".vx", MinorIVX, FmtVX, maskOne},
	{".vi", MinorIVI, FmtVI, maskOne},
	{".vv", MinorMVV, FmtVV, maskFree},
	{".vx", MinorMVX, FmtVX, maskFree},
	{".wv", MinorMVV, FmtVV, maskFree},
	{".wx", MinorMVX, FmtVX, maskFree},
	{".vv", MinorMVV, FmtAV, maskFree},
	{".vx", MinorMVX, FmtAX, maskFree},
	{".vv", MinorFVV, FmtVV, maskFree},
	{".vf", MinorFVF, FmtVF, maskFree},
	{".wv", MinorFVV, FmtVV, maskFree},
	{".wf", MinorFVF, FmtVF, maskFree},
	{".vv", MinorFVV, FmtAV, maskFree},
	{".vf", MinorFVF, FmtAF, maskFree},
	{".vfm", MinorFVF, FmtVFM, maskZero},
	{".vs", MinorIVV, FmtVV, maskFree},
	{".vs", MinorMVV, FmtVV, maskFree},
	{".vs", MinorFVV, FmtVV, maskFree},
	{".mm", MinorMVV, FmtVV, maskOne},
	{".vm", MinorMVV, FmtVV, maskOne},
}

// vectorRows expands the tables of vectortable.go.
func vectorRows() []Row {
	rows := make([]Row, 0, 520)
	add := func(r Row) {
		r.Ext = "V"
		rows = append(rows, r)
	}
	for _, s := range vectorSets {
		add(s)
	}
	for _, o := range vectorOps {
		for i, f := range forms {
			if o.forms>>i&1 != 0 {
				bits, care := f.vm.bits()
				add(Row{Op: o.op, Name: o.name + f.suffix, Format: f.format, Doc: o.doc,
					Mask: 0xfc00707f | care, Match: o.funct6<<26 | f.minor<<12 | majorV | bits})
			}
		}
	}
	for _, u := range vectorUnary {
		bits, care := u.vm.bits()
		field := uint32(0x000f8000) // vs1
		value := u.field << 15
		if u.vs2 {
			field, value = 0x01f00000, u.field<<20
		}
		if u.format == FmtV0 {
			field |= 0x01f00000
		}
		add(Row{Op: u.op, Name: u.name, Format: u.format, Doc: u.doc,
			Mask: 0xfc00707f | care | field, Match: u.funct6<<26 | u.minor<<12 | majorV | bits | value})
	}
	return append(rows, vectorMemory()...)
}

// bits returns the value of the mask bit and the bit itself if it is fixed.
func (m mask) bits() (value, care uint32) {
	switch m {
	case maskZero:
		return 0, 1 << 25
	case maskOne:
		return 1 << 25, 1 << 25
	}
	return 0, 0
}

// Fields of a vector load or store.
const (
	maskNF    = 7 << 29
	maskMew   = 1 << 28
	maskMop   = 3 << 26
	maskVM    = 1 << 25
	maskUmop  = 31 << 20
	maskMinor = 0x707f
)

// vectorMemory makes the rows of loads and stores from those of vectorAccess: for
// each width of elements, one row for a single field and one for several, the
// name of which has a star for their number.
func vectorMemory() []Row {
	widths := [...]struct {
		bits  string
		minor uint32
	}{{"8", 0}, {"16", 5}, {"32", 6}, {"64", 7}}
	var rows []Row
	for _, a := range vectorAccess {
		for _, w := range widths {
			match := a.major | w.minor<<12 | a.mop<<26 | a.umop<<20
			mask := uint32(maskMinor | maskMew | maskMop)
			if a.format == FmtVLoad {
				mask |= maskUmop
			}
			name := a.name + w.bits + a.end
			rows = append(rows,
				Row{Op: a.op, Name: a.head + name, Format: a.format, Ext: "V", Mask: mask | maskNF, Match: match, Doc: a.doc},
				Row{Op: a.op, Name: a.head + a.seg + name, Format: a.format, Ext: "V", Mask: mask, Match: match, Doc: a.doc + ", several fields"})
		}
	}
	const whole = maskMinor | maskMew | maskMop | maskVM | maskUmop | maskNF
	rows = append(rows,
		Row{Op: OpVlm, Name: "vlm.v", Format: FmtVLoad, Ext: "V", Mask: whole, Match: majorLoad | maskVM | 11<<20, Doc: "load the bytes of a mask"},
		Row{Op: OpVsm, Name: "vsm.v", Format: FmtVLoad, Ext: "V", Mask: whole, Match: majorStore | maskVM | 11<<20, Doc: "store the bytes of a mask"})
	for _, n := range []uint32{1, 2, 4, 8} {
		count := strconv.Itoa(int(n))
		for _, w := range widths {
			rows = append(rows, Row{Op: OpVlr, Name: "vl" + count + "re" + w.bits + ".v", Format: FmtVLoad, Ext: "V",
				Mask: whole, Match: majorLoad | w.minor<<12 | maskVM | 8<<20 | (n-1)<<29, Doc: "load " + count + " whole registers"})
		}
		rows = append(rows, Row{Op: OpVsr, Name: "vs" + count + "r.v", Format: FmtVLoad, Ext: "V",
			Mask: whole, Match: majorStore | maskVM | 8<<20 | (n-1)<<29, Doc: "store " + count + " whole registers"})
	}
	return rows
}
