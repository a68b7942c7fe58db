//go:build !linux && !race

package slab

import "golang.org/x/sys/unix"

// giveBack ends the memory of whole pages. MADV_FREE is what this system has; it
// does not promise zeros afterwards, and nobody counts on them.
func giveBack(mem []byte) error { return unix.Madvise(mem, unix.MADV_FREE) }

// large does nothing: the system chooses the size of pages itself.
func large([]byte, bool) error { return nil }
