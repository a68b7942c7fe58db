package riscv

import "fishplate/riscv/isa"

// For debuggers and profilers: what lies at an address.

// Block returns how many instructions follow each other from pc on without a
// branch or an exit between them, the last one, which may be either, included.
// It is 0 where there is no code.
func (p *Program) Block(pc uint64) int { return p.code.Block(pc) }

// Decode returns the instruction at pc; ok is false where there is no code. An
// unknown instruction is one with Op isa.OpIllegal.
func (p *Program) Decode(pc uint64) (in isa.Inst, ok bool) {
	word, size := p.Fetch(pc)
	if size == 0 {
		return in, false
	}
	if p.XLEN() == 32 {
		return isa.Decode32(word), true
	}
	return isa.Decode(word), true
}
