// Package pipes keeps the pipes by which the kernel moves bytes from one socket to
// another. There are as many as the limit of descriptors allows, and none of the
// last descriptors is a pipe's: who finds none has to copy.
//
// A pipe belongs to who took it until it is given back. The package starts no
// goroutine.
package pipes
