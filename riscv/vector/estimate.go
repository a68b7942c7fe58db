package vector

import (
	"math"
	"math/bits"

	"fishplate/riscv/float"
)

// The two estimates give 7 bits of a significand. Their tables are what the
// exact value in the middle of each interval of arguments rounds to.
var (
	inverses = tabulate(func(i int) float64 { return 2 / (1 + (float64(i)+0.5)/128) })
	roots    = tabulate(func(i int) float64 {
		// The upper half is for even powers of two, the lower for odd ones.
		x := 1 + (float64(i&63)+0.5)/64
		if i < 64 {
			x *= 2
		}
		return 2 / math.Sqrt(x)
	})
)

// tabulate rounds f, which is between 1 and 2, to 7 bits of fraction.
func tabulate(f func(int) float64) (t [128]uint8) {
	for i := range t {
		t[i] = uint8(math.Round((f(i) - 1) * 128))
	}
	return t
}

// layout is a floating-point format of which a value is taken apart.
type layout struct {
	mant uint // bits of the fraction
	top  int  // greatest biased exponent
	nan  uint64
}

func (s *State) layout() layout {
	if s.sew == 2 {
		return layout{23, 255, float.NaN32}
	}
	return layout{52, 2047, float.NaN64}
}

// split returns the parts of a finite nonzero value. A subnormal one is
// normalised: its exponent is 0 or less then, and n says by how many places.
func (l layout) split(a uint64) (exp int, frac uint64, n int) {
	exp, frac = int(a>>l.mant)&l.top, a&(1<<l.mant-1)
	if exp == 0 {
		n = bits.LeadingZeros64(frac) - int(63-l.mant)
		frac = frac << n & (1<<l.mant - 1)
		exp = 1 - n
	}
	return exp, frac, n
}

// kind tells what is no finite number other than 0; the sign does not matter.
func (l layout) kind(a uint64) (zero, inf, nan, signalling bool) {
	a &= 1<<(l.mant+bitsOf(l.top)) - 1
	limit := uint64(l.top) << l.mant
	return a == 0, a == limit, a > limit, a > limit && a>>(l.mant-1)&1 == 0
}

func bitsOf(top int) uint { return uint(bits.Len(uint(top))) }

// estimateInverse is vfrec7.
func estimateInverse(s *State, a, _, _ uint64) uint64 {
	l, sign := s.layout(), a&s.sign()
	infinity := uint64(l.top) << l.mant
	switch zero, inf, nan, signalling := l.kind(a); {
	case signalling:
		s.h.Flags |= float.NV
		return l.nan
	case nan:
		return l.nan
	case inf:
		return sign
	case zero:
		s.h.Flags |= float.DZ
		return sign | infinity
	}
	exp, frac, n := l.split(a)
	if n > 2 {
		// The inverse is too great for the format. It is not rounded from an
		// exact value, but goes where a great number would.
		s.h.Flags |= float.OF | float.NX
		switch rm := s.h.FRM; {
		case rm == float.RTZ, rm == float.RDN && sign == 0, rm == float.RUP && sign != 0:
			return sign | (infinity - 1)
		}
		return sign | infinity
	}
	exp = l.top - 2 - exp // 2 × bias - 1 - exp
	frac = uint64(inverses[frac>>(l.mant-7)]) << (l.mant - 7)
	if exp <= 0 {
		// A subnormal result: the leading one becomes visible.
		frac = (frac | 1<<l.mant) >> (1 - exp)
		exp = 0
	}
	return sign | uint64(exp)<<l.mant | frac
}

// estimateRoot is vfrsqrt7.
func estimateRoot(s *State, a, _, _ uint64) uint64 {
	l, sign := s.layout(), a&s.sign()
	switch zero, inf, nan, signalling := l.kind(a); {
	case signalling, sign != 0 && !nan && !zero:
		s.h.Flags |= float.NV
		return l.nan
	case nan:
		return l.nan
	case zero:
		s.h.Flags |= float.DZ
		return sign | uint64(l.top)<<l.mant
	case inf:
		return 0
	}
	// The lowest bit of the exponent chooses the half of the table, so that what
	// remains of it is even and can be halved. The result is never subnormal.
	exp, frac, _ := l.split(a)
	frac = uint64(roots[uint64(exp&1)<<6|frac>>(l.mant-6)]) << (l.mant - 7)
	exp = (3*(l.top/2) - 1 - exp) / 2
	return uint64(exp)<<l.mant | frac
}
