package riscv

import (
	"encoding/binary"
	"fmt"
	"testing"

	"fishplate/riscv/isa"
)

// Where a table of operands is worked through: three operands of 8 bytes each,
// and for every three of them a result and its exception flags.
const (
	edgeText = 0x10000
	edgeData = 0x100000
)

// doubles are numbers at the edges of everything: of the format, of integers, of
// rounding, and of what may underflow.
var doubles = []uint64{
	0, 1, 2, 0x000fffffffffffff, 0x0010000000000000, 0x0010000000000001, 0x001fffffffffffff, 0x0020000000000000, // subnormal to twice the least normal
	0x2000000000000001, 0x1ffffffffffffffe, 0x2000000000000000, 0x1fffffffffffffff, 0x0090000000000001, 0x0340000000000000, // products that are least normals, nearly
	0x3fe0000000000000, 0x3fe0000000000001, 0x3fdfffffffffffff, 0x3fefffffffffffff, 0x3ff0000000000000, 0x3ff0000000000001, 0x3ff8000000000000, 0x4008000000000000, // ½ to 3
	0x41dfffffffc00000, 0x41dfffffffe00000, 0x41e0000000000000, 0x41efffffffe00000, 0x41efffffffefffff, 0x41f0000000000000, 0x41f0000000080000, // 2^31, 2^32
	0x43dfffffffffffff, 0x43e0000000000000, 0x43efffffffffffff, 0x43f0000000000000, 0x43f0000000000001, // 2^63, 2^64
	0x380fffffe0000000, 0x380fffffdfffffff, 0x380fffffc0000000, 0x380ffffff0000000, 0x380fffffefffffff, 0x3810000000000000, 0x36a0000000000000, 0x3690000000000000, 0x3690000000000001, // singles: least
	0x47efffffe0000000, 0x47efffffefffffff, 0x47effffff0000000, 0x47f0000000000000, // singles: greatest
	0x7fefffffffffffff, 0x7fe0000000000000, 0x7ff0000000000000, 0x7ff8000000000000, 0x7ff8000000000123, 0x7ff0000000000001, 0x7ff4000000000000,
}

// singles are the same for single precision, by their bits.
var singles = []uint32{
	0, 1, 2, 0x007fffff, 0x00800000, 0x00800001, 0x00ffffff, 0x01000000,
	0x20000001, 0x1ffffffe, 0x20000000, 0x1fffffff, 0x0c800001, 0x33800000,
	0x3f000000, 0x3f000001, 0x3effffff, 0x3f7fffff, 0x3f800000, 0x3f800001, 0x3fc00000, 0x40400000,
	0x4effffff, 0x4f000000, 0x4f7fffff, 0x4f800000, 0x5effffff, 0x5f000000, 0x5f7fffff, 0x5f800000,
	0x7f7fffff, 0x7f000000, 0x7f800000, 0x7fc00000, 0x7fc00123, 0x7f800001, 0x7fa00000,
}

// edgeValues lists operands of both signs; for singles, boxed ones and a few
// that are not.
func edgeValues(double bool) (list []uint64) {
	if double {
		for _, v := range doubles {
			list = append(list, v, v|1<<63)
		}
		return list
	}
	for _, v := range singles {
		list = append(list, uint64(v)|0xffffffff<<32, uint64(v|1<<31)|0xffffffff<<32)
	}
	return append(list, 0, 0x3f800000, 0xfffffffe3f800000, 0x7ff8000000000000)
}

// edgeOperands lists triples for an instruction with n operands.
func edgeOperands(n int, values []uint64) (list [][3]uint64) {
	if n == 1 {
		for _, v := range values {
			list = append(list, [3]uint64{v})
		}
		return list
	}
	for i, v := range values {
		for k, w := range values {
			list = append(list, [3]uint64{v, w, values[(3*i+k)%len(values)]})
			if n == 3 { // the addend decides how a product is rounded
				for _, at := range []int{2, 9, (7*i + 5*k) % len(values)} {
					list = append(list, [3]uint64{v, w, values[at]})
				}
			}
		}
	}
	return list
}

// edgeRow says how a row of the table is tried: how many operands it has, and
// which rounding modes; nil when it is no arithmetic.
func edgeRow(r isa.Row) (operands int, modes []uint32) {
	fixed, all := []uint32{0}, []uint32{0, 1, 2, 3, 4, 7}
	switch r.Ext {
	case "F", "D":
	default:
		return 0, nil
	}
	switch r.Format {
	case isa.FmtR4:
		return 3, []uint32{7, 1}
	case isa.FmtFRm:
		return 2, []uint32{7, 0, 2}
	case isa.FmtFR, isa.FmtFCmp:
		return 2, fixed
	case isa.FmtFRm1, isa.FmtFToX, isa.FmtXToF:
		return 1, all
	case isa.FmtFX, isa.FmtXF:
		return 1, fixed
	}
	return 0, nil
}

// edgeProgram works through count triples with the instruction w: on fa0, fa1,
// fa2 or t2, into fd or t1.
func edgeProgram(w uint32, fd uint32, toX bool, count int) []uint32 {
	const s0, s1, s2, t0, t1, t2 = 8, 9, 18, 5, 6, 7
	store := encS(wFsd, s1, fd, 0)
	if toX {
		store = encS(wSd, s1, t1, 0)
	}
	results := edgeData + 24*count
	up := func(r uint32, v int) []uint32 {
		return []uint32{encU(wLui, r, uint32(v+0x800)), encI(wAddi, r, r, int32(v<<20)>>20)}
	}
	code := append(up(s0, edgeData), append(up(s1, results), up(s2, results)...)...)
	loop := []uint32{
		encI(wFld, 10, s0, 0), encI(wFld, 11, s0, 8), encI(wFld, 12, s0, 16), encI(wLd, t2, s0, 0),
		0x00105073, // csrwi fflags, 0
		w,
		0x001022f3, // csrr t0, fflags
		store, encS(wSd, s1, t0, 8),
		encI(wAddi, s0, s0, 24), encI(wAddi, s1, s1, 16),
	}
	code = append(code, loop...)
	code = append(code, encB(wBeq|1<<12, s0, s2, int32(-4*len(loop))), wEbreak)
	return code
}

// TestEdges executes every floating-point instruction on all pairs of numbers
// at the edges, with each engine: results and flags must be those of the
// interpreter, which other tests compare with qemu. The destination is a register
// of its own, or one of the operands.
func TestEdges(t *testing.T) {
	if len(engines()) == 1 {
		t.Log("no translator on this platform: the interpreter is compared with itself")
	}
	for _, row := range isa.Table() {
		n, modes := edgeRow(row)
		if n == 0 || row.XLEN == 32 {
			continue
		}
		double := row.Name[len(row.Name)-1] == 'd'
		switch row.Format {
		case isa.FmtFRm1, isa.FmtFToX, isa.FmtXToF, isa.FmtFX, isa.FmtXF: // fcvt.to.from
			double = row.Name[len(row.Name)-1] == 'd' || row.Format == isa.FmtXToF
		}
		list := edgeOperands(n, edgeValues(double))
		for _, rm := range modes {
			for _, fd := range []uint32{13, 10, 11, 12}[:min(n+1, 4)] {
				tryEdges(t, row, rm, fd, list)
			}
		}
	}
}

func tryEdges(t *testing.T, row isa.Row, rm, fd uint32, list [][3]uint64) {
	t.Helper()
	w, toX := row.Match, false
	rs1, rd := uint32(10), fd
	switch row.Format {
	case isa.FmtFCmp, isa.FmtFToX, isa.FmtFX:
		rd, toX = 6, true
	case isa.FmtXToF, isa.FmtXF:
		rs1 = 7
	}
	w |= rd<<7 | rs1<<15
	if row.Mask>>20&31 == 0 {
		w |= 11 << 20
	}
	if row.Format == isa.FmtR4 {
		w |= 12 << 27
	}
	if row.Mask>>12&7 == 0 {
		w |= rm << 12
	}
	data := make([]byte, 40*len(list))
	for i, ops := range list {
		for k, v := range ops {
			binary.LittleEndian.PutUint64(data[24*i+8*k:], v)
		}
	}
	var text []byte
	for _, w := range edgeProgram(w, fd, toX, len(list)) {
		text = binary.LittleEndian.AppendUint32(text, w)
	}
	p, err := LoadProgram(writeImage(64, edgeText, part{edgeText, 5, text}, part{edgeData, 6, data}))
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for _, e := range engines() {
		got := runEdges(t, p, e, uint64(24*len(list)), uint64(16*len(list)))
		if want == nil {
			want = got
			continue
		}
		for i, ops := range list {
			if a, b := want[16*i:][:16], got[16*i:][:16]; string(a) != string(b) {
				t.Fatalf("%s of %x: %s, interpreter %s", isa.DisasmFor(64, w, 0), ops, edgeResult(b), edgeResult(a))
			}
		}
	}
}

func edgeResult(b []byte) string {
	return fmt.Sprintf("%#x flags %05b", binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]))
}

// runEdges runs the program to its end and returns what it wrote.
func runEdges(t *testing.T, p *Program, e engine, from, n uint64) []byte {
	t.Helper()
	o := Options{MemoryLimit: 8 << 20, AddressSpace: 16 << 20}
	e.choose(&o)
	m, err := NewMachine(p, o)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if exit := m.Run(1 << 30); exit.Kind != Break {
		t.Fatalf("%v at %#x: %v", exit.Kind, m.PC, exit.Fault)
	}
	b, err := m.Mem.View(edgeData+from, n)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte(nil), b...)
}
