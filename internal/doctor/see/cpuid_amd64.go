package see

// cpuid executes the instruction. Xen's paravirtual guests see the hardware's
// answer, as the hypervisor cannot catch it there.
func cpuid(leaf, sub uint32) (eax, ebx, ecx, edx uint32)

// CPUID asks the processor.
func (machine) CPUID(leaf, sub uint32) (Registers, error) {
	a, b, c, d := cpuid(leaf, sub)
	return Registers{EAX: a, EBX: b, ECX: c, EDX: d}, nil
}
