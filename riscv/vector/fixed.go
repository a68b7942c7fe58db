package vector

// Fixed-point rounding modes, as in the CSR vxrm.
const (
	nearestUp   = iota // to nearest, ties up
	nearestEven        // to nearest, ties to even
	down               // truncate
	toOdd              // truncate, and set the lowest bit if that was inexact
)

// carryIn returns what rounding adds to a value of which the low n bits are
// dropped: rest has them, and odd is the lowest bit that stays.
func (s *State) carryIn(rest uint64, n, odd uint64) uint64 {
	if n == 0 {
		return 0
	}
	half := uint64(1) << (n - 1)
	rest &= half<<1 - 1
	switch s.VXRM {
	case nearestUp:
		return rest >> (n - 1)
	case nearestEven:
		return truth(rest > half || rest == half && odd&1 != 0)
	case toOdd:
		return truth(rest != 0 && odd&1 == 0)
	}
	return 0
}

// clampS and clampU saturate to an element of the chosen width.
func (s *State) clampS(v int64) uint64 {
	top := int64(1)<<(8<<s.sew-1) - 1
	switch {
	case v > top:
		v = top
	case v < ^top:
		v = ^top
	default:
		return uint64(v)
	}
	s.VXSat = 1
	return uint64(v)
}

func (s *State) clampU(v uint64) uint64 {
	if top := truncate(^uint64(0), s.sew); v > top {
		s.VXSat = 1
		return top
	}
	return v
}

// The saturating operations set vxsat only where an element was clamped. Unsigned
// sums of 64 bits show their overflow by being less than a source.

func satAddU(s *State, a, b, _ uint64) uint64 {
	if sum := a + b; sum >= a {
		return s.clampU(sum)
	}
	s.VXSat = 1
	return ^uint64(0)
}

func satSubU(s *State, a, b, _ uint64) uint64 {
	if a >= b {
		return a - b
	}
	s.VXSat = 1
	return 0
}

// wrapped saturates a 64-bit sum or difference v that has overflowed to the
// other side if over is negative.
func (s *State) wrapped(v, over uint64) uint64 {
	if int64(over) >= 0 {
		return s.clampS(int64(v))
	}
	s.VXSat = 1
	return uint64(int64(v)>>63) ^ 1<<63
}

// A signed sum overflows when its sign is neither source's; a difference, when
// the sources' signs differ and its own is not that of the first.

func satAddS(s *State, a, b, _ uint64) uint64 {
	v := a + b
	return s.wrapped(v, (v^a)&(v^b))
}

func satSubS(s *State, a, b, _ uint64) uint64 {
	v := a - b
	return s.wrapped(v, (a^b)&(v^a))
}

// The means are computed without the bit that the sum would need above 64: halves
// are added, and the bit that both halves lost. The lowest bit of the plain sum,
// which is right in any width, is what rounding drops.

func meanU(s *State, a, b, _ uint64) uint64 {
	v := a>>1 + b>>1 + a&b&1
	return v + s.carryIn(a+b, 1, v)
}

func meanS(s *State, a, b, _ uint64) uint64 {
	v := uint64(int64(a)>>1+int64(b)>>1) + a&b&1
	return v + s.carryIn(a+b, 1, v)
}

func halfU(s *State, a, b, _ uint64) uint64 {
	v := a>>1 - b>>1 - ^a&b&1
	return v + s.carryIn(a-b, 1, v)
}

func halfS(s *State, a, b, _ uint64) uint64 {
	v := uint64(int64(a)>>1-int64(b)>>1) - ^a&b&1
	return v + s.carryIn(a-b, 1, v)
}

// fraction multiplies numbers between -1 and 1; only -1 × -1 saturates.
func fraction(s *State, a, b, _ uint64) uint64 {
	n := uint64(8<<s.sew - 1)
	hi, lo := mulSigned(a, b)
	v := hi<<(64-n) | lo>>n
	if a == b && a == ^uint64(0)<<n {
		s.VXSat = 1
		return ^(^uint64(0) << n)
	}
	return v + s.carryIn(lo, n, v)
}

// Scaling shifts round by vxrm; clipping scales an element of twice the width and
// saturates.

func scaleU(s *State, a, b, _ uint64) uint64 {
	n := s.amount(b)
	return a>>n + s.carryIn(a, n, a>>n)
}

func scaleS(s *State, a, b, _ uint64) uint64 {
	n := s.amount(b)
	v := uint64(int64(a) >> n)
	return v + s.carryIn(a, n, v)
}

func clipU(s *State, a, b, _ uint64) uint64 { return s.clampU(scaleU(s, a, b, 0)) }

func clipS(s *State, a, b, _ uint64) uint64 { return s.clampS(int64(scaleS(s, a, b, 0))) }
