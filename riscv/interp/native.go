package interp

import "unsafe"

// Native is what generated code needs of a hart beside its registers. Its
// fields are meaningful only while the engine runs; package jit owns them.
type Native struct {
	Base  unsafe.Pointer // host address of guest address 0
	Limit uint64         // addresses below it can be loaded from without a closer look
	Fuel  uint64         // instructions left, written at exits
	Next  uint64         // guest address at which an exit happened, when the code does not know it
	Exit  uint64         // which exit it was
	Entry uintptr        // where to begin, read by the entry stub

	MXCSR   uint32  // floating-point flags that the code raised
	Control uint32  // what it is set to on entry
	HostSP  uintptr // the caller's stack
	HostBP  uintptr
	SP      uintptr   // top of Calls, kept between runs
	Spill   [2]uint64 // scratch registers of a template
	Box     uint64    // upper half of a boxed single
	Table   unsafe.Pointer
	Code    uintptr
	Calls   [2 * callDepth]uint64 // pairs: guest return address, host return address
}

// callDepth is how many calls the native return stack predicts.
const callDepth = 128
