package riscv

import "testing"

// TestOnceDifferent keeps the reduced programs in which engines once differed.
// Each is a loop, so that it is translated.
func TestOnceDifferent(t *testing.T) {
	tests := []struct {
		name  string
		set   func(s *scenario)
		words []uint32
	}{
		{"a NaN of the host is seen when the next instruction leaves",
			func(s *scenario) { s.f[2], s.f[15] = 0, 0xffffffffc2957b52 },
			[]uint32{0x5807f8d3, 0xa0f122d3}}, // fsqrt.s fa7,fa5; feq.s t0,ft2,fa5
		{"a vector store on a hart without vectors in its state",
			func(*scenario) {},
			[]uint32{0x30275827}},
	}
	for _, tt := range tests {
		for _, xlen := range []int{64, 32} {
			g := &gen{Rand: newRand(1), xlen: xlen, s: &scenario{xlen: xlen}}
			g.state()
			g.s.fcsr = 0
			tt.set(g.s)
			g.emit(tt.words...)
			g.emit(encI(wAddi, 31, 31, 1))
			g.emit(encJ(0, -int32(len(g.s.text))))
			p, err := g.s.program()
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range engines() {
				for fuel := range uint64(60) {
					if diff, _ := g.s.differ(t, p, interpreter, e, 0, fuel); diff != "" {
						t.Fatalf("%s: rv%d, %s after %d:\n%s", tt.name, xlen, e.name, fuel, diff)
					}
				}
			}
		}
	}
}
