// Package layout keeps the books of a process's address space: the heap that
// brk grows, the mappings, the stack, and what lies free between them.
//
// From below: the program, the heap, the mappings, which are given out from the
// top down, a guard, the stack. A Space knows addresses only; it touches no
// memory and starts no goroutines. It belongs to one goroutine at a time.
package layout
