package isa

import (
	"strconv"
	"strings"
)

// vectorOperands extracts the fields of a vector format; see there for which
// field of an Inst holds what.
func vectorOperands(f Format, w uint32) Inst {
	in := Inst{
		Rd: uint8(w >> 7 & 31), Rs1: uint8(w >> 15 & 31), Rs2: uint8(w >> 20 & 31),
		Rs3: uint8(w>>25&1 | w>>29<<1), RM: uint8(w >> 12 & 7),
	}
	switch f {
	case FmtVset:
		in.Rs2, in.Rs3, in.Imm = 0, 0, int64(w>>20&0x7ff)
	case FmtVseti:
		in.Rs2, in.Rs3, in.Imm = 0, 0, int64(w>>20&0x3ff)
	case FmtVI, FmtVIM, FmtVfromI:
		in.Imm = signed(w>>15, 5)
	case FmtVU:
		in.Imm = int64(in.Rs1)
	}
	return in
}

// VectorName returns the name of vector register r (0 to 31).
func VectorName(r uint8) string { return "v" + strconv.Itoa(int(r&31)) }

// vectorText writes a vector instruction other than vsetvl.
func vectorText(r *Row, in Inst) string {
	name := r.Name
	if i := strings.IndexByte(name, '*'); i >= 0 {
		name = name[:i] + strconv.Itoa(int(in.Rs3>>1)+1) + name[i+1:]
	}
	masked := ""
	if in.Rs3&1 == 0 {
		masked = ",v0.t"
	}
	x1, x2, f1 := xNames[in.Rs1], xNames[in.Rs2], fNames[in.Rs1]
	vd, v1, v2 := VectorName(in.Rd), VectorName(in.Rs1), VectorName(in.Rs2)
	imm := strconv.Itoa(int(in.Imm))
	var args string
	switch r.Format {
	case FmtVset:
		args = xNames[in.Rd] + "," + x1 + "," + vtypeText(in.Imm)
	case FmtVseti:
		args = xNames[in.Rd] + "," + strconv.Itoa(int(in.Rs1)) + "," + vtypeText(in.Imm)
	case FmtVLoad:
		args = vd + ",(" + x1 + ")" + masked
	case FmtVStride:
		args = vd + ",(" + x1 + ")," + x2 + masked
	case FmtVIndex:
		args = vd + ",(" + x1 + ")," + v2 + masked
	case FmtVV:
		args = vd + "," + v2 + "," + v1 + masked
	case FmtVX:
		args = vd + "," + v2 + "," + x1 + masked
	case FmtVI, FmtVU:
		args = vd + "," + v2 + "," + imm + masked
	case FmtVF:
		args = vd + "," + v2 + "," + f1 + masked
	case FmtVVM:
		args = vd + "," + v2 + "," + v1 + ",v0"
	case FmtVXM:
		args = vd + "," + v2 + "," + x1 + ",v0"
	case FmtVIM:
		args = vd + "," + v2 + "," + imm + ",v0"
	case FmtVFM:
		args = vd + "," + v2 + "," + f1 + ",v0"
	case FmtAV:
		args = vd + "," + v1 + "," + v2 + masked
	case FmtAX:
		args = vd + "," + x1 + "," + v2 + masked
	case FmtAF:
		args = vd + "," + f1 + "," + v2 + masked
	case FmtV2:
		args = vd + "," + v2 + masked
	case FmtV1:
		args = vd + "," + v1
	case FmtV0:
		args = vd + masked
	case FmtVfromX:
		args = vd + "," + x1
	case FmtVfromF:
		args = vd + "," + f1
	case FmtVfromI:
		args = vd + "," + imm
	case FmtXfromV:
		args = xNames[in.Rd] + "," + v2 + masked
	case FmtFfromV:
		args = fNames[in.Rd] + "," + v2
	}
	return name + "\t" + args
}

var (
	lmulNames = [8]string{"m1", "m2", "m4", "m8", "", "mf8", "mf4", "mf2"}
	sewNames  = [8]string{"e8", "e16", "e32", "e64"}
)

// vtypeText writes the immediate of a vsetvli; reserved ones are numbers.
func vtypeText(v int64) string {
	lmul, sew := lmulNames[v&7], sewNames[v>>3&7]
	if lmul == "" || sew == "" || v>>8 != 0 {
		return strconv.FormatInt(v, 10)
	}
	return sew + "," + lmul + "," + [2]string{"tu", "ta"}[v>>6&1] + "," + [2]string{"mu", "ma"}[v>>7&1]
}
