package float

import "math/bits"

// Format is one interchange format: Binary32 or Binary64. It never changes.
type Format struct {
	mant uint // bits of the fraction
	bias int
	top  int // the biased exponent of infinities and NaNs
	sign uint64
	nan  uint64
}

var (
	single = &Format{mant: 23, bias: 127, top: 255, sign: 1 << 31, nan: NaN32}
	double = &Format{mant: 52, bias: 1023, top: 2047, sign: 1 << 63, nan: NaN64}
)

type kind uint8

const (
	zero kind = iota
	finite
	inf
	quiet
	signalling
)

// num is an unpacked value: for a finite one sig·2^(exp−62), with the leading
// one of sig at bit 62.
type num struct {
	kind kind
	neg  bool
	exp  int
	sig  uint64
}

func (n num) isNaN() bool { return n.kind >= quiet }

// unpack takes a value apart. Subnormal numbers are normalized: only pack knows that
// the format has them.
func (f *Format) unpack(v uint64) num {
	n := num{neg: v&f.sign != 0}
	frac := v & (1<<f.mant - 1)
	e := int(v>>f.mant) & f.top
	switch {
	case e == f.top && frac == 0:
		n.kind = inf
	case e == f.top && frac>>(f.mant-1) != 0:
		n.kind = quiet
	case e == f.top:
		n.kind = signalling
	case e == 0 && frac == 0:
		n.kind = zero
	case e == 0:
		n.kind = finite
		shift := bits.LeadingZeros64(frac) - 1
		n.sig = frac << shift
		n.exp = 1 - f.bias - int(f.mant) + 62 - shift
	default:
		n.kind = finite
		n.sig = (frac | 1<<f.mant) << (62 - f.mant)
		n.exp = e - f.bias
	}
	return n
}

func (f *Format) zero(neg bool) uint64 {
	if neg {
		return f.sign
	}
	return 0
}

func (f *Format) inf(neg bool) uint64 { return uint64(f.top)<<f.mant | f.zero(neg) }

// invalid raises NV and gives the canonical NaN.
func (f *Format) invalid(flags *uint8) uint64 {
	*flags |= NV
	return f.nan
}

// nanOf is the result of an operation with a NaN among its operands.
func (f *Format) nanOf(flags *uint8, ops ...num) uint64 {
	for _, n := range ops {
		if n.kind == signalling {
			*flags |= NV
		}
	}
	return f.nan
}

// round drops the low shift bits (1 to 63) of sig.
func round(neg bool, sig uint64, shift uint, rm uint8) (q uint64, inexact bool) {
	q = sig >> shift
	rest := sig & (1<<shift - 1)
	if rest == 0 {
		return q, false
	}
	half := uint64(1) << (shift - 1)
	up := false
	switch rm {
	case RNE:
		up = rest > half || rest == half && q&1 != 0
	case RDN:
		up = neg
	case RUP:
		up = !neg
	case RMM:
		up = rest >= half
	}
	if up {
		q++
	}
	return q, true
}

// jam shifts right by n and keeps a trace of lost ones in the lowest bit.
func jam(v uint64, n int) uint64 {
	if n > 63 {
		return min(v, 1)
	}
	r := v >> n
	if r<<n != v {
		r |= 1
	}
	return r
}

// pack rounds ±sig·2^(exp−62) into the format. The leading one of sig is at bit
// 62, and its lowest bit may stand for all lower ones.
func (f *Format) pack(neg bool, exp int, sig uint64, rm uint8, flags *uint8) uint64 {
	if sig == 0 {
		return f.zero(neg)
	}
	shift := 62 - f.mant
	e := exp + f.bias
	tiny := false
	if e < 1 {
		// Tininess is judged after rounding with an unbounded exponent.
		q, _ := round(neg, sig, shift, rm)
		tiny = e < 0 || q>>(f.mant+1) == 0
		sig = jam(sig, 1-e)
		e = 0
	}
	q, inexact := round(neg, sig, shift, rm)
	if inexact {
		*flags |= NX
		if tiny {
			*flags |= UF
		}
	}
	if e == 0 {
		return f.zero(neg) | q // a carry makes the least normal number by itself
	}
	if q>>(f.mant+1) != 0 {
		q >>= 1
		e++
	}
	if e >= f.top {
		return f.overflow(neg, rm, flags)
	}
	return f.zero(neg) | uint64(e)<<f.mant | q&(1<<f.mant-1)
}

// overflow gives infinity, or the greatest finite number where the mode rounds away
// from it.
func (f *Format) overflow(neg bool, rm uint8, flags *uint8) uint64 {
	*flags |= OF | NX
	if rm == RTZ || rm == RDN && !neg || rm == RUP && neg {
		return f.inf(neg) - 1 // the greatest finite number
	}
	return f.inf(neg)
}
