package vector

import (
	"math"
	"testing"

	"fishplate/riscv/float"
)

// estimate computes one element with f.
func estimate(f func(*State, uint64, uint64, uint64) uint64, sew int, a uint64, rm uint8) (uint64, uint8) {
	s := New()
	s.sew, s.h = sew, &Hart{FRM: rm}
	v := f(s, a, 0, 0)
	return v, s.h.Flags
}

// TestEstimatesAreClose says that both estimates have 7 good bits for every
// interval of their tables, in both formats, and raise nothing.
func TestEstimatesAreClose(t *testing.T) {
	for i := range uint64(256) {
		for _, exp := range []uint64{1, 2, 500, 1022, 1023, 1500, 2044} {
			a := exp<<52 | i<<44 | i*0x123456789
			x := math.Float64frombits(a)
			v, flags := estimate(estimateInverse, 3, a, 0)
			if got := math.Float64frombits(v) * x; math.Abs(got-1) > 1.0/128 || flags != 0 {
				t.Errorf("inverse of %g: %g, off by %g, flags %x", x, math.Float64frombits(v), got-1, flags)
			}
			v, flags = estimate(estimateRoot, 3, a, 0)
			if got := math.Float64frombits(v) * math.Sqrt(x); math.Abs(got-1) > 1.0/128 || flags != 0 {
				t.Errorf("inverse root of %g: %g, off by %g, flags %x", x, math.Float64frombits(v), got-1, flags)
			}
		}
		for _, exp := range []uint64{1, 2, 100, 127, 200, 252} {
			a := exp<<23 | i<<15 | i*0x55
			x := float64(math.Float32frombits(uint32(a)))
			v, flags := estimate(estimateInverse, 2, a, 0)
			if got := float64(math.Float32frombits(uint32(v))) * x; math.Abs(got-1) > 1.0/128 || flags != 0 {
				t.Errorf("inverse of %g: off by %g, flags %x", x, got-1, flags)
			}
			v, flags = estimate(estimateRoot, 2, a, 0)
			if got := float64(math.Float32frombits(uint32(v))) * math.Sqrt(x); math.Abs(got-1) > 1.0/128 || flags != 0 {
				t.Errorf("inverse root of %g: off by %g, flags %x", x, got-1, flags)
			}
		}
	}
}

func TestEstimatesAtTheEdges(t *testing.T) {
	const inf, negative, quiet, loud = 0x7f800000, 0x80000000, 0x7fc12345, 0x7f812345
	for _, c := range []struct {
		name  string
		f     func(*State, uint64, uint64, uint64) uint64
		a     uint64
		rm    uint8
		v     uint64
		flags uint8
	}{
		{"inverse", estimateInverse, 0, 0, inf, float.DZ},
		{"inverse", estimateInverse, negative, 0, negative | inf, float.DZ},
		{"inverse", estimateInverse, inf, 0, 0, 0},
		{"inverse", estimateInverse, negative | inf, 0, negative, 0},
		{"inverse", estimateInverse, quiet, 0, float.NaN32, 0},
		{"inverse", estimateInverse, loud, 0, float.NaN32, float.NV},
		{"inverse", estimateInverse, 0x00100000, float.RNE, inf, float.OF | float.NX},
		{"inverse", estimateInverse, 0x00100000, float.RTZ, inf - 1, float.OF | float.NX},
		{"inverse", estimateInverse, 0x80100000, float.RDN, negative | inf, float.OF | float.NX},
		{"inverse", estimateInverse, 0x80100000, float.RUP, negative | (inf - 1), float.OF | float.NX},
		{"inverse", estimateInverse, 0x00200000, float.RNE, 0x7f7f0000, 0},
		{"inverse", estimateInverse, 0x7f7fffff, float.RNE, 0x00200000, 0},
		{"root", estimateRoot, 0, 0, inf, float.DZ},
		{"root", estimateRoot, negative, 0, negative | inf, float.DZ},
		{"root", estimateRoot, inf, 0, 0, 0},
		{"root", estimateRoot, negative | inf, 0, float.NaN32, float.NV},
		{"root", estimateRoot, 0xbf800000, 0, float.NaN32, float.NV},
		{"root", estimateRoot, negative | quiet, 0, float.NaN32, 0},
		{"root", estimateRoot, loud, 0, float.NaN32, float.NV},
		{"root", estimateRoot, 1, 0, 0x64b40000, 0},
	} {
		if v, flags := estimate(c.f, 2, c.a, c.rm); v != c.v || flags != c.flags {
			t.Errorf("%s of %#x, mode %d: %#x, flags %x; want %#x, %x", c.name, c.a, c.rm, v, flags, c.v, c.flags)
		}
	}
}
