package vector

import "fishplate/riscv/float"

// Floating-point operations on one element, made of those on binary32 and
// binary64. All of them round as frm says and add to the accrued exceptions.

type (
	element = func(s *State, a, b, d uint64) uint64
	op32    = func(a, b uint32, rm uint8, flags *uint8) uint32
	op64    = func(a, b uint64, rm uint8, flags *uint8) uint64
	pick32  = func(a, b uint32, flags *uint8) uint32
	pick64  = func(a, b uint64, flags *uint8) uint64
	test32  = func(a, b uint32, flags *uint8) uint64
)

// float2 chooses by the width of the elements.
func float2(f op32, g op64) element {
	return func(s *State, a, b, _ uint64) uint64 {
		if s.sew == 2 {
			return uint64(f(uint32(a), uint32(b), s.h.FRM, &s.h.Flags))
		}
		return g(a, b, s.h.FRM, &s.h.Flags)
	}
}

// pick is float2 for what never rounds.
func pick(f pick32, g pick64) element {
	return func(s *State, a, b, _ uint64) uint64 {
		if s.sew == 2 {
			return uint64(f(uint32(a), uint32(b), &s.h.Flags))
		}
		return g(a, b, &s.h.Flags)
	}
}

// test is pick for comparisons.
func test(f test32, g pick64) element {
	return func(s *State, a, b, _ uint64) uint64 {
		if s.sew == 2 {
			return f(uint32(a), uint32(b), &s.h.Flags)
		}
		return g(a, b, &s.h.Flags)
	}
}

// swapped exchanges the sources.
func swapped(f element) element {
	return func(s *State, a, b, d uint64) uint64 { return f(s, b, a, d) }
}

// not inverts the result of a test, which raises what it raises.
func not(f element) element {
	return func(s *State, a, b, d uint64) uint64 { return f(s, a, b, d) ^ 1 }
}

// widened widens the sources that are narrow and computes in binary64.
func widened(g op64) element {
	return func(s *State, a, b, _ uint64) uint64 {
		if s.w2 == 2 {
			a = float.Widen(uint32(a), &s.h.Flags)
		}
		return g(a, float.Widen(uint32(b), &s.h.Flags), s.h.FRM, &s.h.Flags)
	}
}

// widenedSum adds a binary32 to a binary64.
func widenedSum(s *State, a, b, _ uint64) uint64 {
	return float.Add64(a, float.Widen(uint32(b), &s.h.Flags), s.h.FRM, &s.h.Flags)
}

// What a fused operation multiplies.
const (
	accumulate = false // src × vs2, and vd is added
	overwrite  = true  // src × vd, and vs2 is added
)

// fused multiplies, adds and rounds once; negP and negC flip the product's and
// the addend's signs.
func fused(over, negP, negC bool) element {
	return func(s *State, a, b, d uint64) uint64 {
		if over {
			a, d = d, a
		}
		switch {
		case s.wd == 2:
			return uint64(float.FMA32(uint32(b), uint32(a), uint32(d), negP, negC, s.h.FRM, &s.h.Flags))
		case s.w2 == 2:
			a, b = float.Widen(uint32(a), &s.h.Flags), float.Widen(uint32(b), &s.h.Flags)
		}
		return float.FMA64(b, a, d, negP, negC, s.h.FRM, &s.h.Flags)
	}
}

// sign is the sign bit of an element of the chosen width.
func (s *State) sign() uint64 { return 1 << (8<<s.sew - 1) }

// Signs are moved without looking at what the rest is: NaN keeps its bits.

func signOf(s *State, a, b, _ uint64) uint64  { return a&^s.sign() | b&s.sign() }
func signNot(s *State, a, b, _ uint64) uint64 { return a&^s.sign() | ^b&s.sign() }
func signXor(s *State, a, b, _ uint64) uint64 { return a ^ b&s.sign() }

func root(s *State, a, _, _ uint64) uint64 {
	if s.sew == 2 {
		return uint64(float.Sqrt32(uint32(a), s.h.FRM, &s.h.Flags))
	}
	return float.Sqrt64(a, s.h.FRM, &s.h.Flags)
}

func class(s *State, a, _, _ uint64) uint64 {
	if s.sew == 2 {
		return float.Class32(uint32(a))
	}
	return float.Class64(a)
}

// widen is exact, but a signalling NaN is noticed.
func widen(s *State, a, _, _ uint64) uint64 { return float.Widen(uint32(a), &s.h.Flags) }

// narrow rounds as frm says.
func narrow(s *State, a, _, _ uint64) uint64 {
	return uint64(float.Narrow(a, s.h.FRM, &s.h.Flags))
}

// narrowOdd truncates and keeps a trace of what was lost in the lowest bit, so
// that a second rounding to a still narrower format is as good as one.
func narrowOdd(s *State, a, _, _ uint64) uint64 {
	var flags uint8
	v := float.Narrow(a, float.RTZ, &flags)
	if flags&float.NX != 0 {
		v |= 1
	}
	s.h.Flags |= flags
	return uint64(v)
}

// toInteger converts to an integer of the destination's width; out of range
// saturates.
func toInteger(unsigned, truncated bool) element {
	return func(s *State, a, _, _ uint64) uint64 {
		rm := s.h.FRM
		if truncated {
			rm = float.RTZ
		}
		switch {
		case s.wd == 1:
			return s.toShort(uint32(a), unsigned, rm)
		case s.w2 == 2:
			return float.ToInt32(uint32(a), 8<<s.wd, unsigned, rm, &s.h.Flags)
		}
		return float.ToInt64(a, 8<<s.wd, unsigned, rm, &s.h.Flags)
	}
}

// toShort converts a binary32 to 16 bits, by way of 64: what does not fit there
// saturates, is clamped again, and raises no more than NV.
func (s *State) toShort(a uint32, unsigned bool, rm uint8) uint64 {
	var flags uint8
	v := int64(float.ToInt32(a, 64, false, rm, &flags))
	low, high := int64(-1<<15), int64(1<<15-1)
	if unsigned {
		low, high = 0, 1<<16-1
	}
	if c := min(max(v, low), high); c != v {
		v, flags = c, float.NV
	}
	s.h.Flags |= flags
	return uint64(v)
}

// fromInteger converts an integer that was extended as the rule says.
func fromInteger(unsigned bool) element {
	return func(s *State, a, _, _ uint64) uint64 {
		if s.wd == 2 {
			return uint64(float.FromInt32(a, unsigned, s.h.FRM, &s.h.Flags))
		}
		return float.FromInt64(a, unsigned, s.h.FRM, &s.h.Flags)
	}
}
