package main

import (
	"io"

	"fishplate/riscv/linux"
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

func referenceSyscalls(w io.Writer) error {
	if _, err := io.WriteString(w, "# System calls of a guest on the desk\n\n"+generated+
		"What `fishplate guest run` and package `riscv/linux` serve. Everything else answers ENOSYS, as does what is refused below.\n\n"); err != nil {
		return err
	}
	return linux.Reference(w)
}
