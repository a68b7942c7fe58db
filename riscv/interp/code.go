package interp

import (
	"math"
	"math/bits"
	"unsafe"

	"fishplate/riscv/float"
	"fishplate/riscv/isa"
)

// ins is one decoded instruction, or a pseudo-instruction. Its fields are
// narrow so that four of them fit in a cache line.
type ins struct {
	code fast
	run  uint8 // instructions from here to the end of the block, this one included
	rd   uint8
	rs1  uint8
	rs2  uint8 // also the length in bytes where there is no second source
	rs3  uint8 // rs3 in the low 5 bits, rounding mode or aq/rl above; width of a CSR
	op   isa.Op
	imm  int32 // immediate, or the distance to a branch's target, in bytes of records
	off  uint32
}

// insSize is the distance between records in memory.
const insSize = int(unsafe.Sizeof(ins{}))

// next is the record behind in. Code ends with an escape, which is never left
// that way, so there always is one.
func (in *ins) next() *ins { return (*ins)(unsafe.Add(unsafe.Pointer(in), insSize)) }

// target is where a branch leads: a distance that link computed within the same
// slice, so it needs no check.
func (in *ins) target() *ins { return (*ins)(unsafe.Add(unsafe.Pointer(in), int(in.imm))) }

// opTorn is the pseudo-operation of an instruction whose second half is missing.
const opTorn = isa.OpCount

// segment is the decoded code of one executable region.
type segment struct {
	base  uint64
	mask  uint64 // what an address can be: all ones, or the low 32 bits in RV32
	hooks *Hooks
	bytes []byte
	code  []ins
	entry []int32 // index into code for each halfword, -1 between instructions
}

// Code is a decoded program. It is immutable.
type Code struct {
	segs    []*segment
	regions []Region
	xlen    int
}

// Raw returns the regions that the code was made from, for another engine to
// decode. They must not be changed.
func (c *Code) Raw() []Region { return c.regions }

// XLEN returns the width of a register in bits, 32 or 64.
func (c *Code) XLEN() int { return c.xlen }

// Region is executable bytes at an address.
type Region struct {
	Addr  uint64
	Bytes []byte
}

// maxRegion keeps offsets and distances between records within 32 bits.
const maxRegion = 64 << 20

// maxRun is the greatest number of instructions charged at once.
const maxRun = 255

// Compile decodes regions of code for registers of xlen bits, 32 or 64. Regions
// must not overlap and their bytes must not change later. What one has beyond
// 64 MiB is not executable.
func Compile(xlen int, regions []Region) *Code { return CompileWith(nil, xlen, regions) }

// CompileWith is Compile for an embedder that has instructions of its own.
func CompileWith(hooks *Hooks, xlen int, regions []Region) *Code {
	c := &Code{xlen: xlen, regions: regions}
	for _, r := range regions {
		if len(r.Bytes) > maxRegion {
			r.Bytes = r.Bytes[:maxRegion]
		}
		s := &segment{base: r.Addr, mask: ^uint64(0) >> (64 - xlen), hooks: hooks, bytes: r.Bytes[:len(r.Bytes)&^1]}
		s.sweep()
		s.link()
		s.measure()
		s.fuse()
		c.segs = append(c.segs, s)
	}
	return c
}

// Instructions returns how many records the code has, for statistics.
func (c *Code) Instructions() int {
	n := 0
	for _, s := range c.segs {
		n += len(s.code)
	}
	return n
}

// find returns the segment with address pc.
func (c *Code) find(pc uint64) *segment {
	for _, s := range c.segs {
		if pc-s.base < uint64(len(s.bytes)) {
			return s
		}
	}
	return nil
}

// sweep decodes the region from its beginning. Branch immediates are left as
// offsets from base until link.
func (s *segment) sweep() {
	s.entry = make([]int32, len(s.bytes)/2)
	for i := range s.entry {
		s.entry[i] = -1
	}
	s.code = make([]ins, 0, len(s.bytes)/3+8)
	straight := 0
	for off := 0; off < len(s.bytes); {
		in, size := s.lower(off)
		if straight++; in.ends() {
			straight = 0
		} else if straight == maxRun {
			s.code = append(s.code, ins{code: doNext, off: uint32(off)})
			straight = 1
		}
		s.entry[off/2] = int32(len(s.code))
		s.code = append(s.code, in)
		off += size
	}
	s.code = append(s.code, ins{code: doEscape, imm: int32(len(s.bytes)), off: uint32(len(s.bytes))})
}

// link turns branch offsets into distances between records. Targets that are no
// known instruction get an escape at the end of the code.
func (s *segment) link() {
	far := make(map[int32]int32)
	for i := range len(s.code) {
		in := &s.code[i]
		if !in.branches() {
			continue
		}
		to := in.imm
		if to >= 0 && int(to) < len(s.bytes) && s.entry[to/2] >= 0 {
			in.imm = (s.entry[to/2] - int32(i)) * int32(insSize)
			continue
		}
		k, ok := far[to]
		if !ok {
			k = int32(len(s.code))
			far[to] = k
			s.code = append(s.code, ins{code: doEscape, imm: to})
			in = &s.code[i]
		}
		in.imm = (k - int32(i)) * int32(insSize)
	}
}

// measure fills in the run lengths, from the end to the beginning.
func (s *segment) measure() {
	next := uint8(0)
	for i := len(s.code) - 1; i >= 0; i-- {
		in := &s.code[i]
		switch {
		case in.code == doEscape || in.code == doNext:
			next = 0
		case in.ends():
			next = 1
		default:
			next++
		}
		in.run = next
	}
}

// branches says whether imm is a jump target inside the code.
func (in *ins) branches() bool {
	return in.code == doJ || in.code >= doBeq && in.code <= doBgeu || in.op == isa.OpJal || in.op == isa.OpJal32
}

// ends says whether the instruction is the last of its block: what may go
// elsewhere, leaves to the embedder, or looks at the counter.
func (in *ins) ends() bool {
	switch in.op {
	case opTorn, isa.OpIllegal, isa.OpJalr, isa.OpJalr32:
		return true
	}
	return in.op >= isa.OpEcall && in.op <= isa.OpCsrrci || in.branches()
}

// at returns the record of the instruction at pc, or nil.
func (s *segment) at(pc uint64) *ins {
	if o := (pc - s.base) / 2; o < uint64(len(s.entry)) {
		if k := s.entry[o]; k >= 0 {
			return (*ins)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s.code)), int(k)*insSize))
		}
	}
	return nil
}

// lower decodes the instruction at off.
func (s *segment) lower(off int) (ins, int) {
	b := s.bytes[off:]
	w := uint32(b[0]) | uint32(b[1])<<8
	if isa.Size(uint16(w)) == 4 {
		if len(b) < 4 {
			return ins{op: opTorn, off: uint32(off)}, 2
		}
		w |= uint32(b[2])<<16 | uint32(b[3])<<24
	}
	d := s.hooks.hook(w, s.decode(w))
	in := ins{op: d.Op, rd: d.Rd, rs1: d.Rs1, rs2: d.Rs2, rs3: d.Rs3 | d.RM<<5, imm: int32(d.Imm), off: uint32(off)}
	if int(d.Op) < len(codes) {
		in.code = codes[d.Op]
	}
	s.simplify(&in, d)
	return in, int(d.Len)
}

func (s *segment) decode(w uint32) isa.Inst {
	if s.mask>>32 == 0 {
		return isa.Decode32(w)
	}
	return isa.Decode(w)
}

// simplify chooses cheaper codes where operands allow it, and doSlow where they
// do not allow a fast one: no record with a fast code writes x0.
func (s *segment) simplify(in *ins, d isa.Inst) {
	op := d.Op
	switch {
	case op.IsVector():
		if s.mask>>32 == 0 {
			in.rs3 |= vector32
		}
		return
	case op == isa.OpAuipc || op == isa.OpAuipc32:
		// Addresses below 2 GiB, and all of RV32, become constants.
		if v := s.base + uint64(in.off) + uint64(d.Imm); v <= math.MaxInt32 || op == isa.OpAuipc32 {
			in.code, in.imm = doLi, int32(v)
		}
	case op == isa.OpJal || op == isa.OpJal32 || op == isa.OpJalr || op == isa.OpJalr32:
		s.simplifyJump(in, d)
		return
	case op >= isa.OpBeq && op <= isa.OpBgeu:
		in.imm += int32(in.off)
		return
	case op >= isa.OpEcall && op <= isa.OpCsrrci:
		in.rs2 = d.Len
		if op >= isa.OpCsrrw {
			in.rs3 = uint8(bits.Len64(s.mask)) // the width of the register
		}
	case op == isa.OpAddi:
		if d.Rs1 == 0 {
			in.code = doLi
		} else if d.Imm == 0 {
			in.code = doMv
		}
	case op == isa.OpAdd && d.Rs1 == 0:
		in.code, in.rs1 = doMv, d.Rs2
	case op >= isa.OpFmaddS && op <= isa.OpFcvtDS:
		simplifyFloat(in, d)
		return
	}
	switch {
	case d.Rd != 0 || stores(op) || op == isa.OpFlw || op == isa.OpFld || op == isa.OpFlw32 || op == isa.OpFld32:
	case pure(op):
		in.code = doNop
	default:
		in.code = doSlow
	}
}

// simplifyJump prepares a jump and its link. Links of RV32 above 2 GiB are left
// to slow.
func (s *segment) simplifyJump(in *ins, d isa.Inst) {
	in.rs2 = d.Len
	if d.Op == isa.OpJal || d.Op == isa.OpJal32 {
		in.imm += int32(in.off)
	}
	switch low := s.mask>>32 != 0 || s.base+uint64(in.off) < math.MaxInt32-4; {
	case d.Op == isa.OpJal || d.Op == isa.OpJal32:
		if in.code = doJ; d.Rd != 0 && low {
			in.code = doJal
		} else if d.Rd != 0 {
			in.code = doSlow
		}
	case d.Rd == 0:
		in.code = doJr
	case low:
		in.code = doJalr
	default:
		in.code = doSlow
	}
}

// simplifyFloat keeps the fast code of an operation only for the rounding mode
// that Run assumes: nearest, also when it is the dynamic one, and towards zero
// for conversions to integers.
func simplifyFloat(in *ins, d isa.Inst) {
	f := isa.Table()[d.Row].Format
	toX := f == isa.FmtFToX || f == isa.FmtFX || f == isa.FmtFCmp
	dynamic := d.RM == isa.RMDynamic
	switch {
	case toX && d.Rd == 0, f == isa.FmtFToX && d.RM != float.RTZ,
		(f == isa.FmtR4 || f == isa.FmtFRm || f == isa.FmtFRm1 || f == isa.FmtXToF) && d.RM != float.RNE && !dynamic:
		in.code = doSlow
	case dynamic && (d.Op == isa.OpFcvtDS || d.Op == isa.OpFcvtDW || d.Op == isa.OpFcvtDWu):
		in.code = doSlow // exact, but an invalid mode must be noticed
	case f == isa.FmtR4:
		switch d.Op {
		case isa.OpFnmsubS, isa.OpFnmsubD:
			in.imm = negateProduct
		case isa.OpFmsubS, isa.OpFmsubD:
			in.imm = negateAddend
		case isa.OpFnmaddS, isa.OpFnmaddD:
			in.imm = negateProduct | negateAddend
		}
	}
}

// pure says whether an operation does nothing but write the integer rd.
func pure(op isa.Op) bool {
	return op == isa.OpLui || op == isa.OpAuipc || op >= isa.OpAddi && op <= isa.OpSraw ||
		op >= isa.OpFence && op <= isa.OpFenceI ||
		op >= isa.OpMul && op <= isa.OpRemuw || op >= isa.OpAddUw && op <= isa.OpAuipc32 ||
		op >= isa.OpMulh32 && op <= isa.OpBseti32
}
