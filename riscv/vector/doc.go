// Package vector executes the instructions of the RISC-V vector extension,
// version 1.0, with registers of 128 bits and elements of at most 64.
//
// State is the register file of one hart. Execute performs one decoded
// instruction on it; what it needs of the scalar side comes in a Hart. A table
// says for every operation which groups of registers it reads and writes, which
// of its sources are signed, and what it computes of one element. Elements
// travel as 64-bit words, so one function serves all widths; the most common
// operations have loops of their own besides, one per width.
//
// Everything that the specification reserves is an illegal instruction. Elements
// that it calls agnostic keep their values. A fault in memory leaves the
// elements before it done and vstart at the one that failed, so that the
// instruction can be executed again. Tails are never written.
//
// A State belongs to one goroutine. The package holds no other memory and knows
// nothing of program counters or budgets.
package vector
