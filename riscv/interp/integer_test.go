package interp

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

const codeAt, space = 0x10000, 1 << 20

// bench is a hart with a small memory to execute single words on.
type bench struct {
	State
	mem *memory.Memory
}

func newBench(t testing.TB) *bench {
	t.Helper()
	mem, err := memory.New(space, space)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mem.Close)
	return &bench{mem: mem}
}

// word executes one instruction word.
func (b *bench) word(t testing.TB, w uint32) Exit {
	t.Helper()
	return b.wordFor(64, w)
}

// wordFor executes one instruction word of RV32 or RV64.
func (b *bench) wordFor(xlen int, w uint32) Exit {
	b.PC = codeAt
	text := []byte{byte(w), byte(w >> 8), byte(w >> 16), byte(w >> 24)}
	return b.Run(Compile(xlen, []Region{{codeAt, text}}), b.mem, 1)
}

// encode finds a row by its name and puts a0, a1, a2 (or imm) into it.
func encode(t testing.TB, name string, imm uint32) uint32 {
	t.Helper()
	for _, r := range isa.Table() {
		if r.Name == name {
			w := r.Match | 10<<7 | 11<<15
			if r.Mask>>20&31 == 0 {
				w |= 12 << 20
			}
			switch r.Format {
			case isa.FmtI, isa.FmtShift, isa.FmtShiftW:
				w = r.Match | 10<<7 | 11<<15 | imm<<20
			}
			return w
		}
	}
	t.Fatalf("no instruction %q", name)
	return 0
}

func TestInteger(t *testing.T) {
	const top, all, low = 1 << 63, ^uint64(0), 0xffffffff
	tests := []struct {
		name string
		a, b uint64 // b is the immediate where there is one
		want uint64
	}{
		{"add", all, 2, 1}, {"sub", 0, 1, all}, {"addi", 5, 0xfff, 4}, {"addiw", 0x7fffffff, 1, 0xffffffff80000000},
		{"addw", low, 1, 0}, {"subw", 0, 1, all}, {"sll", 1, 127, top}, {"srl", top, 63, 1}, {"sra", top, 63, all},
		{"sllw", 1, 31, 0xffffffff80000000}, {"srlw", 0xffffffff80000000, 31, 1}, {"sraw", 0x80000000, 31, all},
		{"slt", all, 0, 1}, {"sltu", all, 0, 0}, {"slti", all, 0, 1}, {"sltiu", 5, 0xfff, 1}, {"xori", 5, 0xfff, ^uint64(5)},
		{"mul", 1 << 62, 4, 0}, {"mulh", all, all, 0}, {"mulh", top, top, 1 << 62}, {"mulhsu", all, all, all}, {"mulhsu", top, all, 1 << 63},
		{"mulhu", all, all, all - 1}, {"mulw", 0x10000, 0x8000, 0xffffffff80000000},
		{"div", 7, 0, all}, {"div", top, all, top}, {"div", ^uint64(6), 2, ^uint64(2)}, {"rem", ^uint64(6), 2, all},
		{"rem", 7, 0, 7}, {"rem", top, all, 0}, {"divu", 7, 0, all}, {"remu", 7, 0, 7}, {"remu", all, 10, 5},
		{"divw", 0x80000000, all, 0xffffffff80000000}, {"divw", 7, 1 << 32, all}, {"remw", 0x80000000, all, 0}, {"remw", 0x80000007, 0, 0xffffffff80000007},
		{"divuw", low, 1, all}, {"divuw", 1, 0, all}, {"remuw", low, 0, all}, {"remuw", low, 0x80000000, 0x7fffffff},
		{"add.uw", all, 1, 1 << 32}, {"sh1add", 3, 1, 7}, {"sh2add", 3, 1, 13}, {"sh3add", 3, 1, 25}, {"sh3add.uw", all, 0, low << 3},
		{"slli.uw", all, 4, low << 4}, {"andn", all, 0xf, all - 0xf}, {"orn", 0, all - 1, 1}, {"xnor", 5, 5, all},
		{"clz", 0, 0, 64}, {"clz", 1, 0, 63}, {"clzw", 0, 0, 32}, {"clzw", low << 32, 0, 32}, {"ctz", 0, 0, 64}, {"ctz", top, 0, 63},
		{"ctzw", 0, 0, 32}, {"ctzw", low << 32, 0, 32}, {"ctzw", 8, 0, 3}, {"cpop", all, 0, 64}, {"cpopw", all, 0, 32},
		{"max", all, 1, 1}, {"maxu", all, 1, all}, {"min", all, 1, all}, {"minu", all, 1, 1},
		{"sext.b", 0x80, 0, ^uint64(0x7f)}, {"sext.h", 0x8000, 0, ^uint64(0x7fff)}, {"zext.h", all, 0, 0xffff},
		{"rol", top | 1, 1, 3}, {"ror", 3, 1, top | 1}, {"rolw", 0x80000001, 1, 3}, {"rorw", 3, 1, 0xffffffff80000001}, {"rori", 3, 1, top | 1}, {"roriw", 3, 1, 0xffffffff80000001},
		{"orc.b", 0x0100800000400002, 0, 0xff00ff0000ff00ff}, {"rev8", 0x0102030405060708, 0, 0x0807060504030201},
		{"clmul", 3, 3, 5}, {"clmulh", top, 2, 1}, {"clmulr", top, 2, 2}, {"clmulr", top, 1, 1}, {"clmulh", all, all, 0x5555555555555555},
		{"bclr", all, 64, all - 1}, {"bset", 0, 63, top}, {"binv", 1, 0, 0}, {"bext", top, 63, 1},
		{"bclri", all, 0, all - 1}, {"bseti", 0, 63, top}, {"binvi", 1, 0, 0}, {"bexti", top, 63, 1},
		{"czero.eqz", 5, 0, 0}, {"czero.eqz", 5, 9, 5}, {"czero.nez", 5, 0, 5}, {"czero.nez", 5, 9, 0},
	}
	b := newBench(t)
	for _, tt := range tests {
		b.X[10], b.X[11], b.X[12] = 0xbad, tt.a, tt.b
		if e := b.word(t, encode(t, tt.name, uint32(tt.b))); e.Kind != Budget {
			t.Fatalf("%s: exit %+v %v", tt.name, e, e.Fault)
		}
		if b.X[10] != tt.want {
			t.Errorf("%s %#x, %#x = %#x, want %#x", tt.name, tt.a, tt.b, b.X[10], tt.want)
		}
	}
}

// TestX0 executes every instruction that can name x0 as its target.
func TestX0(t *testing.T) {
	b := newBench(t)
	for _, r := range isa.Table() {
		if r.Ext == "C" || r.Ext == "Host" || r.Mask>>7&31 != 0 {
			continue
		}
		for i := range b.X[1:] {
			b.X[1+i] = 0x20000
		}
		b.word(t, r.Match|11<<15|12<<20&^r.Mask)
		if b.X[0] != 0 {
			t.Errorf("%s wrote x0", r.Name)
			b.X[0] = 0
		}
	}
}

func TestMulhLikeBig(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	high := func(x, y *big.Int) uint64 {
		p := new(big.Int).Mul(x, y)
		return new(big.Int).And(p.Rsh(p, 64), new(big.Int).SetUint64(^uint64(0))).Uint64()
	}
	for range 5000 {
		a, b := r.Uint64()<<r.IntN(64), r.Uint64()>>r.IntN(64)
		signedA, signedB := big.NewInt(int64(a)), big.NewInt(int64(b))
		if got := mulh(a, b); got != high(signedA, signedB) {
			t.Fatalf("mulh %#x %#x = %#x", a, b, got)
		}
		if got, _ := integer(isa.OpMulhsu, a, b, 0); got != high(signedA, new(big.Int).SetUint64(b)) {
			t.Fatalf("mulhsu %#x %#x = %#x", a, b, got)
		}
	}
}

func TestAtomics(t *testing.T) {
	const at = 0x20000
	word := func(f5, f3 uint32) uint32 { return 0x2f | f3<<12 | f5<<27 | 10<<7 | 11<<15 | 12<<20 }
	tests := []struct {
		name              string
		word              uint32
		memory, operand   uint64
		result, remaining uint64
	}{
		{"swap.w", word(1, 2), 0x1_80000000, 5, 0xffffffff80000000, 0x1_00000005},
		{"swap.d", word(1, 3), 7, 5, 7, 5},
		{"add.w", word(0, 2), 0x9_ffffffff, 1, ^uint64(0), 0x9_00000000},
		{"add.d", word(0, 3), ^uint64(0), 1, ^uint64(0), 0},
		{"xor.d", word(4, 3), 6, 3, 6, 5},
		{"and.d", word(12, 3), 6, 3, 6, 2},
		{"or.d", word(8, 3), 6, 3, 6, 7},
		{"min.w", word(16, 2), 1, 0xffffffff, 1, 0xffffffff},
		{"max.w", word(20, 2), 1, 0xffffffff, 1, 1},
		{"minu.w", word(24, 2), 1, 0xffffffff, 1, 1},
		{"maxu.w", word(28, 2), 1, 0x5_ffffffff, 1, 0xffffffff},
		{"min.d", word(16, 3), 1, ^uint64(0), 1, ^uint64(0)},
		{"maxu.d", word(28, 3), 1, ^uint64(0), 1, ^uint64(0)},
		{"sc without reservation", word(3, 3), 7, 5, 1, 7},
	}
	b := newBench(t)
	for _, tt := range tests {
		b.mem.Store(at, tt.memory, 8)
		b.X[11], b.X[12] = at, tt.operand
		if e := b.word(t, tt.word); e.Kind != Budget {
			t.Fatalf("%s: %+v", tt.name, e)
		}
		got := make([]byte, 8)
		if err := b.mem.Read(at, got); err != nil {
			t.Fatal(err)
		}
		now := uint64(0)
		for i, c := range got {
			now |= uint64(c) << (8 * i)
		}
		if b.X[10] != tt.result || now != tt.remaining {
			t.Errorf("%s: result %#x, memory %#x, want %#x, %#x", tt.name, b.X[10], now, tt.result, tt.remaining)
		}
	}
}

func TestReservation(t *testing.T) {
	const at = 0x20000
	lr, sc := uint32(0x1005b52f), uint32(0x18c5b52f) // lr.d a0,(a1); sc.d a0,a2,(a1)
	b := newBench(t)
	b.mem.Store(at, 1, 8)
	step := func(w uint32, addr, want uint64) {
		t.Helper()
		b.X[11], b.X[12] = addr, 9
		if e := b.word(t, w); e.Kind != Budget || b.X[10] != want {
			t.Errorf("exit %+v, a0 %d, want %d", e, b.X[10], want)
		}
	}
	step(lr, at, 1)
	step(sc, at, 0)   // reserved
	step(sc, at, 1)   // used up
	step(lr, at, 9)   //
	step(sc, at+8, 1) // elsewhere, and the reservation is gone
	step(sc, at, 1)
}

func TestRoundingModeNames(t *testing.T) {
	b := newBench(t)
	fadd := func(rm uint32) uint32 { return 0x02000053 | rm<<12 | 1<<15 | 2<<20 | 3<<7 }
	b.F[1], b.F[2] = 0x3ff0000000000000, 1 // 1 + the least double
	want := [...]uint64{0x3ff0000000000000, 0x3ff0000000000000, 0x3ff0000000000000, 0x3ff0000000000001, 0x3ff0000000000000}
	for rm, w := range want {
		b.SetFCSR(uint32(rm) << 5)
		for _, field := range []uint32{uint32(rm), isa.RMDynamic} {
			if e := b.word(t, fadd(field)); e.Kind != Budget || b.F[3] != w {
				t.Errorf("mode %d by field %d: %#x, want %#x", rm, field, b.F[3], w)
			}
		}
		if b.FCSR() != uint32(rm)<<5|1 {
			t.Errorf("fcsr %#x", b.FCSR())
		}
	}
}

func TestBoxing(t *testing.T) {
	b := newBench(t)
	b.F[1], b.F[2] = 0x3f800000, box|0x3f800000 // the first is not boxed
	b.word(t, 0x53|7<<12|1<<15|2<<20|3<<7)      // fadd.s f3,f1,f2
	if b.F[3] != box|0x7fc00000 {
		t.Errorf("sum with an unboxed single: %#x", b.F[3])
	}
	b.word(t, 0xe0000053|1<<15|10<<7) // fmv.x.w a0,f1
	if b.X[10] != 0x3f800000 {
		t.Errorf("move of the bits: %#x", b.X[10])
	}
}
