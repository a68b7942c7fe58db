package debug

import "fishplate/riscv"

// Guest is a program that is being watched.
type Guest struct {
	Machine *riscv.Machine

	// Call performs what the program asks for at an exit that is neither
	// Budget nor Faulted, and moves PC past the instruction. It returns true
	// with the exit code when the program is over, and an error when there is
	// nobody who answers such an exit.
	Call func(riscv.Exit) (done bool, code int, err error)

	// Restart makes the program anew; nil when that cannot be done. The old
	// machine stays the caller's.
	Restart func() (Guest, error)

	// File is where the executable lies, for a debugger on the same host, and
	// Auxv what the program found behind its environment. Both may be empty.
	File string
	Auxv []byte
}
