package interp

import (
	"math"
	"math/bits"
	"unsafe"

	"fishplate/riscv/isa"
)

// ins is one decoded instruction, or a pseudo-instruction. Its fields are
// narrow so that four of them fit in a cache line.
type ins struct {
	op  isa.Op // the operation, or a pseudo-operation
	run uint16 // instructions from here to the end of the block, this one included
	rd  uint8
	rs1 uint8
	rs2 uint8 // also the length in bytes where there is no second source
	rs3 uint8 // rs3 in the low 5 bits, rounding mode or aq/rl above
	imm int32 // immediate, or the distance to a branch's target, in bytes of records
	off uint32
}

// insSize is the distance between records in memory.
const insSize = int(unsafe.Sizeof(ins{}))

// next is the record behind in. Code ends with an escape, which is never left
// that way, so there always is one.
func (in *ins) next() *ins { return (*ins)(unsafe.Add(unsafe.Pointer(in), insSize)) }

// target is where a branch leads: a distance that link computed within the same
// slice, so it needs no check.
func (in *ins) target() *ins { return (*ins)(unsafe.Add(unsafe.Pointer(in), int(in.imm))) }

// Pseudo-operations, numbered after the real ones.
const (
	opNop      = isa.OpCount + iota
	opLi       // rd = imm
	opMv       // rd = rs1
	opJ        // jal without a link
	opJr       // jalr without a link
	opLoadX0   // load of rs2 bytes whose value is dropped
	opEscape   // continue at base + imm; counts as nothing
	opTornCode // an instruction of which the second half is missing
)

// segment is the decoded code of one executable region.
type segment struct {
	base  uint64
	mask  uint64 // what an address can be: all ones, or the low 32 bits in RV32
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
const maxRun = 4096

// Compile decodes regions of code for registers of xlen bits, 32 or 64. Regions
// must not overlap and their bytes must not change later. What one has beyond
// 64 MiB is not executable.
func Compile(xlen int, regions []Region) *Code {
	c := &Code{xlen: xlen, regions: regions}
	for _, r := range regions {
		if len(r.Bytes) > maxRegion {
			r.Bytes = r.Bytes[:maxRegion]
		}
		s := &segment{base: r.Addr, mask: ^uint64(0) >> (64 - xlen), bytes: r.Bytes[:len(r.Bytes)&^1]}
		s.sweep()
		s.link()
		s.measure()
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
			s.code = append(s.code, ins{op: opEscape, imm: int32(off), off: uint32(off)})
			straight = 1
		}
		s.entry[off/2] = int32(len(s.code))
		s.code = append(s.code, in)
		off += size
	}
	s.code = append(s.code, ins{op: opEscape, imm: int32(len(s.bytes)), off: uint32(len(s.bytes))})
}

// link turns branch offsets into distances between records. Targets that are no known instruction
// get an escape at the end of the code.
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
			s.code = append(s.code, ins{op: opEscape, imm: to})
			in = &s.code[i]
		}
		in.imm = (k - int32(i)) * int32(insSize)
	}
}

// measure fills in the run lengths, from the end to the beginning.
func (s *segment) measure() {
	next := uint16(0)
	for i := len(s.code) - 1; i >= 0; i-- {
		in := &s.code[i]
		switch {
		case in.op == opEscape:
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
	switch in.op {
	case opJ, isa.OpJal, isa.OpJal32, isa.OpBeq, isa.OpBne, isa.OpBlt,
		isa.OpBge, isa.OpBltu, isa.OpBgeu:
		return true
	}
	return false
}

// ends says whether the instruction is the last of its block: what may go
// elsewhere, leaves to the embedder, or looks at the counter.
func (in *ins) ends() bool {
	switch in.op {
	case opJr, opTornCode, isa.OpJalr, isa.OpJalr32, isa.OpIllegal, isa.OpEcall, isa.OpEbreak,
		isa.OpStop, isa.OpWfi, isa.OpCustom, isa.OpCsrrw, isa.OpCsrrs,
		isa.OpCsrrc, isa.OpCsrrwi, isa.OpCsrrsi, isa.OpCsrrci:
		return true
	}
	return in.branches()
}

// lower decodes the instruction at off.
func (s *segment) lower(off int) (ins, int) {
	b := s.bytes[off:]
	w := uint32(b[0]) | uint32(b[1])<<8
	if isa.Size(uint16(w)) == 4 {
		if len(b) < 4 {
			return ins{op: opTornCode, off: uint32(off)}, 2
		}
		w |= uint32(b[2])<<16 | uint32(b[3])<<24
	}
	d := s.decode(w)
	in := ins{op: d.Op, rd: d.Rd, rs1: d.Rs1, rs2: d.Rs2, rs3: d.Rs3 | d.RM<<5, imm: int32(d.Imm), off: uint32(off)}
	switch d.Op {
	case isa.OpAuipc:
		// Addresses below 2 GiB become constants.
		if v := s.base + uint64(off) + uint64(d.Imm); v <= math.MaxInt32 {
			in.op, in.imm = opLi, int32(v)
		}
	case isa.OpAuipc32:
		in.op, in.imm = opLi, int32(s.base+uint64(off)+uint64(d.Imm))
	case isa.OpLui:
		in.op = opLi
	case isa.OpJal, isa.OpJal32, isa.OpBeq, isa.OpBne, isa.OpBlt, isa.OpBge, isa.OpBltu, isa.OpBgeu:
		in.imm += int32(off)
	case isa.OpCsrrw, isa.OpCsrrs, isa.OpCsrrc, isa.OpCsrrwi, isa.OpCsrrsi, isa.OpCsrrci:
		in.rs3 = uint8(bits.Len64(s.mask)) // the width of the register
	}
	simplify(&in, d)
	return in, int(d.Len)
}

func (s *segment) decode(w uint32) isa.Inst {
	if s.mask>>32 == 0 {
		return isa.Decode32(w)
	}
	return isa.Decode(w)
}

// simplify chooses cheaper operations. Afterwards no plain operation writes x0.
func simplify(in *ins, d isa.Inst) {
	switch op := d.Op; {
	case op == isa.OpIllegal:
		in.rs2 = d.Len
	case op == isa.OpJal || op == isa.OpJal32:
		in.rs2 = d.Len
		if d.Rd == 0 {
			in.op = opJ
		}
	case op == isa.OpJalr || op == isa.OpJalr32:
		in.rs2 = d.Len
		if d.Rd == 0 && op == isa.OpJalr {
			in.op = opJr
		}
	case op >= isa.OpLb && op <= isa.OpLwu:
		if d.Rd == 0 {
			in.op = opLoadX0
			in.rs2 = [...]uint8{1, 2, 4, 8, 1, 2, 4}[op-isa.OpLb]
		}
	case op >= isa.OpFence && op <= isa.OpFenceI:
		in.op = opNop
	case op >= isa.OpEcall && op <= isa.OpCsrrci:
		in.rs2 = d.Len
	case op == isa.OpAddi && d.Rd != 0:
		if d.Rs1 == 0 {
			in.op = opLi
		} else if d.Imm == 0 {
			in.op = opMv
		}
	case op == isa.OpAdd && d.Rd != 0 && d.Rs1 == 0:
		in.op, in.rs1 = opMv, d.Rs2
	case d.Rd == 0 && pure(op):
		in.op = opNop
	}
}

// pure says whether an operation does nothing but write the integer rd.
func pure(op isa.Op) bool {
	return op == isa.OpLui || op == isa.OpAuipc || op >= isa.OpAddi && op <= isa.OpSraw ||
		op >= isa.OpMul && op <= isa.OpRemuw || op >= isa.OpAddUw && op <= isa.OpAuipc32 ||
		op >= isa.OpMulh32 && op <= isa.OpBseti32
}
