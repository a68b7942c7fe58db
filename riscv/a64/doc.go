// Package a64 encodes arm64 instructions into a byte slice: those that package
// jit needs, from ARMv8.0 with floating point and Advanced SIMD; the carry-less
// multiplication is an extension that the caller asks the processor about.
//
// It knows nothing of what is encoded, allocates no registers and makes no
// memory executable, nor coherent. An Asm belongs to one goroutine; its Out
// belongs to the caller. Operands are in the manual's order: destination first.
// A width argument is true for 64 bits and false for 32, which clears the upper
// half of the destination, as the processor does. An operand that an instruction
// cannot hold panics: it is the caller who chooses the form.
package a64
