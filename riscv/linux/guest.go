package linux

import (
	"encoding/binary"
	"errors"

	"fishplate/riscv"
	"fishplate/riscv/memory"
)

// Host work is charged to the instruction counter, so that a budget bounds it:
// one instruction for each copyRate bytes that a call moves, and for each
// pageRate pages of a range that it maps or protects; clearCharge for a page with
// contents that it takes away, randomCharge for a random byte.
const (
	copyRate     = 8
	pageRate     = 8
	clearCharge  = 64
	randomCharge = 1
)

// denied turns an access that the memory refused into an error number.
func denied(err error) Errno {
	var e *riscv.MemoryError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e) && e.Kind == memory.Limit:
		return ENOMEM
	}
	return EFAULT
}

// load returns n bytes of the guest, to be read before anything else happens.
func (p *Process) load(addr, n uint64) ([]byte, Errno) {
	if n == 0 {
		return nil, 0
	}
	if !p.space.Covers(addr, n) {
		return nil, EFAULT
	}
	b, err := p.Machine.Mem.View(addr, n)
	p.Machine.Charge(n / copyRate)
	return b, denied(err)
}

// store copies b to the guest.
func (p *Process) store(addr uint64, b []byte) Errno {
	if len(b) == 0 {
		return 0
	}
	if !p.space.Covers(addr, uint64(len(b))) {
		return EFAULT
	}
	e := denied(p.Machine.Mem.Write(addr, b))
	if e == 0 {
		p.tape.Stored(addr, b)
		p.Machine.Charge(uint64(len(b)) / copyRate)
	}
	return e
}

// maxPath is the greatest length of a path, its NUL included.
const maxPath = 4096

// path reads a path of the guest.
func (p *Process) path(addr uint64) (string, Errno) {
	s, err := p.Machine.Mem.CString(addr, maxPath)
	switch {
	case err != nil || !p.space.Covers(addr, uint64(len(s))+1):
		return "", EFAULT
	case len(s) == maxPath:
		return "", ENAMETOOLONG
	}
	return s, 0
}

// loadWord reads a long of the guest.
func (p *Process) loadWord(addr uint64) (uint64, Errno) {
	b, e := p.load(addr, uint64(p.word))
	if e != 0 {
		return 0, e
	}
	return p.wordOf(b), 0
}

// wordOf returns the long at the beginning of b.
func (p *Process) wordOf(b []byte) uint64 {
	if p.word == 4 {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// layoutOf builds a structure of the kernel's interface field by field.
type layoutOf struct {
	p *Process
	b []byte
}

// u16, u32 and u64 append a field of so many bits, little endian.
func (l *layoutOf) u16(v uint16) { l.b = binary.LittleEndian.AppendUint16(l.b, v) }
func (l *layoutOf) u32(v uint32) { l.b = binary.LittleEndian.AppendUint32(l.b, v) }
func (l *layoutOf) u64(v uint64) { l.b = binary.LittleEndian.AppendUint64(l.b, v) }

// word appends a long.
func (l *layoutOf) word(v uint64) {
	if l.p.word == 4 {
		l.u32(uint32(v))
		return
	}
	l.u64(v)
}

// pad appends zeroes until the structure has n bytes.
func (l *layoutOf) pad(n int) {
	for len(l.b) < n {
		l.b = append(l.b, 0)
	}
}
