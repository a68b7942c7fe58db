package fishplate

// ecall makes call n of the host and returns a0 to a3.
func ecall(n, a0, a1, a2, a3, a4, a5, a6 uintptr) (r0, r1, r2, r3 uintptr)

// ecallTTL is the one call that has a float, in fa0.
func ecallTTL(n, set uintptr, seconds float32) float32
