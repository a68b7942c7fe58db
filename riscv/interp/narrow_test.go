package interp

import (
	"math/bits"
	"testing"

	"fishplate/riscv/isa"
)

// TestNarrow computes RV32 operations on registers that hold 32-bit values
// sign-extended. encode finds the first row of a name, so those that RV32 encodes
// in its own way are given as words.
func TestNarrow(t *testing.T) {
	const top = 0x80000000
	tests := []struct {
		name       string
		word       uint32 // 0 to encode name
		a, b, want uint32
	}{
		{"add", 0, top, top, 0}, {"sub", 0, 0, 1, ^uint32(0)}, {"addi", 0, 0x7fffffff, 1, top}, {"sll", 0, 1, 63, top}, {"srl", 0, top, 33, 1 << 30},
		{"sra", 0, top, 31, ^uint32(0)}, {"slli", 0, 3, 31, top}, {"sltu", 0, 1, top, 1}, {"slt", 0, top, 1, 1},
		{"mul", 0, 0x10001, 0x10001, 0x20001}, {"mulh", 0, top, top, 1 << 30}, {"mulhu", 0, ^uint32(0), ^uint32(0), ^uint32(1)}, {"mulhsu", 0, ^uint32(0), ^uint32(0), ^uint32(0)},
		{"div", 0, top, ^uint32(0), top}, {"divu", 0, top, 0, ^uint32(0)}, {"rem", 0, top, ^uint32(0), 0}, {"remu", 0, top | 5, 0, top | 5},
		{"sh1add", 0, top - 1, 1, ^uint32(0)}, {"sh2add", 0, top | 1, 3, 7}, {"sh3add", 0, 1, top, top | 8},
		{"clz", 0, 1, 0, 31}, {"ctz", 0, 0, 0, 32}, {"cpop", 0, ^uint32(0), 0, 32}, {"rol", 0, top, 1, 1}, {"ror", 0, 1, 1, top}, {"rori", 0, 1, 1, top},
		{"orc.b", 0, 0x01008000, 0, 0xff00ff00}, {"rev8", 0x69805013 | 10<<7 | 11<<15, 0x01020384, 0, 0x84030201}, {"zext.h", 0x08004033 | 10<<7 | 11<<15, 0xffff8001, 0, 0x8001},
		{"clmul", 0, top | 1, 3, top | 3}, {"clmulh", 0, top, 6, 3}, {"clmulr", 0, top, 3, 3},
		{"bset", 0, 0, 63, top}, {"bseti", 0, 0, 31, top}, {"bclr", 0, ^uint32(0), 31, 0x7fffffff}, {"bclri", 0, ^uint32(0), 31, 0x7fffffff},
		{"binv", 0, 0, 31, top}, {"binvi", 0, top, 31, 0}, {"bext", 0, top, 63, 1}, {"bexti", 0, top, 31, 1},
		{"max", 0, top, 1, 1}, {"maxu", 0, top, 1, top}, {"sext.b", 0, 0x80, 0, 0xffffff80}, {"andn", 0, ^uint32(0), 1, ^uint32(1)},
	}
	b := newBench(t)
	for _, tt := range tests {
		w := tt.word
		if w == 0 {
			w = encode(t, tt.name, tt.b)
		}
		b.X[10], b.X[11], b.X[12] = 0xbad, sext(tt.a), sext(tt.b)
		if e := b.wordFor(32, w); e.Kind != Budget {
			t.Fatalf("%s: exit %+v %v", tt.name, e, e.Fault)
		}
		if b.X[10] != sext(tt.want) {
			t.Errorf("%s %#x, %#x = %#x, want %#x", tt.name, tt.a, tt.b, b.X[10], sext(tt.want))
		}
	}
}

// TestNarrowStaysNarrow executes every RV32 row on random registers: results are
// sign-extended from 32 bits.
func TestNarrowStaysNarrow(t *testing.T) {
	b := newBench(t)
	values := []uint64{0, 1, 31, 0x20000, 0x7fffffff, sext(0x80000000), sext(0x80000001), ^uint64(0), sext(0xdeadbeef), 0x00ff00ff}
	for _, r := range isa.Table() {
		if r.XLEN == 64 || r.Ext == "C" || r.Ext == "V" || r.Ext == "Host" {
			continue
		}
		for i, v := range values {
			b.X[10], b.X[11], b.X[12] = 0, v, values[(i*7+3)%len(values)]
			b.wordFor(32, r.Match|(10<<7|11<<15|12<<20)&^r.Mask)
			if got := b.X[10]; got != sext(uint32(got)) {
				t.Errorf("%s %#x %#x: %#x", r.Name, v, b.X[12], got)
			}
		}
	}
}

func TestNarrowAddresses(t *testing.T) {
	b := newBench(t)
	b.mem.Store(0x20000, 0x1122334455667788, 8)
	lw := uint32(0x2003 | 10<<7 | 11<<15) // lw a0,imm(a1)
	for _, tt := range []struct{ base, imm uint64 }{{0x20000, 0}, {0x1f801, 0x7ff}, {0xffffffff_00020000, 0}, {0x20800, ^uint64(0x7ff)}} {
		b.X[11] = tt.base
		if e := b.wordFor(32, lw|uint32(tt.imm)<<20); e.Kind != Budget || b.X[10] != 0x55667788 {
			t.Errorf("load from %#x%+d: %+v %#x", tt.base, int64(tt.imm), e, b.X[10])
		}
	}
	b.X[11] = sext(0x80000000)
	e := b.wordFor(32, lw)
	if e.Kind != Faulted || e.Fault.Kind != LoadAccess || e.Fault.Addr != 0x80000000 {
		t.Errorf("load from 2 GiB: %+v %v", e, e.Fault)
	}
	// A jump wraps: the target of jalr is taken modulo 2^32.
	b.X[11] = sext(0xfffffffe)
	b.wordFor(32, 0x00858067|5<<7) // jalr t0,8(a1)
	if b.PC != 6 || b.X[5] != codeAt+4 {
		t.Errorf("jalr: pc %#x, link %#x", b.PC, b.X[5])
	}
}

// TestNarrowHigh executes jumps above 2 GiB, where links are negative.
func TestNarrowHigh(t *testing.T) {
	b := newBench(t)
	const at = 0x80000000
	text := []byte{0x0c, 0x00, 0x80, 0x00, 0x97, 0x12, 0, 0} // c.addi4spn…; auipc t0,1
	copy(text, []byte{0xef, 0x02, 0x40, 0x00})               // jal t0,4
	code := Compile(32, []Region{{at, text}})
	b.PC = at
	if e := b.Run(code, b.mem, 1); e.Kind != Budget || b.X[5] != sext(at+4) || b.PC != at+4 {
		t.Errorf("jal: %+v link %#x pc %#x", e, b.X[5], b.PC)
	}
	if e := b.Run(code, b.mem, 1); e.Kind != Budget || b.X[5] != sext(at+0x1004) {
		t.Errorf("auipc: %+v %#x", e, b.X[5])
	}
}

func TestNarrowCounters(t *testing.T) {
	b := newBench(t)
	b.Instret = 0x5_80000000
	csr := func(n uint32) uint64 {
		b.wordFor(32, 0x2073|10<<7|n<<20)
		return b.X[10]
	}
	if lo, hi := csr(0xc02), csr(0xc82); lo != sext(0x80000000) || hi != 5 {
		t.Errorf("instret %#x, instreth %#x", lo, hi)
	}
	if bits.Len64(csr(0xc80)) != 3 {
		t.Error("cycleh is not that of the counter")
	}
}
