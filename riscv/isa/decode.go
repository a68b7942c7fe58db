package isa

// Inst is one decoded instruction. Register fields that the format does not
// have are 0. Imm is the sign-extended immediate in its final scale: bytes for
// branches and memory, the shifted value for lui and auipc, the CSR number for
// Zicsr (whose 5-bit immediate is then in Rs1).
type Inst struct {
	Op  Op
	Row uint16 // index into Table
	Len uint8  // bytes: 2 or 4
	Rd  uint8
	Rs1 uint8
	Rs2 uint8
	Rs3 uint8
	RM  uint8 // rounding mode, or the aq/rl bits of an atomic
	Imm int64
}

// RMDynamic is the rounding mode that stands for the one in the CSR frm.
const RMDynamic = 7

// index maps the opcode bits of a word to the rows that it may belong to.
type index struct {
	wide [32 * 8][]uint16 // by bits 6..2 and 14..12
	thin [3 * 8][]uint16  // by bits 1..0 and 15..13
}

var (
	rows64 = buildIndex(64)
	rows32 = buildIndex(32)
)

// buildIndex sorts the rows of one width by the bits that most encodings tell
// apart, keeping their order: the first row that matches wins.
func buildIndex(xlen uint8) *index {
	ix := new(index)
	for i := range table {
		r := &table[i]
		if r.XLEN != 0 && r.XLEN != xlen {
			continue
		}
		if r.Match&3 != 3 {
			k := r.Match&3<<3 | r.Match>>13&7
			ix.thin[k] = append(ix.thin[k], uint16(i))
			continue
		}
		for f := range uint32(8) {
			if (f<<12^r.Match)&r.Mask&0x7000 == 0 {
				k := r.Match>>2&31<<3 | f
				ix.wide[k] = append(ix.wide[k], uint16(i))
			}
		}
	}
	return ix
}

// Size returns the length in bytes of the instruction that starts with the
// 16 bits w: 2 or 4. The longer encodings of the specification are not used by
// the extensions that this package knows and count as 4.
func Size(w uint16) int {
	if w&3 == 3 {
		return 4
	}
	return 2
}

// Decode decodes the RV64 instruction at the beginning of word; when it is a
// compressed one the upper 16 bits are ignored. An unknown or reserved encoding
// gives Op OpIllegal, with Len still telling how many bytes it occupies.
func Decode(word uint32) Inst { return rows64.decode(word) }

// Decode32 is Decode for RV32. Its operations work on 64-bit registers that hold
// 32-bit values sign-extended, and keep them so: an RV32 add is the addw of RV64.
// Where RV64 has no such operation the Op is one whose name ends in 32. Targets
// of branches and jumps are to be taken modulo 2^32.
func Decode32(word uint32) Inst {
	in := rows32.decode(word)
	in.narrow()
	return in
}

// decode finds the row of a word and extracts its operands.
func (ix *index) decode(word uint32) Inst {
	var list []uint16
	n := uint8(4)
	if word&3 == 3 {
		list = ix.wide[word>>2&31<<3|word>>12&7]
	} else {
		word &= 0xffff
		n = 2
		list = ix.thin[word&3<<3|word>>13&7]
	}
	for _, i := range list {
		r := &table[i]
		if word&r.Mask != r.Match {
			continue
		}
		in, ok := operands(r.Format, word)
		if !ok {
			break
		}
		in.Op, in.Row, in.Len = r.Op, i, n
		return in
	}
	return Inst{Len: n}
}

// signed returns the low n bits of v, sign-extended.
func signed(v uint32, n uint) int64 {
	return int64(int32(v<<(32-n)) >> (32 - n))
}

// operands extracts the fields of a format and says whether their values are
// allowed.
func operands(f Format, w uint32) (Inst, bool) {
	if w&3 != 3 {
		return thinOperands(f, w)
	}
	if f >= FmtVFirst {
		return vectorOperands(f, w), true
	}
	in := Inst{Rd: uint8(w >> 7 & 31), Rs1: uint8(w >> 15 & 31), Rs2: uint8(w >> 20 & 31)}
	switch f {
	case FmtNone:
		return Inst{}, true
	case FmtFence:
		return Inst{Imm: int64(w >> 20 & 0xff)}, true
	case FmtHost:
		return Inst{Imm: int64(w >> 20)}, true
	case FmtU:
		return Inst{Rd: in.Rd, Imm: int64(int32(w &^ 0xfff))}, true
	case FmtJ:
		return Inst{Rd: in.Rd, Imm: signed(w>>31<<20|(w>>12&0xff)<<12|(w>>20&1)<<11|(w>>21&0x3ff)<<1, 21)}, true
	case FmtB:
		in.Rd = 0
		in.Imm = signed(w>>31<<12|(w>>7&1)<<11|(w>>25&0x3f)<<5|(w>>8&15)<<1, 13)
		return in, true
	case FmtI, FmtLoad, FmtJalr, FmtFLoad:
		in.Rs2 = 0
		in.Imm = int64(int32(w) >> 20)
	case FmtStore, FmtFStore:
		in.Rd = 0
		in.Imm = signed(w>>25<<5|w>>7&31, 12)
	case FmtShift:
		in.Rs2 = 0
		in.Imm = int64(w >> 20 & 63)
	case FmtShiftW:
		in.Rs2 = 0
		in.Imm = int64(w >> 20 & 31)
	case FmtCsr, FmtCsrI:
		in.Rs2 = 0
		in.Imm = int64(w >> 20)
	case FmtFli:
		return Inst{Rd: in.Rd, Imm: int64(in.Rs1)}, true
	case FmtR1, FmtFX, FmtXF:
		in.Rs2 = 0
	case FmtLr, FmtAmo:
		in.RM = uint8(w >> 25 & 3)
	case FmtR4, FmtFRm, FmtFRm1, FmtFToX, FmtXToF:
		in.RM = uint8(w >> 12 & 7)
		in.Rs3 = uint8(w >> 27)
		if f != FmtR4 {
			in.Rs3 = 0
		}
		if f != FmtR4 && f != FmtFRm {
			in.Rs2 = 0
		}
		return in, in.RM != 5 && in.RM != 6
	}
	return in, true
}
