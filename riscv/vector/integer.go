package vector

import "math/bits"

// The functions of this file compute one element. a is of vs2, b of the second
// source, d of vd; all are extended to 64 bits as the rule says, and what the
// result has above the element's width is dropped.

func first(_ *State, a, _, _ uint64) uint64  { return a }
func second(_ *State, _, b, _ uint64) uint64 { return b }

func add(_ *State, a, b, _ uint64) uint64  { return a + b }
func sub(_ *State, a, b, _ uint64) uint64  { return a - b }
func rsub(_ *State, a, b, _ uint64) uint64 { return b - a }
func and(_ *State, a, b, _ uint64) uint64  { return a & b }
func or(_ *State, a, b, _ uint64) uint64   { return a | b }
func xor(_ *State, a, b, _ uint64) uint64  { return a ^ b }

func minU(_ *State, a, b, _ uint64) uint64 { return min(a, b) }
func maxU(_ *State, a, b, _ uint64) uint64 { return max(a, b) }
func minS(_ *State, a, b, _ uint64) uint64 { return uint64(min(int64(a), int64(b))) }
func maxS(_ *State, a, b, _ uint64) uint64 { return uint64(max(int64(a), int64(b))) }

// amount is how far to shift an element of vs2: as many bits as its width needs.
func (s *State) amount(b uint64) uint64 { return b & (8<<s.w2 - 1) }

func shiftLeft(s *State, a, b, _ uint64) uint64  { return a << s.amount(b) }
func shiftRight(s *State, a, b, _ uint64) uint64 { return a >> s.amount(b) }
func shiftSigned(s *State, a, b, _ uint64) uint64 {
	return uint64(int64(a) >> s.amount(b))
}

// d is the carry, 0 or 1, for the next four.

func addCarry(_ *State, a, b, c uint64) uint64 { return a + b + c }
func subCarry(_ *State, a, b, c uint64) uint64 { return a - b - c }

// carryOf and borrowOf return what leaves an element of the chosen width.
func carryOf(s *State, a, b, c uint64) uint64 {
	sum, carry := bits.Add64(a, b, c)
	if s.sew == 3 {
		return carry
	}
	return sum >> (8 << s.sew)
}

func borrowOf(_ *State, a, b, c uint64) uint64 {
	_, borrow := bits.Sub64(a, b, c)
	return borrow
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// The comparisons serve both signs: elements come extended as theirs.

func equal(_ *State, a, b, _ uint64) uint64     { return truth(a == b) }
func different(_ *State, a, b, _ uint64) uint64 { return truth(a != b) }
func lessU(_ *State, a, b, _ uint64) uint64     { return truth(a < b) }
func atMostU(_ *State, a, b, _ uint64) uint64   { return truth(a <= b) }
func moreU(_ *State, a, b, _ uint64) uint64     { return truth(a > b) }
func lessS(_ *State, a, b, _ uint64) uint64     { return truth(int64(a) < int64(b)) }
func atMostS(_ *State, a, b, _ uint64) uint64   { return truth(int64(a) <= int64(b)) }
func moreS(_ *State, a, b, _ uint64) uint64     { return truth(int64(a) > int64(b)) }

// A product modulo 2^64 has the right low bits for every width, and is exact for
// results of twice the width, the greatest of which has 64 bits.

func mul(_ *State, a, b, _ uint64) uint64    { return a * b }
func mulAdd(_ *State, a, b, d uint64) uint64 { return d + a*b }
func mulSub(_ *State, a, b, d uint64) uint64 { return d - a*b }
func addMul(_ *State, a, b, d uint64) uint64 { return a + d*b }
func subMul(_ *State, a, b, d uint64) uint64 { return a - d*b }

// high returns bits of a product above an element's width; hi is the upper half
// of the product of the 64-bit words, lo the lower.
func (s *State) high(hi, lo uint64) uint64 {
	if s.sew == 3 {
		return hi
	}
	return lo >> (8 << s.sew)
}

func mulHighU(s *State, a, b, _ uint64) uint64 { return s.high(bits.Mul64(a, b)) }

func mulHighS(s *State, a, b, _ uint64) uint64 { return s.high(mulSigned(a, b)) }

// mulHighSU takes b from the upper half of the unsigned product if a is negative,
// which as an unsigned number is 2^64 too great.
func mulHighSU(s *State, a, b, _ uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return s.high(hi-uint64(int64(a)>>63)&b, lo)
}

// mulSigned returns the 128-bit product of two signed words.
func mulSigned(a, b uint64) (hi, lo uint64) {
	hi, lo = bits.Mul64(a, b)
	return hi - uint64(int64(a)>>63)&b - uint64(int64(b)>>63)&a, lo
}

// Division never traps: by zero gives all ones, or the dividend as remainder, and
// the one signed overflow gives the dividend, or 0.

func divU(_ *State, a, b, _ uint64) uint64 {
	if b == 0 {
		return ^uint64(0)
	}
	return a / b
}

func divS(_ *State, a, b, _ uint64) uint64 {
	if b == 0 {
		return ^uint64(0)
	}
	return uint64(int64(a) / int64(b))
}

func remU(_ *State, a, b, _ uint64) uint64 {
	if b == 0 {
		return a
	}
	return a % b
}

func remS(_ *State, a, b, _ uint64) uint64 {
	if b == 0 {
		return a
	}
	return uint64(int64(a) % int64(b))
}
