// Package x64 encodes amd64 instructions into a byte slice: those that package
// jit needs, in the shortest form, from the x86-64-v3 level (BMI1, BMI2, LZCNT,
// POPCNT, AVX, FMA) and PCLMULQDQ. Whether the processor has them is for the
// caller to ask.
//
// It knows nothing of what is encoded, allocates no registers and makes no
// memory executable. An Asm belongs to one goroutine; its Out belongs to the
// caller. Operands are in Intel order: destination first. A width argument is
// true for 64 bits and false for 32, which clears the upper half of the
// destination, as the processor does.
package x64
