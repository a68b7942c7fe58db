// Package riscv is a machine that runs RISC-V user programs inside a Go
// process, isolated, with an exact instruction budget.
//
// A Program is a verified executable, decoded once. NewMachine gives it a memory
// to run its start-up code in; Freeze turns the machine, at any exit, into an
// Image; Fork makes machines that continue from there, cheaply, and Reset takes
// each back to the image without leaving a trace of what it did. Close leaves
// the host memory of a fork to the next one, and Park lends it away while a fork
// rests. Run executes until the fuel is used up, the program asks for the
// embedder (ecall, ebreak, STOP, WFI, the custom opcode), or it faults. All exits
// are precise.
//
// The instruction set is RV64 or RV32, IMAFDC with Zicsr, Zifencei, Zba, Zbb, Zbc,
// Zbs, Zicond and Zfa, and V 1.0 with registers of 128 bits: one hart, user mode.
// CSRs are fflags, frm, fcsr, cycle and instret (both the instruction counter),
// time, those of the vectors, and constants for mvendorid, marchid, mimpid and
// mhartid; others have no effect, writing a read-only one is illegal. Code never
// changes once it is loaded. Where the host allows it, code that is used often is
// translated to the host's; Options.JIT turns that off, Machine.Engine says what
// is in use, and both compute the same, instruction for instruction.
//
// The package knows no system calls: what an ecall means is the embedder's
// business, and riscv/linux is one such. It starts no goroutines. A Program may
// be shared and an Image forked concurrently; a Machine belongs to one goroutine
// at a time, and Close gives its memory back.
package riscv
