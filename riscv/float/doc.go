// Package float computes IEEE 754 binary32 and binary64 operations exactly as
// the RISC-V F and D extensions define them: five rounding modes, five
// accrued exception flags, tininess detected after rounding, and one canonical
// NaN for every NaN result.
//
// Values are passed as bits. Each function ORs the flags that it raises into
// *flags. Operations are done on integers; when the mode is round-to-nearest
// and the inexact flag is set already, the host's arithmetic gives the same
// answer faster, and it is used as long as the result is a normal number far
// from both ends. NaN boxing belongs to the caller. There is no state.
package float

// Rounding modes, as in the rm field of an instruction.
const (
	RNE = iota // to nearest, ties to even
	RTZ        // towards zero
	RDN        // down
	RUP        // up
	RMM        // to nearest, ties away from zero
)

// Exception flags, as in the CSR fflags.
const (
	NX = 1 << iota // inexact
	UF             // underflow
	OF             // overflow
	DZ             // division by zero
	NV             // invalid operation
)

// The canonical NaNs.
const (
	NaN32 = 0x7fc00000
	NaN64 = 0x7ff8000000000000
)
