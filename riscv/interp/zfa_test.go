package interp

import (
	"math"
	"testing"

	"fishplate/riscv/float"
	"fishplate/riscv/isa"
)

// fword encodes a row by name with f1 as the target, f2 and f3 as the sources.
func fword(t testing.TB, name string, rm uint32) uint32 {
	t.Helper()
	for _, r := range isa.Table() {
		if r.Name == name {
			return r.Match | (1<<7|2<<15|3<<20|rm<<12)&^r.Mask
		}
	}
	t.Fatalf("no instruction %q", name)
	return 0
}

func TestConstants(t *testing.T) {
	want := [32]float64{-1, 0, 0x1p-16, 0x1p-15, 0x1p-8, 0x1p-7, 0.0625, 0.125, 0.25, 0.3125, 0.375, 0.4375, 0.5, 0.625, 0.75, 0.875,
		1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 8, 16, 128, 256, 0x1p15, 0x1p16, math.Inf(1), math.NaN()}
	b := newBench(t)
	for i, w := range want {
		d, s := math.Float64bits(w), uint64(math.Float32bits(float32(w)))
		switch i {
		case 1:
			d, s = 0x0010000000000000, 0x00800000
		case 31:
			d, s = float.NaN64, float.NaN32
		}
		b.word(t, 0xf2100053|uint32(i)<<15|1<<7)
		if b.F[1] != d {
			t.Errorf("fli.d %d: %#x, want %#x", i, b.F[1], d)
		}
		b.word(t, 0xf0100053|uint32(i)<<15|1<<7)
		if b.F[1] != box|s {
			t.Errorf("fli.s %d: %#x, want %#x", i, b.F[1], s)
		}
	}
}

func TestZfaDoubles(t *testing.T) {
	inf, nan, snan := math.Inf(1), math.Float64frombits(float.NaN64), math.Float64frombits(0x7ff0000000000001)
	tests := []struct {
		name       string
		rm         uint32
		a, b, want float64
		flags      uint32
	}{
		{"fminm.d", 0, 1, 2, 1, 0}, {"fmaxm.d", 0, 1, 2, 2, 0}, {"fminm.d", 0, 1, nan, nan, 0}, {"fmaxm.d", 0, nan, 1, nan, 0},
		{"fmaxm.d", 0, snan, 1, nan, float.NV}, {"fminm.d", 0, math.Copysign(0, -1), 0, math.Copysign(0, -1), 0},
		{"fround.d", 0, 2.5, 0, 2, 0}, {"fround.d", 4, 2.5, 0, 3, 0}, {"fround.d", 1, -2.9, 0, -2, 0}, {"fround.d", 2, -2.1, 0, -3, 0},
		{"fround.d", 3, 0.1, 0, 1, 0}, {"fround.d", 1, -0.9, 0, math.Copysign(0, -1), 0}, {"froundnx.d", 0, 0.5, 0, 0, float.NX},
		{"froundnx.d", 0, 0x1p52 + 1, 0, 0x1p52 + 1, 0}, {"froundnx.d", 0, 0x1p51 + 0.5, 0, 0x1p51, float.NX}, {"froundnx.d", 3, 0x1p-1074, 0, 1, float.NX},
		{"fround.d", 0, inf, 0, inf, 0}, {"fround.d", 0, snan, 0, nan, float.NV}, {"froundnx.d", 0, 7, 0, 7, 0},
	}
	b := newBench(t)
	for _, tt := range tests {
		b.SetFCSR(0)
		b.F[2], b.F[3] = math.Float64bits(tt.a), math.Float64bits(tt.b)
		if e := b.word(t, fword(t, tt.name, tt.rm)); e.Kind != Budget {
			t.Fatalf("%s: %+v", tt.name, e)
		}
		if b.F[1] != math.Float64bits(tt.want) || b.FCSR() != tt.flags {
			t.Errorf("%s rm %d %v %v: %v flags %#x, want %v flags %#x", tt.name, tt.rm, tt.a, tt.b, math.Float64frombits(b.F[1]), b.FCSR(), tt.want, tt.flags)
		}
		if tt.a != float64(float32(tt.a)) || tt.a != tt.a || tt.b != tt.b {
			continue // what follows repeats the case with singles
		}
		b.SetFCSR(0)
		b.F[2], b.F[3] = box|uint64(math.Float32bits(float32(tt.a))), box|uint64(math.Float32bits(float32(tt.b)))
		b.word(t, fword(t, tt.name[:len(tt.name)-1]+"s", tt.rm))
		if b.F[1] != box|uint64(math.Float32bits(float32(tt.want))) || tt.a < 0x1p23 && b.FCSR() != tt.flags {
			t.Errorf("%s as single: %#x flags %#x", tt.name, b.F[1], b.FCSR())
		}
	}
}

func TestZfaToInteger(t *testing.T) {
	nan, snan := uint64(float.NaN64), uint64(0x7ff0000000000001)
	f := math.Float64bits
	tests := []struct {
		name  string
		a, b  uint64
		want  uint64
		flags uint32
	}{
		{"fleq.d", f(1), f(1), 1, 0}, {"fltq.d", f(1), f(1), 0, 0}, {"fltq.d", f(1), f(2), 1, 0}, {"fleq.d", nan, f(1), 0, 0},
		{"fltq.d", f(1), snan, 0, float.NV}, {"fcvtmod.w.d", f(-1.5), 0, ^uint64(0), float.NX}, {"fcvtmod.w.d", f(0x1p31), 0, sext(1 << 31), float.NV},
		{"fcvtmod.w.d", f(0x1p32 + 5), 0, 5, float.NV}, {"fcvtmod.w.d", f(-0x1p52 - 3), 0, ^uint64(2), float.NV},
		{"fcvtmod.w.d", f(0x1.8p84), 0, 0, float.NV}, {"fcvtmod.w.d", f(0x1.0000000000001p83), 0, sext(1 << 31), float.NV}, {"fcvtmod.w.d", nan, 0, 0, float.NV},
		{"fcvtmod.w.d", f(math.Inf(-1)), 0, 0, float.NV}, {"fcvtmod.w.d", f(0.25), 0, 0, float.NX},
	}
	b := newBench(t)
	for _, tt := range tests {
		b.SetFCSR(0)
		b.F[2], b.F[3] = tt.a, tt.b
		b.word(t, fword(t, tt.name, 1))
		if b.X[1] != tt.want || b.FCSR() != tt.flags {
			t.Errorf("%s %#x %#x: %#x flags %#x, want %#x flags %#x", tt.name, tt.a, tt.b, b.X[1], b.FCSR(), tt.want, tt.flags)
		}
	}
	b.F[2] = 0x87654321_00000001
	b.wordFor(32, fword(t, "fmvh.x.d", 0))
	if b.X[1] != sext(0x87654321) {
		t.Errorf("fmvh.x.d: %#x", b.X[1])
	}
	b.X[2], b.X[3] = sext(0x89abcdef), sext(0x81234567)
	b.wordFor(32, fword(t, "fmvp.d.x", 0))
	if b.F[1] != 0x81234567_89abcdef {
		t.Errorf("fmvp.d.x: %#x", b.F[1])
	}
}
