package interp

import (
	"fishplate/riscv/isa"
	"fishplate/riscv/vector"
)

// csr executes a Zicsr instruction. A CSR that does not exist reads as nothing and
// keeps rd, rather than to fault: programs probe for counters. Writing to one of
// the read-only numbers is illegal, as the specification has it.
func (s *State) csr(in *ins) FaultKind {
	n := uint32(in.imm)
	src := s.X[in.rs1]
	if in.op >= isa.OpCsrrwi {
		src = uint64(in.rs1)
	}
	always := in.op == isa.OpCsrrw || in.op == isa.OpCsrrwi
	writes := always || in.rs1 != 0
	if writes && n>>10 == 3 {
		return Illegal // a read-only CSR
	}
	old, known := s.readCSR(n, in.rs3)
	if !known {
		return 0 // no effect, and rd stays
	}
	switch in.op {
	case isa.OpCsrrs, isa.OpCsrrsi:
		src |= old
	case isa.OpCsrrc, isa.OpCsrrci:
		src = old &^ src
	}
	if writes {
		s.writeCSR(n, src)
	}
	if in.rd != 0 {
		s.X[in.rd] = old
	}
	return 0
}

// readCSR reads a CSR as registers of xlen bits see it.
func (s *State) readCSR(n uint32, xlen uint8) (v uint64, known bool) {
	high := n&^3 == 0xc80 && xlen == 32
	if high {
		n -= 0x80 // cycleh, timeh, instreth
	}
	if vector.IsCSR(n) {
		return s.vectors().ReadCSR(n, xlen == 32), true
	}
	switch n {
	case 0x001:
		return uint64(s.fcsr & 31), true
	case 0x002:
		return uint64(s.fcsr >> 5), true
	case 0x003:
		return uint64(s.fcsr), true
	case 0xc00, 0xc02: // cycle and instret: what was executed before this one
		v = s.Instret + s.start - s.left - 1
	case 0xc01:
		if s.Time != nil {
			v = s.Time()
		}
	case 0xf11, 0xf12, 0xf14: // vendor, architecture, hart
	case 0xf13: // implementation
		v = 1
	default:
		return 0, false
	}
	switch {
	case high:
		v = sext(uint32(v >> 32))
	case xlen == 32:
		v = sext(uint32(v))
	}
	return v, true
}

// writeCSR writes the CSRs that can be written; others ignore it.
func (s *State) writeCSR(n uint32, v uint64) {
	switch n {
	case 0x001:
		s.fcsr = s.fcsr&^31 | uint8(v&31)
	case 0x002:
		s.fcsr = s.fcsr&31 | uint8(v<<5)
	case 0x003:
		s.fcsr = uint8(v)
	default:
		if vector.IsCSR(n) {
			s.vectors().WriteCSR(n, v)
		}
	}
}
