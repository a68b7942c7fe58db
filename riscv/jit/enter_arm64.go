//go:build linux

package jit

import (
	"fmt"
	"math/bits"
	"unsafe"

	"golang.org/x/sys/unix"
)

// enter runs generated code at the address code on a hart, given by the address
// of its register x16.
//
//go:noescape
func enter(hart unsafe.Pointer, code uintptr)

// control is the word that generated code runs with: no exception traps, round
// to nearest, subnormal numbers kept, and every NaN that an operation produces
// is the default one, which is RISC-V's canonical one.
const control = 1 << 25

// flags translates what the status word says was raised into RISC-V's order,
// which is the reverse: invalid, divide by zero, overflow, underflow, inexact
// are bits 0 to 4 here.
func flags(status uint32) uint8 { return bits.Reverse8(uint8(status)) >> 3 }

// Commands of membarrier(2), from linux/membarrier.h.
const (
	membarrierSyncCore         = 1 << 5
	membarrierRegisterSyncCore = 1 << 6
)

// supported says why generated code cannot run here. It registers the process
// for what synchronise does, which Linux offers from 4.16 on.
func supported() error {
	if _, _, e := unix.Syscall(unix.SYS_MEMBARRIER, membarrierRegisterSyncCore, 0, 0); e != 0 {
		return fmt.Errorf("%w: the kernel does not synchronise instruction fetch: membarrier: %w", ErrUnsupported, e)
	}
	return nil
}

// cacheType returns the register CTR_EL0, which has the sizes of cache lines.
func cacheType() uint64

func cleanData(from, to, line uintptr)

func forgetCode(from, to, line uintptr)

// coherent makes code that was written from offset from on visible to all
// processors' instruction fetch. Data is cleaned through the mapping it was
// written by, instructions are dropped in the mapping they are executed in. What
// other processors may have fetched ahead from these addresses, which were never
// jumped to, goes when the kernel has each of them synchronise.
func (t *text) coherent(from, to int) {
	if from == to {
		return
	}
	ctr := cacheType()
	dline, iline := uintptr(4)<<(ctr>>16&15), uintptr(4)<<(ctr&15)
	w := uintptr(unsafe.Pointer(unsafe.SliceData(t.write)))
	cleanData((w+uintptr(from))&^(dline-1), w+uintptr(to), dline)
	forgetCode((t.exec+uintptr(from))&^(iline-1), t.exec+uintptr(to), iline)
	synchronise()
}

// synchronise has every thread of the process pass a barrier for instructions.
// It cannot fail for a process that is registered.
func synchronise() { _, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, membarrierSyncCore, 0, 0) }
