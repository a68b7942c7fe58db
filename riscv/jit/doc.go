// Package jit turns guest code into host code and runs it, with the same
// results as package interp, instruction for instruction, fault for fault.
//
// A Cache belongs to one program and is shared by all its machines. Code is
// translated region by region (what is reachable by direct jumps from an
// address, within a function as a rule) when an address has been asked for more
// than once. Guest registers live in host registers: nine in fixed places on
// amd64 and sixteen on arm64, so that regions can be linked to each other by plain
// jumps, and a few chosen for each region, which are loaded where it is entered
// and stored where it is left.
//
// Generated code never calls Go. It leaves by storing the number of an exit
// record and returning; one switch in Run deals with it, mostly by letting the
// interpreter execute what remains of a basic block: whatever is rare, faults,
// touches a page for the first time, or has no template. A basic block is
// charged against the fuel when it is entered; what an exit left undone is given
// back.
//
// Writing and executing happen through two mappings of the same memory, so that
// no mapping allows both. Translation is serialised by a mutex; execution takes
// no lock. Generated code stays until Close, which the owner of the program
// calls when no machine runs. On arm64 it is made coherent on every processor
// before anything leads to it. On other architectures, and where executable memory
// cannot be had, New says so and the interpreter does all the work.
//
// Files named for an architecture are twins, with the same functions; what both
// do alike is in emit.go, alloc.go and stores.go.
package jit
