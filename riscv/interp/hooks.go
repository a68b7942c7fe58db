package interp

import "fishplate/riscv/isa"

// Action is what an instruction does that belongs to the embedder.
type Action uint8

// The actions. Usual is what happens without hooks: STOP (0x7FF) and WFI halt,
// custom opcode 0x5B leaves if its registers are x0, ebreak leaves with Break,
// everything else is an illegal instruction.
const (
	Usual  Action = iota
	Refuse        // a fault: illegal instruction
	Leave         // Run returns Custom, or Break for ebreak, with PC at the instruction
	Halt          // Run returns Stop, with PC behind it
	Ignore        // nothing
)

// Hooks choose the actions of a program's instructions. They must not change
// after Compile. An action that is not Usual holds whatever the registers of the
// instruction are; the embedder finds them in Exit.Word.
type Hooks struct {
	// System is for words of the opcode SYSTEM with funct3 0, by their upper 12
	// bits. ecall and ebreak are not looked up.
	System map[uint16]Action

	// Custom is for words by their opcode: 0x0B, 0x2B, 0x5B or 0x7B.
	Custom map[uint8]Action

	// Break is for ebreak and c.ebreak.
	Break Action
}

const (
	wordEcall   = 0x00000073
	wordEbreak  = 0x00100073
	wordCEbreak = 0x9002
)

// action returns the action for an instruction word.
func (h *Hooks) action(w uint32) Action {
	switch {
	case h == nil || w == wordEcall:
		return Usual
	case w == wordEbreak || w&0xffff == wordCEbreak:
		return h.Break
	case w&0x707f == 0x73:
		return h.System[uint16(w>>20)]
	}
	switch op := uint8(w & 0x7f); op {
	case 0x0b, 0x2b, 0x5b, 0x7b:
		return h.Custom[op]
	}
	return Usual
}

// hook gives the instruction that does what the action says in place of d, which
// was decoded from w.
func (h *Hooks) hook(w uint32, d isa.Inst) isa.Inst {
	in := isa.Inst{Len: d.Len, Imm: int64(w >> 20)}
	switch h.action(w) {
	case Refuse:
		in.Op = isa.OpIllegal
	case Leave:
		if in.Op = isa.OpCustom; d.Op == isa.OpEbreak {
			return d
		}
	case Halt:
		in.Op = isa.OpStop
	case Ignore:
		in.Op = isa.OpFence
	default:
		return d
	}
	return in
}
