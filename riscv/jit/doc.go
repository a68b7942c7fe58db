// Package jit turns guest code into host code and runs it, with the same
// results as package interp, instruction for instruction, fault for fault.
//
// A Cache belongs to one program and is shared by all its machines. A region is
// translated, what direct jumps reach from an address (within a function as a
// rule), when that address has been asked for eight times. Guest registers live in
// host registers: nine in fixed places on amd64 and sixteen on arm64, so that
// regions can be linked to each other by plain jumps, and a few chosen for each
// region, which are loaded where it is entered and stored where it is left.
//
// Generated code never calls Go. It leaves by storing the number of an exit and
// returning; one switch deals with it, mostly by letting the interpreter execute
// what remains of a basic block: whatever is rare, faults or has no template. A
// block is charged when it is entered; what an exit left undone is given back.
//
// Writing and executing happen through two mappings of the same memory, so that
// no mapping allows both. Translation is serialised by a mutex; code that exists
// is found without it. It stays until Close, when no machine runs. On arm64 it is
// made coherent on every processor before anything leads to it. Elsewhere, and
// where executable memory cannot be had, New says so: only the interpreter works.
//
// Files named for an architecture are twins; what both do alike is in emit.go,
// alloc.go and stores.go.
package jit
