package debug

import "fishplate/riscv/symbols"

// Lines knows the functions, source lines and unwind tables of one executable.
// It is immutable; any number of goroutines may use it. A nil one knows nothing.
type Lines = symbols.Lines

// Location is one function that an address belongs to.
type Location = symbols.Location

// ReadLines reads what an executable tells about itself. Without DWARF there
// are symbols only, and without symbols nothing; neither is an error. Errors say
// that the file is no RISC-V executable.
func ReadLines(file []byte) (*Lines, error) { return symbols.Read(file) }
