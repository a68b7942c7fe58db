package isa

import (
	"fmt"
	"strconv"
	"strings"
)

// RegisterName returns the ABI name of integer register r (0 to 31).
func RegisterName(r uint8) string { return xNames[r&31] }

// FloatName returns the ABI name of floating-point register r (0 to 31).
func FloatName(r uint8) string { return fNames[r&31] }

var xNames = [32]string{
	"zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
	"a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
}

var fNames = [32]string{
	"ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4", "fa5",
	"fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11",
}

// fliNames are the constants of fli as assemblers write them.
var fliNames = [32]string{
	"-1.0", "min", "1.52587890625e-05", "3.0517578125e-05", "0.00390625", "0.0078125", "0.0625", "0.125",
	"0.25", "0.3125", "0.375", "0.4375", "0.5", "0.625", "0.75", "0.875",
	"1.0", "1.25", "1.5", "1.75", "2.0", "2.5", "3.0", "4.0",
	"8.0", "16.0", "128.0", "256.0", "32768.0", "65536.0", "inf", "nan",
}

var rmNames = [8]string{"rne", "rtz", "rdn", "rup", "rmm", "rm5", "rm6", "dyn"}

// Disasm writes the instruction in word, which lies at address pc, as the GNU
// assembler would accept it: the mnemonic, a tab, the operands. Jump targets
// are absolute hexadecimal addresses. An unknown word is written as ".2byte"
// or ".4byte".
func Disasm(word uint32, pc uint64) string { return DisasmFor(64, word, pc) }

// DisasmFor is Disasm for registers of xlen bits, 32 or 64.
func DisasmFor(xlen int, word uint32, pc uint64) string {
	in := Decode(word)
	if xlen == 32 {
		in = Decode32(word)
	}
	if in.Op == OpIllegal {
		if in.Len == 2 {
			return fmt.Sprintf(".2byte\t%#x", word&0xffff)
		}
		return fmt.Sprintf(".4byte\t%#x", word)
	}
	r := &table[in.Row]
	if r.Format >= FmtVFirst {
		return vectorText(r, in)
	}
	name := r.Name
	if r.Format == FmtLr || r.Format == FmtAmo {
		name += [4]string{"", ".rl", ".aq", ".aqrl"}[in.RM]
	}
	target := pc + uint64(in.Imm)
	if xlen == 32 {
		target = uint64(uint32(target))
	}
	if args := operandText(r.Format, in, fmt.Sprintf("%#x", target)); args != "" {
		return name + "\t" + args
	}
	return name
}

// operandText writes the operands of a format; target is that of a branch, as a
// number. The formats of floating point follow in floatText.
func operandText(f Format, in Inst, target string) string {
	rd, rs1, rs2 := xNames[in.Rd], xNames[in.Rs1], xNames[in.Rs2]
	fd, fs1, fs2 := fNames[in.Rd], fNames[in.Rs1], fNames[in.Rs2]
	imm := strconv.FormatInt(in.Imm, 10)
	switch f {
	case FmtNone:
		return ""
	case FmtFence:
		return fenceSet(in.Imm>>4) + "," + fenceSet(in.Imm)
	case FmtHost:
		return imm
	case FmtU, FmtCLui:
		return rd + fmt.Sprintf(",%#x", uint64(in.Imm)>>12&0xfffff)
	case FmtJ:
		return rd + "," + target
	case FmtB:
		return rs1 + "," + rs2 + "," + target
	case FmtI, FmtCiw:
		return rd + "," + rs1 + "," + imm
	case FmtShift, FmtShiftW:
		return rd + "," + rs1 + fmt.Sprintf(",%#x", in.Imm)
	case FmtLoad, FmtJalr, FmtCLw, FmtCLd, FmtCLwsp, FmtCLdsp:
		return rd + "," + imm + "(" + rs1 + ")"
	case FmtStore, FmtCSw, FmtCSd, FmtCSwsp, FmtCSdsp:
		return rs2 + "," + imm + "(" + rs1 + ")"
	case FmtR:
		return rd + "," + rs1 + "," + rs2
	case FmtR1:
		return rd + "," + rs1
	case FmtCsr:
		return rd + "," + csrName(in.Imm) + "," + rs1
	case FmtCsrI:
		return rd + "," + csrName(in.Imm) + "," + strconv.Itoa(int(in.Rs1))
	case FmtLr:
		return rd + ",(" + rs1 + ")"
	case FmtAmo:
		return rd + "," + rs2 + ",(" + rs1 + ")"
	case FmtFLoad, FmtCFld, FmtCFldsp, FmtCFlw, FmtCFlwsp:
		return fd + "," + imm + "(" + rs1 + ")"
	case FmtFStore, FmtCFsd, FmtCFsdsp, FmtCFsw, FmtCFswsp:
		return fs2 + "," + imm + "(" + rs1 + ")"
	case FmtCNop:
		if in.Imm != 0 {
			return imm
		}
		return ""
	case FmtCi, FmtCiNz, FmtCLi, FmtCAndi:
		return rd + "," + imm
	case FmtC16sp:
		return rd + "," + imm
	case FmtCShift, FmtCSlli:
		return rd + fmt.Sprintf(",%#x", in.Imm)
	case FmtCa, FmtCMv, FmtCAdd:
		return rd + "," + rs2
	case FmtCJ, FmtCJal:
		return target
	case FmtCB:
		return rs1 + "," + target
	case FmtCJr, FmtCJalr:
		return rs1
	}
	return floatText(f, in, rd, rs1, rs2, fd, fs1, fs2)
}

// floatText writes operands of which at least one is a floating-point register.
// A rounding mode is written unless it is the dynamic one.
func floatText(f Format, in Inst, rd, rs1, rs2, fd, fs1, fs2 string) string {
	rm := ""
	if in.RM != RMDynamic {
		rm = "," + rmNames[in.RM]
	}
	switch f {
	case FmtR4:
		return fd + "," + fs1 + "," + fs2 + "," + fNames[in.Rs3] + rm
	case FmtFRm:
		return fd + "," + fs1 + "," + fs2 + rm
	case FmtFRm1:
		if in.Op == OpFcvtDS && in.RM == 0 {
			rm = "" // widening never rounds, so assemblers write mode 0 silently
		}
		return fd + "," + fs1 + rm
	case FmtFR:
		return fd + "," + fs1 + "," + fs2
	case FmtFCmp:
		return rd + "," + fs1 + "," + fs2
	case FmtFToX:
		return rd + "," + fs1 + rm
	case FmtXToF:
		if (in.Op == OpFcvtDW || in.Op == OpFcvtDWu) && in.RM == 0 {
			rm = "" // exact as well
		}
		return fd + "," + rs1 + rm
	case FmtFX:
		return rd + "," + fs1
	case FmtXF:
		return fd + "," + rs1
	case FmtXXF:
		return fd + "," + rs1 + "," + rs2
	case FmtFli:
		return fd + "," + fliNames[in.Imm&31]
	}
	return ""
}

// fenceSet writes the kinds of accesses that a fence orders, input, output,
// reading and writing, from four bits.
func fenceSet(bits int64) string {
	var b strings.Builder
	for i, c := range "iorw" {
		if bits>>(3-i)&1 != 0 {
			b.WriteRune(c)
		}
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}

// csrName names the CSRs that a user program meets; others are numbers.
func csrName(n int64) string {
	switch n {
	case 0x001:
		return "fflags"
	case 0x002:
		return "frm"
	case 0x003:
		return "fcsr"
	case 0x008:
		return "vstart"
	case 0x009:
		return "vxsat"
	case 0x00a:
		return "vxrm"
	case 0x00f:
		return "vcsr"
	case 0xc20:
		return "vl"
	case 0xc21:
		return "vtype"
	case 0xc22:
		return "vlenb"
	case 0xc00:
		return "cycle"
	case 0xc01:
		return "time"
	case 0xc02:
		return "instret"
	}
	return fmt.Sprintf("%#x", n)
}
