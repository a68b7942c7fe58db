package elf

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	segDynamic = 2

	dynNeeded = 1
	dynRela   = 7
	dynRelaSz = 8
	dynRelr   = 36

	relRelative = 3
	maxDynamic  = 1024
)

// dynamic is what a position-independent file says of its relocations.
type dynamic struct {
	rela, relaSize uint64
}

// readDynamic reads a PT_DYNAMIC segment.
func (v view) readDynamic(p []byte) (d dynamic, err error) {
	n := v.class.xlen / 8
	table, ok := part(v.b, v.addr(p, v.class.pOffset), v.addr(p, v.class.pFilesz))
	if !ok {
		return d, errors.New("truncated dynamic section")
	}
	for i := 0; len(table) >= 2*n && i < maxDynamic; i++ {
		tag, value := v.addr(table, 0), v.addr(table, n)
		switch tag {
		case 0:
			return d, nil
		case dynNeeded:
			return d, errors.New("dynamically linked: link with -static")
		case dynRela:
			d.rela = value
		case dynRelaSz:
			d.relaSize = value
		case dynRelr:
			return d, errors.New("packed relocations: link without -z pack-relative-relocs")
		}
		table = table[2*n:]
	}
	return d, nil
}

// relocate adds the bias to the pointers of a position-independent file, in
// copies of the segments' bytes. A program that does so by itself when it starts
// finds what it would have written.
func (f *File) relocate(v view, d dynamic) error {
	n := v.class.xlen / 8
	table, ok := f.at(d.rela+f.Bias, d.relaSize)
	if !ok {
		return errors.New("truncated relocations")
	}
	copied := make([]bool, len(f.Segments))
	for ; len(table) >= 3*n; table = table[3*n:] {
		where, info, addend := v.addr(table, 0)+f.Bias, v.addr(table, n), v.addr(table, 2*n)
		switch kind := info & 0xff; kind {
		case 0:
			continue
		case relRelative:
		default:
			return fmt.Errorf("relocation of type %d: only those of a static file are done", kind)
		}
		i := f.holder(where, uint64(n))
		if i < 0 {
			return fmt.Errorf("relocation at %#x, outside the bytes of all segments", where)
		}
		s := &f.Segments[i]
		if !copied[i] {
			s.Data, copied[i] = append([]byte(nil), s.Data...), true
		}
		if n == 4 {
			binary.LittleEndian.PutUint32(s.Data[where-s.Addr:], uint32(addend+f.Bias))
		} else {
			binary.LittleEndian.PutUint64(s.Data[where-s.Addr:], addend+f.Bias)
		}
	}
	return nil
}

// at returns the bytes of the file that lie at [addr, addr+n) in memory.
func (f *File) at(addr, n uint64) ([]byte, bool) {
	if n == 0 {
		return nil, true
	}
	i := f.holder(addr, n)
	if i < 0 {
		return nil, false
	}
	return part(f.Segments[i].Data, addr-f.Segments[i].Addr, n)
}

// holder returns the number of the segment whose bytes include [addr, addr+n), or
// -1.
func (f *File) holder(addr, n uint64) int {
	for i, s := range f.Segments {
		if _, ok := part(s.Data, addr-s.Addr, n); ok && addr >= s.Addr {
			return i
		}
	}
	return -1
}
