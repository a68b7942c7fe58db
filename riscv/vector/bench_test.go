package vector

import (
	"testing"

	"fishplate/riscv/isa"
	"fishplate/riscv/memory"
)

// bench makes registers and a hart for benchmarks and tests, with a0 pointing to
// memory.
func bench(t testing.TB, vtype uint64) (*State, Hart) {
	t.Helper()
	mem, err := memory.New(1<<20, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(mem.Close)
	s, h := New(), Hart{X: new([32]uint64), F: new([32]uint64), Mem: mem, Flags: 1}
	h.X[10] = 0x8000
	s.configure(vtype, ^uint64(0))
	return s, h
}

func BenchmarkExecute(b *testing.B) {
	const e8, e32, m1, m8 = 0, 2 << 3, 0, 3
	for _, c := range []struct {
		name  string
		vtype uint64
		in    Inst
	}{
		{"vsetvli", e32 | m1, Inst{Op: isa.OpVsetvli, Rd: 5, Imm: e32 | m1}},
		{"vle32 m1", e32 | m1, Inst{Op: isa.OpVle, Rd: 8, Rs1: 10, Minor: 6, Unmasked: true}},
		{"vse32 m1", e32 | m1, Inst{Op: isa.OpVse, Rd: 8, Rs1: 10, Minor: 6, Unmasked: true}},
		{"vle8 m8", e8 | m8, Inst{Op: isa.OpVle, Rd: 8, Rs1: 10, Unmasked: true}},
		{"vadd.vv e32 m1", e32 | m1, Inst{Op: isa.OpVadd, Rd: 8, Rs1: 16, Rs2: 24, Unmasked: true}},
		{"vadd.vv e8 m8", e8 | m8, Inst{Op: isa.OpVadd, Rd: 8, Rs1: 16, Rs2: 24, Unmasked: true}},
		{"vmseq.vx e8 m1", e8 | m1, Inst{Op: isa.OpVmseq, Rd: 8, Rs1: 0, Rs2: 24, Minor: isa.MinorIVX, Unmasked: true}},
		{"vfadd.vv e32 m1", e32 | m1, Inst{Op: isa.OpVfadd, Rd: 8, Rs1: 16, Rs2: 24, Minor: isa.MinorFVV, Unmasked: true}},
		{"vfmacc.vv e32 m1", e32 | m1, Inst{Op: isa.OpVfmacc, Rd: 8, Rs1: 16, Rs2: 24, Minor: isa.MinorFVV, Unmasked: true}},
		{"vredsum.vs e32 m1", e32 | m1, Inst{Op: isa.OpVredsum, Rd: 8, Rs1: 16, Rs2: 24, Minor: isa.MinorMVV, Unmasked: true}},
		{"vwmul.vv e8 m1", e8 | m1, Inst{Op: isa.OpVwmul, Rd: 8, Rs1: 16, Rs2: 24, Minor: isa.MinorMVV, Unmasked: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			s, h := bench(b, c.vtype)
			for i := range uint64(32) {
				s.set(16, i, 2, 0x3f800000+i*0x1357)
				s.set(24, i, 2, 0x40400000+i*0x77777)
			}
			for b.Loop() {
				if t := s.Execute(&c.in, &h); t.Kind != 0 {
					b.Fatal(t)
				}
			}
		})
	}
}
