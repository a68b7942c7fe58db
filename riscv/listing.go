package riscv

import (
	"fishplate/riscv/elf"
	"fishplate/riscv/isa"
)

// Fetch returns the instruction word at pc and its length in bytes, 2 or 4; a
// length of 0 when there is no code.
func (p *Program) Fetch(pc uint64) (word uint32, size int) {
	for _, s := range p.segments {
		at := pc - s.Addr
		if s.Flags&elf.Exec == 0 || at >= uint64(len(s.Data)) {
			continue
		}
		b := s.Data[at:]
		if len(b) < 2 {
			return 0, 0
		}
		word = uint32(b[0]) | uint32(b[1])<<8
		switch size = isa.Size(uint16(word)); {
		case len(b) < size:
			return 0, 0
		case size == 4:
			word |= uint32(b[2])<<16 | uint32(b[3])<<24
		}
		return word, size
	}
	return 0, 0
}

// CodeRanges returns the executable parts of the program, [start, end) each, in
// order: from the first function that the symbols name to the end of the last,
// since headers and constants may share a segment with code. Without symbols it
// is whole segments.
func (p *Program) CodeRanges() [][2]uint64 {
	var list [][2]uint64
	for _, s := range p.segments {
		if s.Flags&elf.Exec == 0 || len(s.Data) < 2 {
			continue
		}
		end := s.Addr + uint64(len(s.Data))
		first, last := end, s.Addr
		for _, y := range p.symbols {
			if y.Func && y.Addr >= s.Addr && y.Addr < end {
				first = min(first, y.Addr)
				last = max(last, min(end, y.Addr+max(y.Size, 2)))
			}
		}
		if first >= last {
			first, last = s.Addr, end
		}
		list = append(list, [2]uint64{first, last})
	}
	return list
}
