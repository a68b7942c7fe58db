// Package tape records what a guest process learned from outside, and plays it
// back, so that a run can be repeated exactly.
//
// A recording is a head, which names what must be the same when it is played,
// and an entry for each question to the outside: its number, its answer, the
// instructions that it was charged, and what it stored to the guest. All numbers
// are unsigned varints. A Tape belongs to one goroutine at a time and buffers no
// writes; reader and writer are the caller's.
package tape
