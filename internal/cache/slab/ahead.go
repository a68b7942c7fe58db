//go:build amd64 || arm64

package slab

import "unsafe"

// Ahead asks the processor for the line of memory at p, and does not wait for
// it: a load whose value is not used yet waits all the same once the processor
// runs out of what else it may do. Any address is right, it is only a hint.
//
//go:noescape
func Ahead(p unsafe.Pointer)

// AheadFar asks for n bytes, line by line.
//
//go:noescape
func AheadFar(p unsafe.Pointer, n int)
