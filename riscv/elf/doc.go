// Package elf reads static RISC-V executables of 32 and 64 bits, strictly: little
// endian, machine 243, segments inside the file that neither overlap nor are
// writable and executable. Everything that is wrong is named in the error.
// Section headers are needed only for symbols; a file without them, or without a
// symbol table, is accepted.
//
// A position-independent executable without an interpreter (static-pie) is given
// a fixed place and relocated. What needs a dynamic loader is refused.
//
// A File refers to the bytes that it was read from; they must not change.
// Relocated segments are copies. There is no other state.
package elf
