// Package symbols reads what an executable tells about itself: the functions and
// source lines that addresses belong to, from its symbols and DWARF, and how to
// unwind a frame, from its call frame information.
//
// Files may be hostile. What is wrong or too large in one is left out, and costs
// a name, a line or a rule; there is no endless loop and no panic, and what is read,
// copied and kept is bounded, however small the file is that says so much.
//
// A Lines is immutable and keeps nothing of the bytes that it was read from. The
// package knows no machine: who has registers and memory applies the rules.
package symbols
