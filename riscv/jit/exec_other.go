//go:build !linux

package jit

import "sync/atomic"

// text is memory for code; there is none on this system.
type text struct {
	write []byte
	exec  uintptr
}

func newText(int) (text, error) { return text{}, ErrUnsupported }

func (*text) close() {}

func reserve(int) ([]byte, error) { return nil, ErrUnsupported }

func release([]byte) {}

func tableEntry([]byte, uint64) *atomic.Uint32 { return new(atomic.Uint32) }

func slotPointer([]byte, int) *atomic.Uint64 { return new(atomic.Uint64) }
