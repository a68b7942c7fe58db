package elf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Protection flags of a segment, as in p_flags.
const (
	Exec  = 1
	Write = 2
	Read  = 4
)

// Limits of what is accepted.
const (
	maxHeaders = 64
	maxAddress = 1 << 36 // bytes; the top of the largest address space
	pageSize   = 4096
)

const (
	machineRISCV = 243
	typeExec     = 2
	typeDyn      = 3
	flagRVE      = 8
	headerSize   = 64
	phentSize    = 56
	shentSize    = 64

	segLoad   = 1
	segInterp = 3
	segPhdr   = 6

	sectSymtab = 2
	symSize    = 24
)

// Segment is one PT_LOAD entry. Data holds the file's part; the rest of Size
// bytes is zero.
type Segment struct {
	Addr  uint64
	Size  uint64
	Flags uint32
	Data  []byte
}

// File is a verified executable.
type File struct {
	Entry    uint64
	Segments []Segment // in order of address, Size > 0
	Symbols  []Symbol  // functions and objects, in order of address
	Phdr     uint64    // address of the program headers in memory; 0 if not loaded
	PhEnt    int       // bytes of one program header
	PhNum    int
	Phdrs    []byte // the program headers as in the file
	End      uint64 // the first address above all segments
}

// Parse verifies and reads an executable. Errors name what is wrong with the
// file; the caller knows which file it was.
func Parse(b []byte) (*File, error) {
	f := new(File)
	phoff, err := f.header(b)
	if err != nil {
		return nil, err
	}
	if err := f.segments(b, phoff); err != nil {
		return nil, err
	}
	if f.Symbols, err = symbols(b); err != nil {
		return nil, err
	}
	return f, nil
}

// part returns the n bytes of b at off, or false when they are not all there.
func part(b []byte, off, n uint64) ([]byte, bool) {
	if off > uint64(len(b)) || n > uint64(len(b))-off {
		return nil, false
	}
	return b[off : off+n : off+n], true
}

func (f *File) header(b []byte) (phoff uint64, err error) {
	le := binary.LittleEndian
	switch {
	case len(b) < 4 || string(b[:4]) != "\x7fELF":
		return 0, errors.New("bad ELF magic")
	case len(b) < headerSize:
		return 0, fmt.Errorf("truncated ELF header: %d of %d bytes", len(b), headerSize)
	case b[4] != 2:
		return 0, fmt.Errorf("bad ELF class %d: want 64-bit", b[4])
	case b[5] != 1:
		return 0, fmt.Errorf("bad ELF byte order %d: want little endian", b[5])
	case b[6] != 1:
		return 0, fmt.Errorf("bad ELF version %d", b[6])
	}
	kind, machine, flags := le.Uint16(b[16:]), le.Uint16(b[18:]), le.Uint32(b[48:])
	switch {
	case machine != machineRISCV:
		return 0, fmt.Errorf("bad ELF machine %d: want %d (RISC-V)", machine, machineRISCV)
	case kind == typeDyn:
		return 0, errors.New("bad ELF type 3: position-independent; link with -static -no-pie")
	case kind != typeExec:
		return 0, fmt.Errorf("bad ELF type %d: want an executable", kind)
	case flags&flagRVE != 0:
		return 0, errors.New("bad ELF flags: RVE, 16 registers, is not supported")
	}
	f.Entry = le.Uint64(b[24:])
	phoff = le.Uint64(b[32:])
	f.PhEnt, f.PhNum = int(le.Uint16(b[54:])), int(le.Uint16(b[56:]))
	switch {
	case f.PhNum == 0:
		return 0, errors.New("no segments")
	case f.PhNum > maxHeaders:
		return 0, fmt.Errorf("too many program headers: %d of at most %d", f.PhNum, maxHeaders)
	case f.PhEnt != phentSize:
		return 0, fmt.Errorf("bad program header size %d: want %d", f.PhEnt, phentSize)
	}
	var ok bool
	if f.Phdrs, ok = part(b, phoff, uint64(f.PhNum*phentSize)); !ok {
		return 0, errors.New("truncated program headers")
	}
	return phoff, nil
}

func (f *File) segments(b []byte, phoff uint64) error {
	le := binary.LittleEndian
	phdrEntry := uint64(0)
	for i := range f.PhNum {
		p := f.Phdrs[i*phentSize:]
		switch le.Uint32(p) {
		case segInterp:
			return errors.New("dynamically linked: link with -static")
		case segPhdr:
			phdrEntry = le.Uint64(p[16:])
		case segLoad:
			off, size := le.Uint64(p[8:]), le.Uint64(p[32:])
			s, err := segment(b, p)
			if err != nil {
				return fmt.Errorf("segment %d: %w", i, err)
			}
			if s.Size == 0 {
				continue
			}
			if off <= phoff && phoff-off+uint64(len(f.Phdrs)) <= size {
				f.Phdr = s.Addr + phoff - off
			}
			f.Segments = append(f.Segments, s)
		}
	}
	if len(f.Segments) == 0 {
		return errors.New("no segments")
	}
	if phdrEntry != 0 && phdrEntry != f.Phdr {
		return fmt.Errorf("program headers are not loaded at %#x", phdrEntry)
	}
	slices.SortFunc(f.Segments, func(x, y Segment) int {
		if x.Addr < y.Addr {
			return -1
		}
		return 1
	})
	return f.layout()
}

// segment reads and checks one PT_LOAD entry by itself.
func segment(b, p []byte) (Segment, error) {
	le := binary.LittleEndian
	s := Segment{Flags: le.Uint32(p[4:]), Addr: le.Uint64(p[16:]), Size: le.Uint64(p[40:])}
	size := le.Uint64(p[32:])
	var ok bool
	s.Data, ok = part(b, le.Uint64(p[8:]), size)
	switch {
	case !ok:
		return s, errors.New("truncated: its bytes are not all in the file")
	case size > s.Size:
		return s, fmt.Errorf("%d bytes in the file, %d in memory", size, s.Size)
	case s.Flags&(Write|Exec) == Write|Exec:
		return s, errors.New("writable and executable")
	case s.Size > maxAddress || s.Addr > maxAddress-s.Size:
		return s, fmt.Errorf("address %#x is out of reach", s.Addr)
	case s.Size > 0 && s.Addr < pageSize:
		return s, fmt.Errorf("address %#x is in the guard page", s.Addr)
	case s.Flags&Exec != 0 && s.Addr%2 != 0:
		return s, fmt.Errorf("code at odd address %#x", s.Addr)
	}
	return s, nil
}

// layout checks the sorted segments against each other and finds the entry.
func (f *File) layout() error {
	entered := false
	for i, s := range f.Segments {
		if i > 0 {
			prev := f.Segments[i-1]
			end := prev.Addr + prev.Size
			if end > s.Addr {
				return fmt.Errorf("overlapping segments at %#x", s.Addr)
			}
			if (end-1)/pageSize == s.Addr/pageSize && (prev.Flags|s.Flags)&(Write|Exec) == Write|Exec {
				return fmt.Errorf("page %#x would be writable and executable", s.Addr&^(pageSize-1))
			}
		}
		if s.Flags&Exec != 0 && f.Entry-s.Addr < uint64(len(s.Data)) {
			entered = true
		}
		f.End = s.Addr + s.Size
	}
	if !entered || f.Entry%2 != 0 {
		return fmt.Errorf("bad entry address %#x: not code", f.Entry)
	}
	return nil
}
