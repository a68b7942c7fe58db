package float

// Binary32 returns the format of singles. Its methods take and give them in the
// low halves of 64-bit words.
func Binary32() *Format { return single }

// Binary64 returns the format of doubles.
func Binary64() *Format { return double }

// Add returns a + b.
func (f *Format) Add(a, b uint64, rm uint8, flags *uint8) uint64 {
	if f == double && rm == RNE {
		if v, lost, ok := sum64(a, b); ok {
			*flags |= Inexact(lost)
			return v
		}
	}
	return f.add(a, b, rm, flags)
}

// Sub returns a - b.
func (f *Format) Sub(a, b uint64, rm uint8, flags *uint8) uint64 {
	return f.Add(a, b^f.sign, rm, flags)
}

// Mul returns a × b.
func (f *Format) Mul(a, b uint64, rm uint8, flags *uint8) uint64 {
	if f == double && rm == RNE {
		if v, lost, ok := product64(a, b); ok {
			*flags |= Inexact(lost)
			return v
		}
	}
	return f.mul(a, b, rm, flags)
}

// Div returns a / b.
func (f *Format) Div(a, b uint64, rm uint8, flags *uint8) uint64 { return f.div(a, b, rm, flags) }

// Sqrt returns the square root of a.
func (f *Format) Sqrt(a uint64, rm uint8, flags *uint8) uint64 { return f.sqrt(a, rm, flags) }

// FMA returns ±(a×b) ± c, rounded once; negP and negC flip the signs of the
// product and of c.
func (f *Format) FMA(a, b, c uint64, negP, negC bool, rm uint8, flags *uint8) uint64 {
	return f.fma(a, b, c, negP, negC, rm, flags)
}

// Sign returns a with the sign of b.
func (f *Format) Sign(a, b uint64) uint64 { return a&^f.sign | b&f.sign }

// Eq returns 1 if a = b; only a signalling NaN is invalid.
func (f *Format) Eq(a, b uint64, flags *uint8) uint64 { return f.compare(a, b, false, true, flags) }

// Lt returns 1 if a < b; any NaN is invalid.
func (f *Format) Lt(a, b uint64, flags *uint8) uint64 { return f.compare(a, b, true, false, flags) }

// Le returns 1 if a ≤ b; any NaN is invalid.
func (f *Format) Le(a, b uint64, flags *uint8) uint64 { return f.compare(a, b, true, true, flags) }

// Quietly is Lt, or Le with orEqual, for which only a signalling NaN is invalid.
func (f *Format) Quietly(a, b uint64, orEqual bool, flags *uint8) uint64 {
	if x, y := f.unpack(a), f.unpack(b); x.isNaN() || y.isNaN() {
		f.nanOf(flags, x, y)
		return 0
	}
	return f.compare(a, b, true, orEqual, flags)
}

// Min returns the lesser of a and b, the other one if one is NaN.
func (f *Format) Min(a, b uint64, flags *uint8) uint64 { return f.pick(a, b, false, flags) }

// Max returns the greater of a and b, the other one if one is NaN.
func (f *Format) Max(a, b uint64, flags *uint8) uint64 { return f.pick(a, b, true, flags) }

// Strictly is Min, or Max if greater, with NaN as the result if one is NaN.
func (f *Format) Strictly(a, b uint64, greater bool, flags *uint8) uint64 {
	if x, y := f.unpack(a), f.unpack(b); x.isNaN() || y.isNaN() {
		return f.nanOf(flags, x, y)
	}
	return f.pick(a, b, greater, flags)
}

// Class returns the bit of fclass for a.
func (f *Format) Class(a uint64) uint64 { return f.class(a) }

// ToInt converts a to an integer of width 32 or 64 bits; 32-bit results, unsigned
// ones too, are sign-extended. Out of range saturates and raises NV.
func (f *Format) ToInt(a uint64, width uint, unsigned bool, rm uint8, flags *uint8) uint64 {
	return f.toInt(a, width, unsigned, rm, flags)
}

// FromInt converts the 64-bit integer v.
func (f *Format) FromInt(v uint64, unsigned bool, rm uint8, flags *uint8) uint64 {
	return f.fromInt(v, unsigned, rm, flags)
}

// Integral rounds a to an integral value of the same format. NX is raised for a
// change of the value only if noisy.
func (f *Format) Integral(a uint64, noisy bool, rm uint8, flags *uint8) uint64 {
	n := f.unpack(a)
	switch {
	case n.isNaN():
		return f.nanOf(flags, n)
	case n.kind != finite || n.exp >= int(f.mant):
		return a
	}
	var (
		q       uint64
		inexact bool
	)
	if n.exp < -1 {
		q, inexact = round(n.neg, 1, 2, rm) // less than a half
	} else {
		q, inexact = round(n.neg, n.sig, uint(62-n.exp), rm)
	}
	if inexact && noisy {
		*flags |= NX
	}
	return f.fromInt(q, true, rm, flags) | f.zero(n.neg)
}

// ToIntModulo converts the double a to an integer, towards zero, and returns its
// low 32 bits, sign-extended. Flags are those of the conversion that saturates.
func ToIntModulo(a uint64, flags *uint8) uint64 {
	double.toInt(a, 32, false, RTZ, flags)
	n := double.unpack(a)
	if n.kind != finite || n.exp < 0 || n.exp > 62+31 {
		return 0
	}
	v := n.sig
	if n.exp > 62 {
		v <<= n.exp - 62
	} else {
		v >>= 62 - n.exp
	}
	if n.neg {
		v = -v
	}
	return uint64(int64(int32(v)))
}

// Constant returns the constant of fli with the number i (0 to 31).
func (f *Format) Constant(i uint8) uint64 {
	switch i &= 31; i {
	case 1:
		return 1 << f.mant // the least normal number
	case 30:
		return f.inf(false)
	case 31:
		return f.nan
	}
	// All others have at most three bits of significand: sign, exponent, and a
	// fraction in quarters.
	c := constants[i]
	v := uint64(int(c.exp)+f.bias)<<f.mant | uint64(c.quarters)<<(f.mant-2)
	if i == 0 {
		v |= f.sign
	}
	return v
}

// constants are the numbers of fli: (1 + quarters/4) · 2^exp.
var constants = [32]struct{ exp, quarters int8 }{
	0: {0, 0}, 2: {-16, 0}, 3: {-15, 0}, 4: {-8, 0}, 5: {-7, 0}, 6: {-4, 0}, 7: {-3, 0},
	8: {-2, 0}, 9: {-2, 1}, 10: {-2, 2}, 11: {-2, 3}, 12: {-1, 0}, 13: {-1, 1}, 14: {-1, 2}, 15: {-1, 3},
	16: {0, 0}, 17: {0, 1}, 18: {0, 2}, 19: {0, 3}, 20: {1, 0}, 21: {1, 1}, 22: {1, 2}, 23: {2, 0},
	24: {3, 0}, 25: {4, 0}, 26: {7, 0}, 27: {8, 0}, 28: {15, 0}, 29: {16, 0},
}
