package float

import "math"

// The functions of this file compute with the host's arithmetic, which rounds to
// the nearest, ties to even, as mode RNE does. They are small enough to be
// inlined into an execution engine, which may use a result when ok is true and
// Quick says so of its control register.

// quick is the part of fcsr that must be NX alone: the rounding mode is RNE and
// the inexact flag is raised already, so that it need not be found out whether
// this operation is inexact.
const quick = 7<<5 | NX

// Quick says whether, under the control and status register fcsr, a plain result
// of the host is right and raises nothing new.
func Quick(fcsr uint8) bool { return fcsr&quick == NX }

// Nearest is Quick for an operation that may be known to be exact.
func Nearest(fcsr uint8, exact bool) bool { return fcsr < 1<<5 && (exact || fcsr&NX != 0) }

// plain64 says whether a result is a normal number that neither overflowed nor
// came near the subnormals.
func plain64(v uint64) bool { return v>>52&0x7ff-2 < 0x7fd }

func plain32(v uint32) bool { return v>>23&0xff-2 < 0xfd }

// Single returns the single in the register v, a NaN if it is not boxed.
func Single(v uint64) float32 {
	if v < Box {
		return math.Float32frombits(NaN32)
	}
	return math.Float32frombits(uint32(v))
}

// Boxed says whether both registers hold NaN-boxed singles.
func Boxed(a, b uint64) bool { return a&b >= Box }

// Inexact returns the flag NX, or nothing.
func Inexact(yes bool) uint8 {
	if yes {
		return NX
	}
	return 0
}

// Box is the upper half of a register that holds a single.
const Box = 0xffffffff << 32

// Plain64 returns the bits of r, and whether r is a plain number.
func Plain64(r float64) (v uint64, ok bool) {
	v = math.Float64bits(r)
	return v, plain64(v)
}

// Plain32 returns r boxed, and whether r is a plain number.
func Plain32(r float32) (v uint64, ok bool) {
	b := math.Float32bits(r)
	return Box | uint64(b), plain32(b)
}

// Plain32Once is Plain32 of a result that was rounded to a double first, unless
// the second rounding could differ from a single one: r must not be a tie.
func Plain32Once(r float64) (v uint64, ok bool) {
	v, ok = Plain32(float32(r))
	return v, ok && math.Float64bits(r)&(1<<29-1) != 1<<28
}

// sum64 adds with the host's arithmetic and says whether something was lost in
// rounding, which the host tells by the error of the sum: it is a double itself.
// ok is false when the sum is not an ordinary number.
func sum64(a, b uint64) (v uint64, lost, ok bool) {
	x, y := math.Float64frombits(a), math.Float64frombits(b)
	sum := x + y
	v, ok = Plain64(sum)
	part := sum - x
	return v, (x-(sum-part))+(y-part) != 0, ok
}

// safe64 is the least biased exponent of a product whose rounding error is a
// normal number.
const safe64 = 128

// product64 is sum64 for a product.
func product64(a, b uint64) (v uint64, lost, ok bool) {
	x, y := math.Float64frombits(a), math.Float64frombits(b)
	v, ok = Plain64(x * y)
	ok = ok && v>>52&0x7ff >= safe64
	return v, math.FMA(x, y, -math.Float64frombits(v)) != 0, ok
}
