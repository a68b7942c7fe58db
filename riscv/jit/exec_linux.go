package jit

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// text is memory for code, mapped twice: once to write and once to execute.
type text struct {
	write []byte
	exec  uintptr
	view  []byte // the executable mapping
}

// newText maps size bytes, which exist only as far as they are used.
func newText(size int) (text, error) {
	fd, err := unix.MemfdCreate("riscv-code", unix.MFD_CLOEXEC)
	if err != nil {
		return text{}, fmt.Errorf("map code: create memfd: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		return text{}, fmt.Errorf("map code: size memfd: %w", err)
	}
	w, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return text{}, fmt.Errorf("map code: %w", err)
	}
	x, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_SHARED)
	if err != nil {
		_ = unix.Munmap(w)
		return text{}, fmt.Errorf("map code to execute it: %w", err)
	}
	return text{write: w, exec: uintptr(unsafe.Pointer(unsafe.SliceData(x))), view: x}, nil
}

func (t *text) close() {
	// They can fail only if nothing was mapped.
	_ = unix.Munmap(t.write)
	_ = unix.Munmap(t.view)
}

// reserve maps zeroes that cost nothing until they are touched.
func reserve(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("map code table: %w", err)
	}
	return b, nil
}

func release(b []byte) { _ = unix.Munmap(b) }

// tableEntry returns the 4 bytes at offset at, which is a multiple of 4.
func tableEntry(table []byte, at uint64) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&table[at]))
}

// slotPointer returns the 8 bytes at offset at, which is a multiple of 8.
func slotPointer(b []byte, at int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&b[at]))
}
