package main

import (
	"fishplate/internal/desk"
	"fishplate/riscv"
)

// guestVerbs are about a program on the desk: no process, no tenant.
func guestVerbs() []verb {
	return []verb{{
		name: "guest", form: "run|disasm|gdb|profile PROG …",
		short: "Run a RISC-V program on the desk, or look into it",
		long:  "PROG is a statically linked RISC-V Linux executable, 64 or 32 bits.",
		sub:   []verb{guestRunVerb(), guestDisasmVerb(), guestGDBVerb(), guestProfileVerb()},
	}}
}

// loadGuest reads and verifies the program at path.
func loadGuest(path string) (*riscv.Program, error) {
	program, _, err := desk.Load(path)
	return program, err
}
