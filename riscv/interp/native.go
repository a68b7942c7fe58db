package interp

import (
	"unsafe"
)

// Native is what generated code needs of a hart beside its registers. Package
// jit owns the fields; they mean something only while its code runs, except SP
// and Calls, which predict returns and are checked at each use, so that they
// need no reset.
type Native struct {
	Base    unsafe.Pointer // host address of guest address 0
	Limit   uint64         // how far a base register may lie above the lower margin
	Fuel    uint64         // instructions left
	Next    uint64         // where to go on, when the exit's record does not say it
	Exit    uint64         // number of the exit's record
	Entry   uintptr        // host address at which to begin
	HostSP  uintptr        // the Go stack, while generated code has its own
	HostBP  uintptr
	SP      uintptr   // top of Calls, kept between runs
	Floor   uintptr   // where Calls is full
	Top     uintptr   // where Calls is empty
	Table   uintptr   // host address of the table of entries
	Code    uintptr   // host address of the generated code
	Box     [2]uint64 // upper half of a boxed single, then 0
	Spill   uint64
	Control uint32 // floating-point control word on entry
	Status  uint32 // and on exit, with the flags that were raised
	Calls   [2*callDepth + 2]uint64
}

// FCSROffset is where the floating-point CSR lies in a State, a byte.
const FCSROffset = unsafe.Offsetof(State{}.fcsr)

// ReservedOffset is where the reservation of LR lies in a State, 8 bytes: its
// address, or 0.
const ReservedOffset = unsafe.Offsetof(State{}.reserved)

// callDepth is how many nested calls are predicted to return.
const callDepth = 128

// Left returns how many instructions there are from pc to the end of its basic
// block, that one included; 1 when pc is not at a decoded instruction.
func (c *Code) Left(pc uint64) uint64 {
	if s := c.find(pc); s != nil && pc&1 == 0 {
		if k := s.entry[(pc-s.base)/2]; k >= 0 {
			return max(1, uint64(s.code[k].run))
		}
	}
	return 1
}

// Raise adds floating-point exception flags.
func (s *State) Raise(flags uint8) { s.fcsr |= flags }

// RoundsToNearest says whether the dynamic rounding mode is the default one.
func (s *State) RoundsToNearest() bool { return s.fcsr>>5 == 0 }
