//go:build !riscv64

package fishplate

// ecall has no meaning elsewhere: the package builds, so that programs can be
// vetted and their parts tested, and a call ends the program.
func ecall(n, a0, a1, a2, a3, a4, a5, a6 uintptr) (r0, r1, r2, r3 uintptr) {
	panic("fishplate: the host's calls exist only on linux/riscv64")
}

// Call makes call n of the host with at most seven arguments and returns a0.
func Call(n int, args ...uintptr) int {
	r, _, _, _ := ecall(uintptr(n), 0, 0, 0, 0, 0, 0, 0)
	return int(r)
}

// ecallTTL is as ecall.
func ecallTTL(n, set uintptr, seconds float32) float32 {
	panic("fishplate: the host's calls exist only on linux/riscv64")
}
