package isa

// Register numbers that compressed encodings imply.
const (
	regRA = 1
	regSP = 2
)

// thinOperands extracts the fields of a compressed format in the shape of the
// instruction that it abbreviates. Reserved values are refused; hints (writes to
// x0) are allowed and do nothing.
func thinOperands(f Format, w uint32) (Inst, bool) {
	rd, rs2 := uint8(w>>7&31), uint8(w>>2&31)
	rdp, rs2p := uint8(w>>7&7)+8, uint8(w>>2&7)+8
	imm6 := signed(w>>12&1<<5|w>>2&31, 6)
	switch f {
	case FmtNone:
		return Inst{}, true
	case FmtCiw:
		imm := w>>11&3<<4 | w>>7&15<<6 | w>>6&1<<2 | w>>5&1<<3
		return Inst{Rd: rs2p, Rs1: regSP, Imm: int64(imm)}, imm != 0
	case FmtCLw, FmtCSw, FmtCFlw, FmtCFsw:
		imm := int64(w>>10&7<<3 | w>>6&1<<2 | w>>5&1<<6)
		return thinMemory(f == FmtCLw || f == FmtCFlw, rs2p, rdp, imm), true
	case FmtCLd, FmtCSd, FmtCFld, FmtCFsd:
		imm := int64(w>>10&7<<3 | w>>5&3<<6)
		return thinMemory(f == FmtCLd || f == FmtCFld, rs2p, rdp, imm), true
	case FmtCNop, FmtCi:
		return Inst{Rd: rd, Rs1: rd, Imm: imm6}, true
	case FmtCiNz:
		return Inst{Rd: rd, Rs1: rd, Imm: imm6}, rd != 0
	case FmtCLi:
		return Inst{Rd: rd, Imm: imm6}, true
	case FmtC16sp:
		imm := signed(w>>12&1<<9|w>>6&1<<4|w>>5&1<<6|w>>3&3<<7|w>>2&1<<5, 10)
		return Inst{Rd: regSP, Rs1: regSP, Imm: imm}, imm != 0
	case FmtCLui:
		return Inst{Rd: rd, Imm: imm6 << 12}, imm6 != 0
	case FmtCShift:
		return Inst{Rd: rdp, Rs1: rdp, Imm: imm6 & 63}, true
	case FmtCAndi:
		return Inst{Rd: rdp, Rs1: rdp, Imm: imm6}, true
	case FmtCa:
		return Inst{Rd: rdp, Rs1: rdp, Rs2: rs2p}, true
	case FmtCSlli:
		return Inst{Rd: rd, Rs1: rd, Imm: imm6 & 63}, true
	case FmtCJr:
		return Inst{Rs1: rd}, rd != 0
	case FmtCJalr:
		return Inst{Rd: regRA, Rs1: rd}, rd != 0
	case FmtCMv:
		return Inst{Rd: rd, Rs2: rs2}, rs2 != 0
	case FmtCAdd:
		return Inst{Rd: rd, Rs1: rd, Rs2: rs2}, rs2 != 0
	}
	return thinFar(f, w, rd, rs2, rdp)
}

// thinFar extracts the formats that jump or address the stack.
func thinFar(f Format, w uint32, rd, rs2, rdp uint8) (Inst, bool) {
	switch f {
	case FmtCJ, FmtCJal:
		imm := w>>12&1<<11 | w>>11&1<<4 | w>>9&3<<8 | w>>8&1<<10 | w>>7&1<<6 | w>>6&1<<7 | w>>3&7<<1 | w>>2&1<<5
		in := Inst{Imm: signed(imm, 12)}
		if f == FmtCJal {
			in.Rd = regRA
		}
		return in, true
	case FmtCB:
		imm := w>>12&1<<8 | w>>10&3<<3 | w>>5&3<<6 | w>>3&3<<1 | w>>2&1<<5
		return Inst{Rs1: rdp, Imm: signed(imm, 9)}, true
	case FmtCLwsp, FmtCFlwsp:
		return thinMemory(true, rd, regSP, int64(w>>12&1<<5|w>>4&7<<2|w>>2&3<<6)), f == FmtCFlwsp || rd != 0
	case FmtCLdsp, FmtCFldsp:
		return thinMemory(true, rd, regSP, int64(w>>12&1<<5|w>>5&3<<3|w>>2&7<<6)), f == FmtCFldsp || rd != 0
	case FmtCSwsp, FmtCFswsp:
		return thinMemory(false, rs2, regSP, int64(w>>9&15<<2|w>>7&3<<6)), true
	case FmtCSdsp, FmtCFsdsp:
		return thinMemory(false, rs2, regSP, int64(w>>10&7<<3|w>>7&7<<6)), true
	}
	return Inst{}, false
}

// thinMemory builds a load into, or a store of, the register r.
func thinMemory(load bool, r, base uint8, imm int64) Inst {
	if load {
		return Inst{Rd: r, Rs1: base, Imm: imm}
	}
	return Inst{Rs2: r, Rs1: base, Imm: imm}
}
