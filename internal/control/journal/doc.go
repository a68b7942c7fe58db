// Package journal keeps the commits of a process on disk, so that they outlive
// it: for each a head, which says what it was, and the text of the whole
// configuration. It knows no configuration: heads and texts are its user's.
//
// An entry is one file. It is written aside, synchronised and renamed, so that
// it is there whole or not at all whenever the process or the machine stops.
// A Journal is for one goroutine at a time, but for Text; it owns no goroutine.
package journal
