package riscv

import (
	"fishplate/riscv/elf"
	"fishplate/riscv/isa"
)

// For debuggers and profilers: what lies at an address.

// Block returns how many instructions follow each other from pc on without a
// branch or an exit between them, the last one, which may be either, included.
// It is 0 where there is no code.
func (p *Program) Block(pc uint64) int { return p.code.Block(pc) }

// Decode returns the instruction at pc; ok is false where there is no code. An
// unknown instruction is one with Op isa.OpIllegal.
func (p *Program) Decode(pc uint64) (in isa.Inst, ok bool) {
	word, size := p.word(pc)
	if size == 0 {
		return in, false
	}
	if p.XLEN() == 32 {
		return isa.Decode32(word), true
	}
	return isa.Decode(word), true
}

// word returns the bits of the instruction at pc and its length in bytes, which
// is 0 where there is no code.
func (p *Program) word(pc uint64) (w uint32, size int) {
	for _, s := range p.segments {
		at := pc - s.Addr
		if s.Flags&elf.Exec == 0 || at >= uint64(len(s.Data)) {
			continue
		}
		b := s.Data[at:]
		if len(b) < 2 {
			return 0, 0
		}
		w = uint32(b[0]) | uint32(b[1])<<8
		if size = isa.Size(uint16(w)); len(b) < size {
			return 0, 0
		}
		if size == 4 {
			w |= uint32(b[2])<<16 | uint32(b[3])<<24
		}
		return w, size
	}
	return 0, 0
}
