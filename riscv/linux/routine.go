package linux

import "fishplate/riscv"

// Routine says whether an exit belongs to the life of a healthy program: a
// system call, or the return from a signal handler. A debugger does not stop
// there. It is for those who call Handle themselves.
func (p *Process) Routine(e riscv.Exit) bool {
	return e.Kind == riscv.Call || e.Kind == riscv.Faulted && p.atTrampoline(e.Fault)
}
