// Package handover is the line between a process and the one that takes its
// place: a pair of connected sockets over which messages go in turn, each a kind,
// a JSON text and open files.
//
// It knows nothing of what the messages mean; that is in package process. A Line
// belongs to one goroutine at a time; it starts none. Files that Receive returned
// belong to the caller.
package handover
