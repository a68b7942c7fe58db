package fishplate

// ecall makes call n of the host and returns a0 to a3.
func ecall(n, a0, a1, a2, a3, a4, a5, a6 uintptr) (r0, r1, r2, r3 uintptr)

// ecallTTL is the one call that has a float, in fa0.
func ecallTTL(n, set uintptr, seconds float32) float32

// Call makes call n of the host with at most seven arguments and returns a0.
// docs/reference/abi.md has them all; most have a function here. Memory that
// the host is to see is given as uintptr(unsafe.Pointer(…)) in the call itself:
// then it stays where it is until Call returns. The list of arguments does not
// go to the heap, which every call would pay for.
//
//go:noescape
//go:uintptrescapes
func Call(n int, args ...uintptr) int
