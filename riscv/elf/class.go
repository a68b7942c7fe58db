package elf

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// class says where the fields are in files of one ELF class. Those not listed
// are at the same place in both.
type class struct {
	xlen int
	top  uint64 // addresses are below it
	size int    // bytes of the file header

	entry, phoff, shoff, flags         int // in the file header
	phentsize, phnum, shentsize, shnum int

	phent                                    int // bytes of a program header
	pFlags, pOffset, pVaddr, pFilesz, pMemsz int

	shent                 int // bytes of a section header
	sOffset, sSize, sLink int
	sym                   int // bytes of a symbol
	symInfo, symSection   int
	symValue, symSize     int
}

var (
	class64 = &class{
		xlen: 64, top: maxAddress, size: 64,
		entry: 24, phoff: 32, shoff: 40, flags: 48, phentsize: 54, phnum: 56, shentsize: 58, shnum: 60,
		phent: 56, pFlags: 4, pOffset: 8, pVaddr: 16, pFilesz: 32, pMemsz: 40,
		shent: 64, sOffset: 24, sSize: 32, sLink: 40,
		sym: 24, symInfo: 4, symSection: 6, symValue: 8, symSize: 16,
	}
	class32 = &class{
		xlen: 32, top: 1 << 32, size: 52,
		entry: 24, phoff: 28, shoff: 32, flags: 36, phentsize: 42, phnum: 44, shentsize: 46, shnum: 48,
		phent: 32, pFlags: 24, pOffset: 4, pVaddr: 8, pFilesz: 16, pMemsz: 20,
		shent: 40, sOffset: 16, sSize: 20, sLink: 24,
		sym: 16, symInfo: 12, symSection: 14, symValue: 4, symSize: 8,
	}
)

// view is a file with its class.
type view struct {
	b     []byte
	class *class
}

// half, word and addr read a field at off of b, which is the file or a part of
// it; an addr has the width of the class.
func (v view) half(b []byte, off int) uint16 { return binary.LittleEndian.Uint16(b[off:]) }
func (v view) word(b []byte, off int) uint32 { return binary.LittleEndian.Uint32(b[off:]) }
func (v view) addr(b []byte, off int) uint64 {
	if v.class.xlen == 32 {
		return uint64(binary.LittleEndian.Uint32(b[off:]))
	}
	return binary.LittleEndian.Uint64(b[off:])
}

// part returns the n bytes of b at off, or false when they are not all there.
func part(b []byte, off, n uint64) ([]byte, bool) {
	if off > uint64(len(b)) || n > uint64(len(b))-off {
		return nil, false
	}
	return b[off : off+n : off+n], true
}

// identify checks the first bytes of a file and that its header is all there.
func identify(b []byte) (view, error) {
	v := view{b, class64}
	switch {
	case len(b) < 4 || string(b[:4]) != "\x7fELF":
		return v, errors.New("bad ELF magic")
	case len(b) > 4 && b[4] == 1:
		v.class = class32
	case len(b) > 4 && b[4] != 2:
		return v, fmt.Errorf("bad ELF class %d: want 1 or 2 (32 or 64 bits)", b[4])
	}
	switch {
	case len(b) < v.class.size:
		return v, fmt.Errorf("truncated ELF header: %d of %d bytes", len(b), v.class.size)
	case b[5] != 1:
		return v, fmt.Errorf("bad ELF byte order %d: want little endian", b[5])
	case b[6] != 1:
		return v, fmt.Errorf("bad ELF version %d", b[6])
	}
	return v, nil
}
