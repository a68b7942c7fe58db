//go:build !amd64 && !arm64

package slab

import "unsafe"

// Ahead does nothing: there is no instruction for it that every processor of this
// architecture has.
func Ahead(unsafe.Pointer) {}

// AheadFar does nothing.
func AheadFar(unsafe.Pointer, int) {}
