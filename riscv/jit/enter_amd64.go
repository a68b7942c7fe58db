//go:build linux

package jit

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// enter runs generated code at the address code on a hart, given by the address
// of its register x16, from where all of them are within a signed byte.
//
//go:noescape
func enter(hart unsafe.Pointer, code uintptr)

// control is the word that generated code runs with: no exception traps, round
// to nearest, subnormal numbers kept, no flags raised.
const control = 0x1f80

// flags translates what the status word says was raised into RISC-V's order:
// invalid, divide by zero, overflow, underflow, inexact, from bit 4 down.
func flags(status uint32) uint8 {
	if status&0x3d == 0 {
		return 0
	}
	s := uint8(status)
	return s&1<<4 | s>>2&1<<3 | s>>3&1<<2 | s>>4&1<<1 | s>>5&1
}

// supported says why generated code cannot run here. LZCNT is asked for by name
// because a processor without it takes the encoding for another instruction and
// does not fault.
func supported() error {
	x := &cpu.X86
	for _, need := range []struct {
		name string
		has  bool
	}{
		{"AVX", x.HasAVX}, {"BMI1", x.HasBMI1}, {"BMI2", x.HasBMI2}, {"FMA", x.HasFMA},
		{"LZCNT", x.HasLZCNT}, {"POPCNT", x.HasPOPCNT}, {"PCLMULQDQ", x.HasPCLMULQDQ},
	} {
		if !need.has {
			return fmt.Errorf("%w: the processor lacks %s", ErrUnsupported, need.name)
		}
	}
	return nil
}
