package debug

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"fishplate/riscv"
	"fishplate/riscv/vector"
)

// How registers are numbered between gdb and us: the integer registers, pc, the
// floating-point registers, the control registers of the table, and behind it the
// vector registers.
const (
	numPC = 32
	numF  = 33
	numC  = 65
)

// control is a control register that gdb shows.
type control struct {
	name  string
	bits  int // 0 is the width of an integer register
	read  func(m *riscv.Machine) uint64
	write func(m *riscv.Machine, v uint64) // nil: read-only
}

// controls returns the table. Counters cannot be written: a debugger that restores
// all registers after a call would set them back.
func controls() []control {
	return []control{
		{"fflags", 32, func(m *riscv.Machine) uint64 { return uint64(m.FCSR() & 31) },
			func(m *riscv.Machine, v uint64) { m.SetFCSR(m.FCSR()&^31 | uint32(v)&31) }},
		{"frm", 32, func(m *riscv.Machine) uint64 { return uint64(m.FCSR() >> 5) },
			func(m *riscv.Machine, v uint64) { m.SetFCSR(m.FCSR()&31 | uint32(v&7)<<5) }},
		{"fcsr", 32, func(m *riscv.Machine) uint64 { return uint64(m.FCSR()) },
			func(m *riscv.Machine, v uint64) { m.SetFCSR(uint32(v)) }},
		{"cycle", 0, func(m *riscv.Machine) uint64 { return m.Instret }, nil},
		{"instret", 0, func(m *riscv.Machine) uint64 { return m.Instret }, nil},
		{"vstart", 0, func(m *riscv.Machine) uint64 { return vectors(m).VStart }, nil},
		{"vl", 0, func(m *riscv.Machine) uint64 { return vectors(m).VL }, nil},
		{"vtype", 0, func(m *riscv.Machine) uint64 { return vectors(m).VType }, nil},
		{"vlenb", 0, func(*riscv.Machine) uint64 { return vector.VLENB }, nil},
	}
}

// vectors returns the vector registers, to be read only: a program that has not
// used them yet has none.
func vectors(m *riscv.Machine) *vector.State {
	if m.V == nil {
		return vector.New()
	}
	return m.V
}

// registerFile gives gdb the registers of one machine. Each has a number, a size
// in bytes, and its bytes as the protocol wants them: the least first.
type registerFile struct {
	m        *riscv.Machine
	xlen     int
	controls []control
}

// newRegisterFile must be called again for another machine.
func newRegisterFile(m *riscv.Machine) registerFile {
	return registerFile{m: m, xlen: m.Program().XLEN(), controls: controls()}
}

// count is how many registers gdb is told of.
func (r *registerFile) count() int { return r.numV() + 32 }

// numV is the number of the first vector register.
func (r *registerFile) numV() int { return numC + len(r.controls) }

// size returns the bytes of register n.
func (r *registerFile) size(n int) int {
	switch {
	case n <= numPC:
		return r.xlen / 8
	case n < numC:
		return 8
	case n >= r.numV():
		return vector.VLENB
	case r.controls[n-numC].bits != 0:
		return r.controls[n-numC].bits / 8
	}
	return r.xlen / 8
}

// appendHex appends register n, least byte first, as hexadecimal digits.
func (r *registerFile) appendHex(b []byte, n int) []byte {
	var v uint64
	switch {
	case n < numPC:
		v = r.m.X[n]
	case n == numPC:
		v = r.m.PC
	case n < numC:
		v = r.m.F[n-numF]
	case n >= r.numV():
		return hex.AppendEncode(b, vectors(r.m).V[n-r.numV()][:])
	default:
		v = r.controls[n-numC].read(r.m)
	}
	var raw [8]byte
	binary.LittleEndian.PutUint64(raw[:], v)
	return hex.AppendEncode(b, raw[:r.size(n)])
}

// set changes register n to the bytes raw, of which there are size(n). What
// cannot be changed stays.
func (r *registerFile) set(n int, raw []byte) {
	if n >= r.numV() {
		r.setVector(n-r.numV(), raw)
		return
	}
	var whole [8]byte
	copy(whole[:], raw)
	v := binary.LittleEndian.Uint64(whole[:])
	switch {
	case n == 0:
	case n < numPC && r.xlen == 32:
		r.m.X[n] = uint64(int64(int32(v))) // as the machine keeps them
	case n < numPC:
		r.m.X[n] = v
	case n == numPC:
		r.m.PC = v
	case n < numC:
		r.m.F[n-numF] = v
	default:
		if write := r.controls[n-numC].write; write != nil {
			write(r.m, v)
		}
	}
}

// setVector changes a vector register. Writing what it has already, as gdb does
// with all registers at once, does not make a program one that uses vectors.
func (r *registerFile) setVector(n int, raw []byte) {
	if old := vectors(r.m).V[n]; bytes.Equal(old[:], raw) {
		return
	}
	if r.m.V == nil {
		r.m.V = vector.New()
	}
	copy(r.m.V.V[n][:], raw)
}

// integerNames are those of the ABI, by number.
const integerNames = "zero ra sp gp tp t0 t1 t2 fp s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6"
const floatNames = "ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11 ft8 ft9 ft10 ft11"

// targetXML describes the registers in the form that gdb asks for.
func (r *registerFile) targetXML() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0"?>
<!DOCTYPE target SYSTEM "gdb-target.dtd">
<target version="1.0">
<architecture>riscv:rv%d</architecture>
<feature name="org.gnu.gdb.riscv.cpu">
`, r.xlen)
	reg := func(name string, bits, n int, kind string) {
		fmt.Fprintf(&b, "<reg name=%q bitsize=\"%d\" regnum=\"%d\" type=%q/>\n", name, bits, n, kind)
	}
	for n, name := range strings.Fields(integerNames) {
		kind := "int"
		switch name {
		case "ra":
			kind = "code_ptr"
		case "sp", "gp", "tp", "fp":
			kind = "data_ptr"
		}
		reg(name, r.xlen, n, kind)
	}
	reg("pc", r.xlen, numPC, "code_ptr")
	b.WriteString("</feature>\n<feature name=\"org.gnu.gdb.riscv.fpu\">\n" +
		"<union id=\"riscv_double\"><field name=\"float\" type=\"ieee_single\"/><field name=\"double\" type=\"ieee_double\"/></union>\n")
	for n, name := range strings.Fields(floatNames) {
		reg(name, 64, numF+n, "riscv_double")
	}
	for i, c := range r.controls {
		if c.name == "cycle" {
			b.WriteString("</feature>\n<feature name=\"org.gnu.gdb.riscv.csr\">\n")
		}
		reg(c.name, 8*r.size(numC+i), numC+i, "int")
	}
	b.WriteString("</feature>\n<feature name=\"org.gnu.gdb.riscv.vector\">\n")
	for _, e := range []struct {
		name string
		bits int
	}{{"bytes", 8}, {"shorts", 16}, {"words", 32}, {"longs", 64}} {
		fmt.Fprintf(&b, "<vector id=%q type=\"uint%d\" count=\"%d\"/>\n", e.name, e.bits, vector.VLENB*8/e.bits)
	}
	b.WriteString(`<union id="riscv_vector"><field name="b" type="bytes"/><field name="s" type="shorts"/>` +
		`<field name="w" type="words"/><field name="l" type="longs"/></union>` + "\n")
	for n := range 32 {
		reg(fmt.Sprintf("v%d", n), 8*vector.VLENB, r.numV()+n, "riscv_vector")
	}
	b.WriteString("</feature>\n</target>\n")
	return b.String()
}
