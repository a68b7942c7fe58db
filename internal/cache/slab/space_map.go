//go:build !race

package slab

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Growth is the step by which pages of the range are made accessible. A step
// costs a system call, not memory: a page comes into being when it is written.
const growth = 4 << 20

// reserve takes n bytes of addresses without any right of access: such a range
// counts neither as memory nor, whatever vm.overcommit_memory says, as promised
// memory.
func reserve(n int64) ([]byte, error) {
	mem, err := unix.Mmap(-1, 0, int(n), unix.PROT_NONE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("reserve %d bytes of addresses: %w", n, err)
	}
	return mem, nil
}

func release(mem []byte) error { return unix.Munmap(mem) }

// open makes pages of the range accessible.
func open(mem []byte) error { return unix.Mprotect(mem, unix.PROT_READ|unix.PROT_WRITE) }

// reachOf is how far a store may be resized: four times, and 16 GiB at least.
func reachOf(memory int64) int64 { return max(round(4*memory, SlabSize), 16<<30) }
