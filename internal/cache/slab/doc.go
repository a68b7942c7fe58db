// Package slab hands out memory that the Go collector never sees: one reserved
// range of addresses, of which pages become memory as they are needed and cease
// to be memory when they are not, within a bound of bytes that is kept exactly.
//
// A Heap cuts slabs of 64 KiB into equal cells, by class of size. Cells are named
// by unit: their distance from the range's start in steps of 64 bytes, so that 32
// bits name any cell of 256 GiB. Cells of the stable class live in a zone of their
// own, which never holds anything else, also after its pages were given back: who
// reads a stale stable cell finds an old one or zeros, never foreign bytes.
// Beside the slabs, Areas are arrays that grow in place.
//
// The Heap is plain data at the start of the range itself; it holds no Go pointers.
// Allocation takes one lock, a leaf. When there is no room Alloc says so, and the
// caller, who knows what cells hold, makes room: Steal names a slab that is cheap
// to empty. There are no goroutines. Release ends everything at once.
package slab
