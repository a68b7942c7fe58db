package elf

import (
	"cmp"
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

	// PIEBase is where position-independent executables come to lie.
	PIEBase = 1 << 20

	// MaxCode is how many bytes of code a file may have, all its segments together;
	// decoded they take about ten times as much.
	MaxCode = 32 << 20

	// maxShared is how many bytes segments may have in common in the file. Linkers
	// let them share a page at most; without a bound, a small file is a large program.
	maxShared = 1 << 20
)

const (
	machineRISCV = 243
	typeExec     = 2
	typeDyn      = 3
	flagRVE      = 8

	segLoad   = 1
	segInterp = 3
	segPhdr   = 6

	sectSymtab = 2
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
	XLEN     int    // 32 or 64: the width of registers, from the ELF class
	Bias     uint64 // what was added to all addresses of a position-independent file
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
	v, err := identify(b)
	if err != nil {
		return nil, err
	}
	f.XLEN = v.class.xlen
	if err := f.header(v); err != nil {
		return nil, err
	}
	if err := f.segments(v); err != nil {
		return nil, err
	}
	if f.Symbols, err = symbols(v); err != nil {
		return nil, err
	}
	for i := range f.Symbols {
		f.Symbols[i].Addr += f.Bias
	}
	return f, nil
}

// header checks what kind of file it is and finds the program headers. Extension
// flags are not looked at: an instruction that is not known faults when it is met.
func (f *File) header(v view) error {
	kind, machine, flags := v.half(v.b, 16), v.half(v.b, 18), v.word(v.b, v.class.flags)
	switch {
	case machine != machineRISCV:
		return fmt.Errorf("bad ELF machine %d: want %d (RISC-V)", machine, machineRISCV)
	case kind != typeExec && kind != typeDyn:
		return fmt.Errorf("bad ELF type %d: want an executable", kind)
	case flags&flagRVE != 0:
		return errors.New("bad ELF flags: RVE, 16 registers, is not supported")
	}
	if kind == typeDyn {
		f.Bias = PIEBase
	}
	f.Entry = v.addr(v.b, v.class.entry) + f.Bias
	f.PhEnt, f.PhNum = int(v.half(v.b, v.class.phentsize)), int(v.half(v.b, v.class.phnum))
	switch {
	case f.PhNum == 0:
		return errors.New("no segments")
	case f.PhNum > maxHeaders:
		return fmt.Errorf("too many program headers: %d of at most %d", f.PhNum, maxHeaders)
	case f.PhEnt != v.class.phent:
		return fmt.Errorf("bad program header size %d: want %d", f.PhEnt, v.class.phent)
	}
	var ok bool
	if f.Phdrs, ok = part(v.b, v.addr(v.b, v.class.phoff), uint64(f.PhNum*f.PhEnt)); !ok {
		return errors.New("truncated program headers")
	}
	return nil
}

// segments reads the program headers: what is loaded, and what says that the file
// needs more than loading.
func (f *File) segments(v view) error {
	phoff, phdrEntry := v.addr(v.b, v.class.phoff), uint64(0)
	var reloc dynamic
	for i := range f.PhNum {
		p := f.Phdrs[i*f.PhEnt:]
		switch v.word(p, 0) {
		case segInterp:
			return errors.New("dynamically linked: link with -static")
		case segDynamic:
			var err error
			if reloc, err = v.readDynamic(p); err != nil {
				return err
			}
		case segPhdr:
			phdrEntry = v.addr(p, v.class.pVaddr) + f.Bias
		case segLoad:
			off, size := v.addr(p, v.class.pOffset), v.addr(p, v.class.pFilesz)
			s, err := f.segment(v, p)
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
	slices.SortFunc(f.Segments, func(x, y Segment) int { return cmp.Compare(x.Addr, y.Addr) })
	if err := f.layout(); err != nil {
		return err
	}
	if err := f.sizes(len(v.b)); err != nil {
		return err
	}
	if f.Bias != 0 {
		return f.relocate(v, reloc)
	}
	return nil
}

// segment reads and checks one PT_LOAD entry by itself.
func (f *File) segment(v view, p []byte) (Segment, error) {
	s := Segment{Flags: v.word(p, v.class.pFlags), Addr: v.addr(p, v.class.pVaddr) + f.Bias, Size: v.addr(p, v.class.pMemsz)}
	size := v.addr(p, v.class.pFilesz)
	var ok bool
	s.Data, ok = part(v.b, v.addr(p, v.class.pOffset), size)
	switch {
	case !ok:
		return s, errors.New("truncated: its bytes are not all in the file")
	case size > s.Size:
		return s, fmt.Errorf("%d bytes in the file, %d in memory", size, s.Size)
	case s.Flags&(Write|Exec) == Write|Exec:
		return s, errors.New("writable and executable")
	case s.Size > v.class.top || s.Addr > v.class.top-s.Size:
		return s, fmt.Errorf("address %#x is out of reach", s.Addr)
	case s.Size > 0 && s.Addr < pageSize:
		return s, fmt.Errorf("address %#x is in the guard page", s.Addr)
	case s.Flags&Exec != 0 && s.Addr%2 != 0:
		return s, fmt.Errorf("code at odd address %#x", s.Addr)
	case s.Flags&Exec != 0 && size > MaxCode:
		return s, fmt.Errorf("%d bytes of code: at most %d", size, MaxCode)
	}
	return s, nil
}

// sizes bounds what segments have together: each byte of code is decoded, and a
// segment with relocations is copied.
func (f *File) sizes(file int) error {
	code, data := 0, 0
	for _, s := range f.Segments {
		data += len(s.Data)
		if s.Flags&Exec != 0 {
			code += len(s.Data)
		}
	}
	switch {
	case code > MaxCode:
		return fmt.Errorf("%d bytes of code: at most %d", code, MaxCode)
	case data > file+maxShared:
		return fmt.Errorf("segments share bytes: %d of a file of %d", data, file)
	}
	return nil
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
		// The shortest instruction has two bytes.
		if at, n := f.Entry-s.Addr, uint64(len(s.Data)); s.Flags&Exec != 0 && at < n && n-at >= 2 {
			entered = true
		}
		f.End = s.Addr + s.Size
	}
	if !entered || f.Entry%2 != 0 {
		return fmt.Errorf("bad entry address %#x: not code", f.Entry)
	}
	return nil
}
