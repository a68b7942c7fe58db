// Package isa knows the instruction encodings of RV64IMAFDC with Zicsr,
// Zifencei, Zba, Zbb, Zbc, Zbs and Zicond, and of the embedder's own
// instructions (STOP and the custom opcode 0x5B).
//
// One table of {mask, match, name, format, extension, doc} serves the decoder,
// the disassembler and the reference page. Nothing here executes anything and
// nothing here has state: all functions are pure and safe for concurrent use.
// RV32 encodings that differ from RV64 are not decoded.
package isa
