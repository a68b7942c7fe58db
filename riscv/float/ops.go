package float

import "math"

func hosted(rm, flags uint8) bool { return rm == RNE && flags&NX != 0 }

// Add64 returns a + b in binary64.
func Add64(a, b uint64, rm uint8, flags *uint8) uint64 {
	if hosted(rm, *flags) {
		r := math.Float64bits(math.Float64frombits(a) + math.Float64frombits(b))
		if plain64(r) {
			return r
		}
	}
	return double.add(a, b, rm, flags)
}

// Add32 returns a + b in binary32.
func Add32(a, b uint32, rm uint8, flags *uint8) uint32 {
	if hosted(rm, *flags) {
		r := math.Float32bits(math.Float32frombits(a) + math.Float32frombits(b))
		if plain32(r) {
			return r
		}
	}
	return uint32(single.add(uint64(a), uint64(b), rm, flags))
}

// Sub64 returns a - b in binary64.
func Sub64(a, b uint64, rm uint8, flags *uint8) uint64 {
	if hosted(rm, *flags) {
		r := math.Float64bits(math.Float64frombits(a) - math.Float64frombits(b))
		if plain64(r) {
			return r
		}
	}
	return double.add(a, b^double.sign, rm, flags)
}

// Sub32 returns a - b in binary32.
func Sub32(a, b uint32, rm uint8, flags *uint8) uint32 {
	if hosted(rm, *flags) {
		r := math.Float32bits(math.Float32frombits(a) - math.Float32frombits(b))
		if plain32(r) {
			return r
		}
	}
	return uint32(single.add(uint64(a), uint64(b)^single.sign, rm, flags))
}

// Mul64 returns a × b in binary64.
func Mul64(a, b uint64, rm uint8, flags *uint8) uint64 {
	if hosted(rm, *flags) {
		r := math.Float64bits(math.Float64frombits(a) * math.Float64frombits(b))
		if plain64(r) {
			return r
		}
	}
	return double.mul(a, b, rm, flags)
}

// Mul32 returns a × b in binary32.
func Mul32(a, b uint32, rm uint8, flags *uint8) uint32 {
	if hosted(rm, *flags) {
		r := math.Float32bits(math.Float32frombits(a) * math.Float32frombits(b))
		if plain32(r) {
			return r
		}
	}
	return uint32(single.mul(uint64(a), uint64(b), rm, flags))
}

// Div64 returns a / b in binary64.
func Div64(a, b uint64, rm uint8, flags *uint8) uint64 {
	if hosted(rm, *flags) {
		r := math.Float64bits(math.Float64frombits(a) / math.Float64frombits(b))
		if plain64(r) {
			return r
		}
	}
	return double.div(a, b, rm, flags)
}

// Div32 returns a / b in binary32.
func Div32(a, b uint32, rm uint8, flags *uint8) uint32 {
	if hosted(rm, *flags) {
		r := math.Float32bits(math.Float32frombits(a) / math.Float32frombits(b))
		if plain32(r) {
			return r
		}
	}
	return uint32(single.div(uint64(a), uint64(b), rm, flags))
}

// Sqrt64 returns the square root of a in binary64.
func Sqrt64(a uint64, rm uint8, flags *uint8) uint64 {
	if hosted(rm, *flags) {
		if r := math.Float64bits(math.Sqrt(math.Float64frombits(a))); plain64(r) {
			return r
		}
	}
	return double.sqrt(a, rm, flags)
}

// Sqrt32 returns the square root of a in binary32.
func Sqrt32(a uint32, rm uint8, flags *uint8) uint32 {
	if hosted(rm, *flags) {
		// A double has more than twice the bits of a single, so the second
		// rounding is harmless.
		r := math.Float32bits(float32(math.Sqrt(float64(math.Float32frombits(a)))))
		if plain32(r) {
			return r
		}
	}
	return uint32(single.sqrt(uint64(a), rm, flags))
}

// FMA64 returns ±(a×b) ± c in binary64, rounded once; negP and negC flip the
// signs of the product and of c.
func FMA64(a, b, c uint64, negP, negC bool, rm uint8, flags *uint8) uint64 {
	if hosted(rm, *flags) {
		p, q := a, c
		if negP {
			p ^= 1 << 63
		}
		if negC {
			q ^= 1 << 63
		}
		r := math.Float64bits(math.FMA(math.Float64frombits(p), math.Float64frombits(b), math.Float64frombits(q)))
		if plain64(r) {
			return r
		}
	}
	return double.fma(a, b, c, negP, negC, rm, flags)
}

// FMA32 is FMA64 in binary32.
func FMA32(a, b, c uint32, negP, negC bool, rm uint8, flags *uint8) uint32 {
	return uint32(single.fma(uint64(a), uint64(b), uint64(c), negP, negC, rm, flags))
}

// Eq64 returns 1 if a = b; only a signalling NaN is invalid.
func Eq64(a, b uint64, flags *uint8) uint64 {
	return double.compare(a, b, false, true, flags)
}

// Lt64 returns 1 if a < b; any NaN is invalid.
func Lt64(a, b uint64, flags *uint8) uint64 {
	return double.compare(a, b, true, false, flags)
}

// Le64 returns 1 if a ≤ b; any NaN is invalid.
func Le64(a, b uint64, flags *uint8) uint64 {
	return double.compare(a, b, true, true, flags)
}

// Min64 returns the lesser of a and b.
func Min64(a, b uint64, flags *uint8) uint64 {
	return double.pick(a, b, false, flags)
}

// Max64 returns the greater of a and b.
func Max64(a, b uint64, flags *uint8) uint64 {
	return double.pick(a, b, true, flags)
}

// Class64 returns the bit of fclass for a.
func Class64(a uint64) uint64 { return double.class(a) }

// ToInt64 converts a to an integer of width 32 or 64 bits; 32-bit results,
// unsigned ones too, are sign-extended. Out of range saturates and raises NV.
func ToInt64(a uint64, width uint, unsigned bool, rm uint8, flags *uint8) uint64 {
	return double.toInt(a, width, unsigned, rm, flags)
}

// FromInt64 converts the 64-bit integer v.
func FromInt64(v uint64, unsigned bool, rm uint8, flags *uint8) uint64 {
	return double.fromInt(v, unsigned, rm, flags)
}

// Eq32 returns 1 if a = b; only a signalling NaN is invalid.
func Eq32(a, b uint32, flags *uint8) uint64 {
	return single.compare(uint64(a), uint64(b), false, true, flags)
}

// Lt32 returns 1 if a < b; any NaN is invalid.
func Lt32(a, b uint32, flags *uint8) uint64 {
	return single.compare(uint64(a), uint64(b), true, false, flags)
}

// Le32 returns 1 if a ≤ b; any NaN is invalid.
func Le32(a, b uint32, flags *uint8) uint64 {
	return single.compare(uint64(a), uint64(b), true, true, flags)
}

// Min32 returns the lesser of a and b.
func Min32(a, b uint32, flags *uint8) uint32 {
	return uint32(single.pick(uint64(a), uint64(b), false, flags))
}

// Max32 returns the greater of a and b.
func Max32(a, b uint32, flags *uint8) uint32 {
	return uint32(single.pick(uint64(a), uint64(b), true, flags))
}

// Class32 returns the bit of fclass for a.
func Class32(a uint32) uint64 { return single.class(uint64(a)) }

// ToInt32 converts a to an integer of width 32 or 64 bits; 32-bit results,
// unsigned ones too, are sign-extended. Out of range saturates and raises NV.
func ToInt32(a uint32, width uint, unsigned bool, rm uint8, flags *uint8) uint64 {
	return single.toInt(uint64(a), width, unsigned, rm, flags)
}

// FromInt32 converts the 64-bit integer v.
func FromInt32(v uint64, unsigned bool, rm uint8, flags *uint8) uint32 {
	return uint32(single.fromInt(v, unsigned, rm, flags))
}

// Narrow rounds a binary64 to binary32.
func Narrow(a uint64, rm uint8, flags *uint8) uint32 {
	return uint32(convert(double, single, a, rm, flags))
}

// Widen converts a binary32 to binary64, which is exact.
func Widen(a uint32, flags *uint8) uint64 {
	return convert(single, double, uint64(a), RNE, flags)
}
