// Package elf reads statically linked RV64 executables, strictly: ELF64, little
// endian, machine 243, type EXEC, segments inside the file that neither overlap
// nor are writable and executable. Everything that is wrong is named in the
// error. Section headers are needed only for symbols; a file without them, or
// without a symbol table, is accepted.
//
// A File refers to the bytes that it was read from; they must not change. There
// is no other state. It does not relocate, and runs no dynamic loader.
package elf
