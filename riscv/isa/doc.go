// Package isa knows the instruction encodings of RV64 and RV32: IMAFDC with Zicsr,
// Zifencei, Zba, Zbb, Zbc, Zbs, Zicond and Zfa, V 1.0, and the embedder's own
// instructions (STOP and the custom opcode 0x5B).
//
// One table of {mask, match, name, format, extension, doc} serves the decoder,
// the disassembler and the reference page. Nothing here executes anything and
// nothing here has state: all functions are pure and safe for concurrent use.
// The rows of the vector extension are expanded from one line per operation.
package isa
