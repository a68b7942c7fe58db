package float

import (
	"math"
	"math/bits"
)

// wide is a number with 128 bits of significand, the leading one at bit 126.
type wide struct {
	neg    bool
	exp    int
	hi, lo uint64
}

// addWide adds two nonzero numbers and rounds once.
func (f *Format) addWide(x, y wide, rm uint8, flags *uint8) uint64 {
	if x.exp < y.exp {
		x, y = y, x
	}
	y.hi, y.lo = jam128(y.hi, y.lo, x.exp-y.exp)
	if x.neg == y.neg {
		lo, c := bits.Add64(x.lo, y.lo, 0)
		hi, _ := bits.Add64(x.hi, y.hi, c)
		if hi>>63 != 0 {
			hi, lo = jam128(hi, lo, 1)
			x.exp++
		}
		return f.pack(x.neg, x.exp, fold(hi, lo), rm, flags)
	}
	lo, b := bits.Sub64(x.lo, y.lo, 0)
	hi, b := bits.Sub64(x.hi, y.hi, b)
	neg := x.neg
	if b != 0 {
		lo, b = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, b)
		neg = y.neg
	}
	if hi|lo == 0 {
		return f.zero(rm == RDN)
	}
	n := bits.LeadingZeros64(hi) - 1
	if hi == 0 {
		n = 63 + bits.LeadingZeros64(lo)
	}
	hi, lo = shl128(hi, lo, n)
	return f.pack(neg, x.exp-n, fold(hi, lo), rm, flags)
}

// fold keeps a trace of the low half in the lowest bit of the high one, which is
// all that rounding needs to know of it.
func fold(hi, lo uint64) uint64 {
	if lo != 0 {
		hi |= 1
	}
	return hi
}

// shl128 shifts left by n (0 to 127), where only zeroes are lost.
func shl128(hi, lo uint64, n int) (uint64, uint64) {
	if n >= 64 {
		return lo << (n - 64), 0
	}
	return hi<<n | lo>>(64-n), lo << n
}

// jam128 shifts right by n and keeps a trace of lost ones in the lowest bit.
func jam128(hi, lo uint64, n int) (uint64, uint64) {
	switch {
	case n == 0:
		return hi, lo
	case n < 64:
		l := hi<<(64-n) | lo>>n
		if lo<<(64-n) != 0 {
			l |= 1
		}
		return hi >> n, l
	case n < 128:
		l := jam(hi, n-64)
		if lo != 0 {
			l |= 1
		}
		return 0, l
	}
	return 0, 1
}

// add sums two values. Special operands decide first, in the order of the standard:
// NaN, invalid, infinities, zeroes; then both are finite.
func (f *Format) add(a, b uint64, rm uint8, flags *uint8) uint64 {
	x, y := f.unpack(a), f.unpack(b)
	switch {
	case x.isNaN() || y.isNaN():
		return f.nanOf(flags, x, y)
	case x.kind == inf && y.kind == inf && x.neg != y.neg:
		return f.invalid(flags)
	case x.kind == inf:
		return a
	case y.kind == inf:
		return b
	case x.kind == zero && y.kind == zero:
		return f.zeroSum(x.neg, y.neg, rm)
	case x.kind == zero:
		return b
	case y.kind == zero:
		return a
	}
	return f.addWide(wide{x.neg, x.exp, x.sig, 0}, wide{y.neg, y.exp, y.sig, 0}, rm, flags)
}

// zeroSum is the sum of two zeroes.
func (f *Format) zeroSum(x, y bool, rm uint8) uint64 {
	if x == y {
		return f.zero(x)
	}
	return f.zero(rm == RDN)
}

// mul multiplies. The product of two significands is exact in 128 bits, so that it
// is rounded once.
func (f *Format) mul(a, b uint64, rm uint8, flags *uint8) uint64 {
	x, y := f.unpack(a), f.unpack(b)
	neg := x.neg != y.neg
	switch {
	case x.isNaN() || y.isNaN():
		return f.nanOf(flags, x, y)
	case x.kind == inf && y.kind == zero, x.kind == zero && y.kind == inf:
		return f.invalid(flags)
	case x.kind == inf || y.kind == inf:
		return f.inf(neg)
	case x.kind == zero || y.kind == zero:
		return f.zero(neg)
	}
	p := product(x, y)
	return f.pack(neg, p.exp, fold(p.hi, p.lo), rm, flags)
}

// product multiplies two nonzero numbers exactly.
func product(x, y num) wide {
	hi, lo := bits.Mul64(x.sig<<1, y.sig<<1)
	exp := x.exp + y.exp
	if hi>>63 != 0 {
		hi, lo = hi>>1, hi<<63|lo>>1 // the lowest bit is 0: both factors are even
		exp++
	}
	return wide{x.neg != y.neg, exp, hi, lo}
}

// div divides. The quotient has its leading one at bit 62 and the remainder stands
// for all lower bits.
func (f *Format) div(a, b uint64, rm uint8, flags *uint8) uint64 {
	x, y := f.unpack(a), f.unpack(b)
	neg := x.neg != y.neg
	switch {
	case x.isNaN() || y.isNaN():
		return f.nanOf(flags, x, y)
	case x.kind == inf && y.kind == inf, x.kind == zero && y.kind == zero:
		return f.invalid(flags)
	case x.kind == inf:
		return f.inf(neg)
	case x.kind == zero || y.kind == inf:
		return f.zero(neg)
	case y.kind == zero:
		*flags |= DZ
		return f.inf(neg)
	}
	shift, exp := uint(62), x.exp-y.exp
	if x.sig < y.sig {
		shift, exp = 63, exp-1
	}
	q, r := bits.Div64(x.sig>>(64-shift), x.sig<<shift, y.sig)
	return f.pack(neg, exp, fold(q, r), rm, flags)
}

// sqrt takes the root of a significand with an even exponent; a remainder that is
// not zero stands for all lower bits.
func (f *Format) sqrt(a uint64, rm uint8, flags *uint8) uint64 {
	x := f.unpack(a)
	switch {
	case x.isNaN():
		return f.nanOf(flags, x)
	case x.kind == zero:
		return a
	case x.neg:
		return f.invalid(flags)
	case x.kind == inf:
		return a
	}
	if x.exp&1 != 0 {
		x.sig <<= 1
		x.exp--
	}
	r, exact := root(x.sig>>2, x.sig<<62)
	if !exact {
		r |= 1
	}
	return f.pack(false, x.exp/2, r, rm, flags)
}

// root returns the integer square root of a number between 2^124 and 2^126.
func root(hi, lo uint64) (r uint64, exact bool) {
	r = uint64(math.Sqrt(float64(hi)) * (1 << 32))
	r = min(max(r, 1<<62), 1<<63-1)
	for range 2 { // Newton's steps; the estimate has 52 good bits already
		q, _ := bits.Div64(hi, lo, r)
		r = r/2 + q/2 + r&q&1
		r = min(max(r, 1<<62), 1<<63-1)
	}
	for {
		h, l := bits.Mul64(r, r)
		if h > hi || h == hi && l > lo {
			r--
			continue
		}
		// The remainder is at most 2r when r is the root.
		l, b := bits.Sub64(lo, l, 0)
		h, _ = bits.Sub64(hi, h, b)
		if h == 0 && l <= 2*r {
			return r, l == 0
		}
		r++
	}
}

// fma computes ±(a×b) ± c with one rounding; negP and negC flip the signs.
func (f *Format) fma(a, b, c uint64, negP, negC bool, rm uint8, flags *uint8) uint64 {
	x, y, z := f.unpack(a), f.unpack(b), f.unpack(c)
	x.neg = x.neg != negP
	z.neg = z.neg != negC
	neg := x.neg != y.neg
	if x.kind == inf && y.kind == zero || x.kind == zero && y.kind == inf {
		return f.invalid(flags) // also when c is a quiet NaN
	}
	switch {
	case x.isNaN() || y.isNaN() || z.isNaN():
		return f.nanOf(flags, x, y, z)
	case x.kind == inf || y.kind == inf:
		if z.kind == inf && z.neg != neg {
			return f.invalid(flags)
		}
		return f.inf(neg)
	case z.kind == inf:
		return f.inf(z.neg)
	case x.kind == zero || y.kind == zero:
		if z.kind == zero {
			return f.zeroSum(neg, z.neg, rm)
		}
		return c&^f.sign | f.zero(z.neg)
	}
	p := product(x, y)
	if z.kind == zero {
		return f.pack(p.neg, p.exp, fold(p.hi, p.lo), rm, flags)
	}
	return f.addWide(p, wide{z.neg, z.exp, z.sig, 0}, rm, flags)
}
