package riscv

import (
	"io"

	"fishplate/riscv/isa"
	"fishplate/riscv/jit"
)

// WriteReference writes the table of instructions as a page in Markdown. Its
// column about translation is that of the host's architecture.
func WriteReference(w io.Writer) error { return isa.Reference(w, jit.Covers) }
