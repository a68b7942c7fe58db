package riscv

import (
	"io"

	"fishplate/riscv/isa"
	"fishplate/riscv/jit"
)

// WriteReference writes the table of instructions as a page in Markdown. Its
// column about translation is the same on hosts with a translator, which know the
// same operations, and empty on others.
func WriteReference(w io.Writer) error { return isa.Reference(w, jit.Covers) }
