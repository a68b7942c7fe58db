//go:build race

package slab

import "unsafe"

const growth = 4 << 20

// reserve takes memory of the Go heap: the race detector looks at nothing else,
// and a store that it does not see into would pass every test. Such memory is
// made of pages that nobody touched, so a large range costs little here too.
func reserve(n int64) ([]byte, error) {
	words := make([]uint64, n/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n), nil
}

func release([]byte) error     { return nil }
func open([]byte) error        { return nil }
func giveBack([]byte) error    { return nil }
func large([]byte, bool) error { return nil }

// reachOf is how far a store may be resized; not far, for the detector's shadow.
func reachOf(memory int64) int64 { return 2 * round(memory, SlabSize) }
