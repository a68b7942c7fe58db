// Package interp executes RV64 and RV32 instructions on a memory, with an exact
// budget.
//
// Compile decodes the code of a program once into 16-byte records, which all
// machines of the program share and nobody changes. State is one hart: registers
// and what Run needs; those of RV32 are kept sign-extended from 32 bits. Run
// charges a basic block when it enters it and gives back what a fault in the
// middle left undone, so the count is exact at every exit; when the remaining
// budget is smaller than a block it steps.
//
// Run has the frequent operations, alone and in pairs; slow has all of them.
// Hooks let an embedder choose what instructions of its own do.
//
// A State belongs to one goroutine at a time, and so does its memory. There is
// one hart: fences do nothing, LR/SC fail only without a reservation.
package interp
