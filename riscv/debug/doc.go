// Package debug shows people what a RISC-V program does: which function and
// line an address belongs to, how the program came there, a server for gdb, and
// a profile by exact instruction counts.
//
// ReadLines takes symbols, DWARF and unwind tables from the executable. Files
// may be hostile: what is wrong or too large in them is left out, and costs a
// name or a line, never an endless loop or a panic. Backtrace only reads the
// machine.
//
// ServeGDB and Profile run a Guest: a machine, which the caller made and
// closes, and a function that performs what the program asks of its
// surroundings. Both run the machine on the calling goroutine; ServeGDB has one
// more, which reads the connection and ends with it. Make the machine without a
// translator: they stop it after every few instructions.
package debug
