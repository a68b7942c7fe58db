package debug

import (
	"encoding/binary"

	"fishplate/riscv"
	"fishplate/riscv/linux"
)

// Guest is a program that is being watched.
type Guest struct {
	Machine *riscv.Machine

	// Handle does what the program's surroundings do after an exit: they serve
	// a call, deliver a fault as a signal, or end the program. It returns true
	// when the program is over; Status says how.
	Handle func(riscv.Exit) (ended bool)
	Status func() linux.Status

	// Routine says that an exit is none of the debugger's business: a call, or
	// the return from a signal handler.
	Routine func(riscv.Exit) bool

	// Breakpoint says that an exit is a breakpoint of the program's own beside
	// ebreak; going on skips it. It may be nil.
	Breakpoint func(riscv.Exit) bool

	// Restart makes the program anew, with other arguments if there are any;
	// nil when that cannot be done. The old machine stays the caller's.
	Restart func(args []string) (Guest, error)

	// File is where the executable lies, for a debugger on the same host, and
	// Auxv what the program found behind its environment. Both may be empty.
	File string
	Auxv []byte
}

// Linux returns the guest that a Linux process is. The process must stand at
// its first instruction.
func Linux(p *linux.Process) Guest {
	return Guest{Machine: p.Machine, Handle: p.Handle, Status: p.Status, Routine: p.Routine, Auxv: auxv(p.Machine)}
}

// maxStart bounds the words at the beginning of the stack that are looked at.
const maxStart = 64 << 10

// auxv copies the auxiliary vector: on the stack it follows the count of the
// arguments, the arguments, a zero, the environment and another zero, and it
// ends with the entry of kind 0.
func auxv(m *riscv.Machine) []byte {
	word := uint64(m.Program().XLEN() / 8)
	at := m.X[sp]
	if word == 4 {
		at = uint64(uint32(at))
	}
	read := func(n uint64) uint64 {
		b, err := m.Mem.View(at+n*word, word)
		switch {
		case err != nil:
			return 0
		case word == 4:
			return uint64(binary.LittleEndian.Uint32(b))
		}
		return binary.LittleEndian.Uint64(b)
	}
	n := read(0) + 2
	for n < maxStart && read(n) != 0 {
		n++
	}
	begin := n + 1
	for n = begin; n < maxStart && read(n) != 0; n += 2 {
	}
	if n >= maxStart {
		return nil
	}
	b := make([]byte, (n+2-begin)*word)
	if m.Mem.Read(at+begin*word, b) != nil {
		return nil
	}
	return b
}
