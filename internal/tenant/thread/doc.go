// Package thread keeps the books of a program's threads on one hart: who is
// ready, who waits for which word until when, whose turn is next.
//
// A Table holds contexts of a type that it never looks into; taking them off a
// hart and putting them back is its owner's business, and so is memory: words
// are numbers here. Time is a number of nanoseconds that the owner gives. There
// is no clock, no chance and no map: the same calls give the same turns, and a
// copied Table goes on as the first one would.
//
// A program that never makes a thread has an empty Table, which costs nothing
// to copy. A Table belongs to one goroutine at a time and starts none.
package thread
