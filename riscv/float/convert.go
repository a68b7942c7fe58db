package float

import "math/bits"

// toInt converts to an integer of width 32 or 64 bits. 32-bit results are
// sign-extended, unsigned ones too, as registers hold them.
func (f *Format) toInt(a uint64, width uint, unsigned bool, rm uint8, flags *uint8) uint64 {
	n := f.unpack(a)
	if n.kind == zero {
		return 0
	}
	if n.isNaN() || n.kind == inf || n.exp > 63 {
		*flags |= NV
		return saturate(n.neg && !n.isNaN(), width, unsigned)
	}
	var mag uint64
	inexact := false
	switch {
	case n.exp >= 62:
		mag = n.sig << (n.exp - 62)
	case n.exp < -1:
		mag, inexact = round(n.neg, 1, 2, rm) // less than a half
	default:
		mag, inexact = round(n.neg, n.sig, uint(62-n.exp), rm)
	}
	limit := ^uint64(0) >> (64 - width)
	switch {
	case unsigned && n.neg:
		limit = 0
	case !unsigned && n.neg:
		limit = 1 << (width - 1)
	case !unsigned:
		limit >>= 1
	}
	if mag > limit {
		*flags |= NV
		return saturate(n.neg, width, unsigned)
	}
	if inexact {
		*flags |= NX
	}
	if n.neg {
		mag = -mag
	}
	if width == 32 {
		return uint64(int64(int32(mag)))
	}
	return mag
}

// saturate is the result of a conversion out of range.
func saturate(neg bool, width uint, unsigned bool) uint64 {
	switch {
	case unsigned && neg:
		return 0
	case unsigned:
		return ^uint64(0)
	case neg:
		return ^uint64(0) << (width - 1)
	}
	return 1<<(width-1) - 1
}

// fromInt converts an integer of 64 bits, signed or not.
func (f *Format) fromInt(v uint64, unsigned bool, rm uint8, flags *uint8) uint64 {
	if v == 0 {
		return 0
	}
	neg := !unsigned && int64(v) < 0
	if neg {
		v = -v
	}
	if v>>63 != 0 {
		return f.pack(neg, 63, jam(v, 1), rm, flags)
	}
	n := bits.LeadingZeros64(v) - 1
	return f.pack(neg, 62-n, v<<n, rm, flags)
}

// convert changes the format of a value.
func convert(from, to *Format, a uint64, rm uint8, flags *uint8) uint64 {
	n := from.unpack(a)
	switch n.kind {
	case zero:
		return to.zero(n.neg)
	case inf:
		return to.inf(n.neg)
	case quiet, signalling:
		return to.nanOf(flags, n)
	}
	return to.pack(n.neg, n.exp, n.sig, rm, flags)
}

// order compares two values that are not NaN: -1, 0 or 1. Zeroes are equal.
func (f *Format) order(a, b uint64) int {
	if (a|b)&^f.sign == 0 {
		return 0
	}
	if r := f.total(a, b); a != b {
		return r
	}
	return 0
}

// total orders values by sign and magnitude; -0 comes before +0.
func (f *Format) total(a, b uint64) int {
	x, y := int64(a&^f.sign), int64(b&^f.sign)
	if a&f.sign != 0 {
		x = ^x
	}
	if b&f.sign != 0 {
		y = ^y
	}
	if x < y {
		return -1
	}
	return 1
}

// compare answers feq, flt and fle: the accepted orders are given by eq and lt.
func (f *Format) compare(a, b uint64, lt, eq bool, flags *uint8) uint64 {
	x, y := f.unpack(a), f.unpack(b)
	if x.isNaN() || y.isNaN() {
		if lt || x.kind == signalling || y.kind == signalling {
			*flags |= NV
		}
		return 0
	}
	o := f.order(a, b)
	if lt && o < 0 || eq && o == 0 {
		return 1
	}
	return 0
}

// pick is fmin, or fmax if greater: a NaN loses to a number, -0 is less than +0.
func (f *Format) pick(a, b uint64, greater bool, flags *uint8) uint64 {
	x, y := f.unpack(a), f.unpack(b)
	if x.kind == signalling || y.kind == signalling {
		*flags |= NV
	}
	switch {
	case x.isNaN() && y.isNaN():
		return f.nan
	case x.isNaN():
		return b
	case y.isNaN():
		return a
	}
	if (f.total(a, b) < 0) != greater {
		return a
	}
	return b
}

// class gives the one-hot answer of fclass.
func (f *Format) class(a uint64) uint64 {
	n := f.unpack(a)
	bit := 0
	switch n.kind {
	case inf:
		bit = 0
	case finite:
		bit = 1
		if n.exp+f.bias < 1 {
			bit = 2
		}
	case zero:
		bit = 3
	case signalling:
		return 1 << 8
	case quiet:
		return 1 << 9
	}
	if !n.neg {
		bit = 7 - bit
	}
	return 1 << bit
}
