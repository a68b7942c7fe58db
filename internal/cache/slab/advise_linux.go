//go:build linux && !race

package slab

import "golang.org/x/sys/unix"

// giveBack ends the memory of whole pages at once (MADV_DONTNEED, not
// MADV_FREE: that one leaves pages resident until the host is short of memory,
// and the bound is of what is resident). The pages then read as zero.
func giveBack(mem []byte) error { return unix.Madvise(mem, unix.MADV_DONTNEED) }

// large asks for pages of 2 MiB. A lookup among a million objects touches five
// or six cold lines; with pages of 4 KiB each costs a walk of the page table as
// well. It is asked for only where 2 MiB more or less do not matter.
func large(mem []byte, on bool) error {
	if on {
		return unix.Madvise(mem, unix.MADV_HUGEPAGE)
	}
	return unix.Madvise(mem, unix.MADV_NOHUGEPAGE)
}
