//go:build !amd64

package see

// CPUID has no answer: the instruction is one of x86.
func (machine) CPUID(uint32, uint32) (Registers, error) {
	return Registers{}, &Error{What: "cpuid", Class: Absent}
}
