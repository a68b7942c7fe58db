package float

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exact is precise enough to hold any sum of products of doubles.
const exact = 5000

// width lets one test serve both formats.
type width struct {
	name   string
	f      *Format
	minExp int // exponent of the least normal number
	maxExp int // exponent above the greatest
	prec   uint
}

var widths = []width{{"64", double, -1022, 1024, 53}, {"32", single, -126, 128, 24}}

// value is the number that bits stand for; they must be finite.
func (w width) value(v uint64) *big.Float {
	x := math.Float64frombits(v)
	if w.prec == 24 {
		x = float64(math.Float32frombits(uint32(v)))
	}
	return new(big.Float).SetPrec(exact).SetFloat64(x)
}

// nearest rounds to nearest even and says on which side the result lies.
func (w width) nearest(x *big.Float) (uint64, big.Accuracy) {
	if w.prec == 24 {
		f, acc := x.Float32()
		return uint64(math.Float32bits(f)), acc
	}
	f, acc := x.Float64()
	return math.Float64bits(f), acc
}

// beside is the next value above or below.
func (w width) beside(v uint64, up bool) uint64 {
	to := math.Inf(-1)
	if up {
		to = math.Inf(1)
	}
	if w.prec == 24 {
		return uint64(math.Float32bits(math.Nextafter32(math.Float32frombits(uint32(v)), float32(to))))
	}
	return math.Float64bits(math.Nextafter(math.Float64frombits(v), to))
}

// round is an independent rounding: from the nearest value and the side on which
// it lies. x must not be 0.
func (w width) round(x *big.Float, rm uint8) (uint64, uint8) {
	v, acc := w.nearest(x)
	neg := x.Signbit()
	if acc == big.Exact {
		return v, 0
	}
	flags := uint8(NX)
	switch {
	case rm == RDN && acc == big.Above, rm == RTZ && !neg && acc == big.Above:
		v = w.beside(v, false)
	case rm == RUP && acc == big.Below, rm == RTZ && neg && acc == big.Below:
		v = w.beside(v, true)
	case rm == RMM && v&^w.f.sign != w.f.inf(false):
		// A tie goes away from zero: try the neighbour on the far side.
		other := w.beside(v, !neg)
		if other&^w.f.sign != w.f.inf(false) && acc == map[bool]big.Accuracy{false: big.Below, true: big.Above}[neg] {
			a := new(big.Float).Sub(x, w.value(v))
			b := new(big.Float).Sub(w.value(other), x)
			if a.Abs(a).Cmp(b.Abs(b)) == 0 {
				v = other
			}
		}
	}
	// With an unbounded exponent: too large, or still below the normals?
	modes := [...]big.RoundingMode{big.ToNearestEven, big.ToZero, big.ToNegativeInf, big.ToPositiveInf, big.ToNearestAway}
	u := new(big.Float).SetMode(modes[rm]).SetPrec(w.prec).Set(x)
	switch e := u.MantExp(nil); {
	case e > w.maxExp:
		flags |= OF
		if rm == RMM {
			v = w.f.inf(neg)
		}
	case e-1 < w.minExp:
		flags |= UF
	}
	return v, flags
}

// operand returns finite bits, often near an edge.
func operand(r *rand.Rand, f *Format) uint64 {
	v := r.Uint64() & (f.sign<<1 - 1)
	switch r.IntN(5) {
	case 0:
		v &= f.sign | 1<<f.mant - 1 // subnormal
	case 1:
		v = v&f.sign | uint64(f.bias-2+r.IntN(5))<<f.mant | v&(1<<f.mant-1)
	case 2:
		v &^= 1<<(f.mant-3) - 1 // short fraction, so that ties happen
	case 3:
		v = v&f.sign | uint64([]int{1, 2, f.top - 1, f.top - 2, f.bias + int(f.mant), f.bias - int(f.mant)}[r.IntN(6)])<<f.mant | v&3
	}
	if int(v>>f.mant)&f.top == f.top {
		v ^= 1 << (f.mant + 1)
	}
	return v
}

// TestLikeBig compares results and flags with arbitrary-precision arithmetic,
// with and without the inexact flag set before, since that chooses the path.
func TestLikeBig(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, w := range widths {
		for range 30000 {
			f := w.f
			a, b, c := operand(r, f), operand(r, f), operand(r, f)
			rm := uint8(r.IntN(5))
			if r.IntN(2) == 0 {
				rm = RNE
			}
			x, y, z := w.value(a), w.value(b), w.value(c)
			sum, product, quotient, root, fused := newBig(), newBig(), newBig(), newBig(), newBig()
			sum.Add(x, y)
			product.Mul(x, y)
			fused.Add(fused.Mul(x, y), z)
			if y.Sign() != 0 {
				quotient.Quo(x, y)
			}
			if x.Sign() > 0 {
				root.SetPrec(300).Sqrt(x)
			}
			before := uint8(r.IntN(2)) * NX
			for _, op := range []struct {
				name string
				x    *big.Float
				run  func(*uint8) uint64
			}{
				{"add", sum, func(fl *uint8) uint64 { return w.call(Add64, Add32)(a, b, rm, fl) }},
				{"sub", sum, func(fl *uint8) uint64 { return w.call(Sub64, Sub32)(a, b^f.sign, rm, fl) }},
				{"mul", product, func(fl *uint8) uint64 { return w.call(Mul64, Mul32)(a, b, rm, fl) }},
				{"div", quotient, func(fl *uint8) uint64 { return w.call(Div64, Div32)(a, b, rm, fl) }},
				{"sqrt", root, func(fl *uint8) uint64 {
					if w.prec == 24 {
						return uint64(Sqrt32(uint32(a), rm, fl))
					}
					return Sqrt64(a, rm, fl)
				}},
				{"fma", fused, func(fl *uint8) uint64 {
					if w.prec == 24 {
						return uint64(FMA32(uint32(a), uint32(b), uint32(c), false, false, rm, fl))
					}
					return FMA64(a, b, c, false, false, rm, fl)
				}},
			} {
				if op.x.Sign() == 0 {
					continue // zeroes and exceptions have their own table
				}
				want, wantFlags := w.round(op.x, rm)
				flags := before
				got := op.run(&flags)
				if got != want || flags != wantFlags|before {
					t.Fatalf("%s%s(%#x, %#x, %#x) mode %d: %#x flags %#x, want %#x flags %#x (before %#x)",
						op.name, w.name, a, b, c, rm, got, flags, want, wantFlags|before, before)
				}
			}
		}
	}
}

func newBig() *big.Float { return new(big.Float).SetPrec(exact) }

func (w width) call(f64 func(a, b uint64, rm uint8, fl *uint8) uint64, f32 func(a, b uint32, rm uint8, fl *uint8) uint32) func(a, b uint64, rm uint8, fl *uint8) uint64 {
	if w.prec == 53 {
		return f64
	}
	return func(a, b uint64, rm uint8, fl *uint8) uint64 { return uint64(f32(uint32(a), uint32(b), rm, fl)) }
}

func TestSpecialValues(t *testing.T) {
	var (
		inf, zero, one = math.Float64bits(math.Inf(1)), uint64(0), math.Float64bits(1)
		quiet, sig     = uint64(NaN64 | 5), uint64(0x7ff0000000000001)
		minus          = uint64(1 << 63)
	)
	tests := []struct {
		name  string
		run   func(fl *uint8) uint64
		want  uint64
		flags uint8
	}{
		{"inf - inf", func(fl *uint8) uint64 { return Sub64(inf, inf, RNE, fl) }, NaN64, NV},
		{"inf + inf", func(fl *uint8) uint64 { return Add64(inf, inf, RNE, fl) }, inf, 0},
		{"quiet + 1", func(fl *uint8) uint64 { return Add64(quiet, one, RNE, fl) }, NaN64, 0},
		{"signalling + 1", func(fl *uint8) uint64 { return Add64(sig, one, RNE, fl) }, NaN64, NV},
		{"1 - 1", func(fl *uint8) uint64 { return Sub64(one, one, RNE, fl) }, zero, 0},
		{"1 - 1 down", func(fl *uint8) uint64 { return Sub64(one, one, RDN, fl) }, minus, 0},
		{"-0 + -0", func(fl *uint8) uint64 { return Add64(minus, minus, RNE, fl) }, minus, 0},
		{"0 × inf", func(fl *uint8) uint64 { return Mul64(zero, inf, RNE, fl) }, NaN64, NV},
		{"0 × inf + quiet", func(fl *uint8) uint64 { return FMA64(zero, inf, quiet, false, false, RNE, fl) }, NaN64, NV},
		{"1 × inf - inf", func(fl *uint8) uint64 { return FMA64(one, inf, inf, false, true, RNE, fl) }, NaN64, NV},
		{"-(0×1) + 0", func(fl *uint8) uint64 { return FMA64(zero, one, zero, true, false, RNE, fl) }, zero, 0},
		{"-(0×1) - 0", func(fl *uint8) uint64 { return FMA64(zero, one, zero, true, true, RNE, fl) }, minus, 0},
		{"1 / 0", func(fl *uint8) uint64 { return Div64(one, zero, RNE, fl) }, inf, DZ},
		{"1 / -0", func(fl *uint8) uint64 { return Div64(one, minus, RNE, fl) }, inf | minus, DZ},
		{"0 / 0", func(fl *uint8) uint64 { return Div64(zero, zero, RNE, fl) }, NaN64, NV},
		{"inf / inf", func(fl *uint8) uint64 { return Div64(inf, inf, RNE, fl) }, NaN64, NV},
		{"1 / inf", func(fl *uint8) uint64 { return Div64(one, inf, RNE, fl) }, zero, 0},
		{"sqrt -0", func(fl *uint8) uint64 { return Sqrt64(minus, RNE, fl) }, minus, 0},
		{"sqrt -1", func(fl *uint8) uint64 { return Sqrt64(one|minus, RNE, fl) }, NaN64, NV},
		{"sqrt inf", func(fl *uint8) uint64 { return Sqrt64(inf, RNE, fl) }, inf, 0},
		{"min(-0, 0)", func(fl *uint8) uint64 { return Min64(zero, minus, fl) }, minus, 0},
		{"max(-0, 0)", func(fl *uint8) uint64 { return Max64(minus, zero, fl) }, zero, 0},
		{"min(quiet, 1)", func(fl *uint8) uint64 { return Min64(quiet, one, fl) }, one, 0},
		{"max(1, signalling)", func(fl *uint8) uint64 { return Max64(one, sig, fl) }, one, NV},
		{"min(quiet, quiet)", func(fl *uint8) uint64 { return Min64(quiet, quiet, fl) }, NaN64, 0},
		{"quiet = 1", func(fl *uint8) uint64 { return Eq64(quiet, one, fl) }, 0, 0},
		{"signalling = 1", func(fl *uint8) uint64 { return Eq64(sig, one, fl) }, 0, NV},
		{"quiet < 1", func(fl *uint8) uint64 { return Lt64(quiet, one, fl) }, 0, NV},
		{"-0 = 0", func(fl *uint8) uint64 { return Eq64(minus, zero, fl) }, 1, 0},
		{"-0 < 0", func(fl *uint8) uint64 { return Lt64(minus, zero, fl) }, 0, 0},
		{"-1 ≤ 0", func(fl *uint8) uint64 { return Le64(one|minus, zero, fl) }, 1, 0},
		{"narrow signalling", func(fl *uint8) uint64 { return uint64(Narrow(sig, RNE, fl)) }, NaN32, NV},
		{"narrow the greatest", func(fl *uint8) uint64 { return uint64(Narrow(inf-1, RNE, fl)) }, 0x7f800000, OF | NX},
		{"widen the least", func(fl *uint8) uint64 { return Widen(1, fl) }, math.Float64bits(0x1p-149), 0},
	}
	for _, tt := range tests {
		var flags uint8
		if got := tt.run(&flags); got != tt.want || flags != tt.flags {
			t.Errorf("%s = %#x flags %#x, want %#x flags %#x", tt.name, got, flags, tt.want, tt.flags)
		}
	}
}

func TestClass(t *testing.T) {
	values := []float64{math.Inf(-1), -1, -0x1p-1040, math.Copysign(0, -1), 0, 0x1p-1040, 1, math.Inf(1)}
	for i, v := range values {
		if got := Class64(math.Float64bits(v)); got != 1<<i {
			t.Errorf("class of %g: %#x, want %#x", v, got, 1<<i)
		}
	}
	if Class64(0x7ff0000000000001) != 1<<8 || Class64(NaN64) != 1<<9 || Class32(0x007fffff) != 1<<5 {
		t.Error("class of NaNs or of a subnormal single is wrong")
	}
}

func TestToInt(t *testing.T) {
	const max32, max64 = 1<<31 - 1, 1<<63 - 1
	min32, min64 := ^uint64(max32), ^uint64(max64)
	tests := []struct {
		v        float64
		rm       uint8
		width    uint
		unsigned bool
		want     uint64
		flags    uint8
	}{
		{2.5, RNE, 32, false, 2, NX}, {2.5, RMM, 32, false, 3, NX}, {2.5, RUP, 32, false, 3, NX},
		{-2.5, RTZ, 32, false, ^uint64(1), NX}, {-2.5, RDN, 32, false, ^uint64(2), NX}, {-2.5, RMM, 64, false, ^uint64(2), NX},
		{0x1p31, RNE, 32, false, max32, NV}, {-0x1p31, RNE, 32, false, min32, 0}, {-0x1p31 - 0.5, RTZ, 32, false, min32, NX},
		{-0x1p31 - 1, RTZ, 32, false, min32, NV}, {0x1p31, RNE, 32, true, min32, 0}, {0x1p32, RNE, 32, true, ^uint64(0), NV},
		{0x1p32 - 0.25, RNE, 32, true, ^uint64(0), NV}, {0x1p32 - 0.25, RTZ, 32, true, ^uint64(0), NX},
		{-0.5, RTZ, 32, true, 0, NX}, {-0.5, RDN, 32, true, 0, NV}, {-1, RTZ, 64, true, 0, NV},
		{0x1p63, RTZ, 64, false, max64, NV}, {-0x1p63, RTZ, 64, false, min64, 0}, {0x1p63, RTZ, 64, true, min64, 0},
		{0x1p64, RTZ, 64, true, ^uint64(0), NV}, {math.NaN(), RTZ, 64, false, max64, NV}, {math.NaN(), RTZ, 32, true, ^uint64(0), NV},
		{math.Inf(-1), RTZ, 32, false, min32, NV}, {math.Inf(-1), RTZ, 64, true, 0, NV}, {0x1p-1070, RUP, 64, false, 1, NX},
		{0.5, RNE, 64, false, 0, NX}, {0.75, RNE, 64, false, 1, NX}, {0.49, RMM, 64, false, 0, NX}, {0.5, RMM, 64, false, 1, NX},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.v, tt.rm, tt.width, tt.unsigned), func(t *testing.T) {
			var flags uint8
			if got := ToInt64(math.Float64bits(tt.v), tt.width, tt.unsigned, tt.rm, &flags); got != tt.want || flags != tt.flags {
				t.Errorf("%#x flags %#x, want %#x flags %#x", got, flags, tt.want, tt.flags)
			}
		})
	}
}

func TestFromInt(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	for range 20000 {
		v := r.Uint64() >> r.IntN(64)
		if r.IntN(2) == 0 {
			v = -v
		}
		for _, w := range widths {
			for _, unsigned := range []bool{false, true} {
				rm := uint8(r.IntN(5))
				x := newBig().SetInt64(int64(v))
				if unsigned {
					x.SetUint64(v)
				}
				if x.Sign() == 0 {
					continue
				}
				var flags uint8
				got := FromInt64(v, unsigned, rm, &flags)
				if w.prec == 24 {
					flags = 0
					got = uint64(FromInt32(v, unsigned, rm, &flags))
				}
				if want, wantFlags := w.round(x.SetPrec(exact), rm); got != want || flags != wantFlags {
					t.Fatalf("%d unsigned %v mode %d to %s: %#x flags %#x, want %#x flags %#x", v, unsigned, rm, w.name, got, flags, want, wantFlags)
				}
			}
		}
	}
}
