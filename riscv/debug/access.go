package debug

import "fishplate/riscv/isa"

// access is what one instruction does to memory.
type access struct {
	size        uint8 // bytes; 0 if it leaves memory alone
	read, write bool
	base        uint8 // register
	offset      int64
}

// accessOf returns the access of a decoded instruction. Its row of the table has
// the operation of the uncompressed RV64 twin, so that one list serves all
// encodings. Vector instructions are not known: what they do is found by
// comparing.
func accessOf(in isa.Inst) access {
	if in.Op == isa.OpIllegal {
		return access{}
	}
	a := access{base: in.Rs1, offset: in.Imm}
	switch op := isa.Table()[in.Row].Op; op {
	case isa.OpLb, isa.OpLbu:
		a.size, a.read = 1, true
	case isa.OpLh, isa.OpLhu:
		a.size, a.read = 2, true
	case isa.OpLw, isa.OpLwu, isa.OpFlw:
		a.size, a.read = 4, true
	case isa.OpLd, isa.OpFld:
		a.size, a.read = 8, true
	case isa.OpSb:
		a.size, a.write = 1, true
	case isa.OpSh:
		a.size, a.write = 2, true
	case isa.OpSw, isa.OpFsw:
		a.size, a.write = 4, true
	case isa.OpSd, isa.OpFsd:
		a.size, a.write = 8, true
	default:
		return atomicAccess(op, a)
	}
	return a
}

// atomicAccess is accessOf for the atomics, whose address is a register alone. A
// store-conditional that fails is reported too: hardware may do so as well.
func atomicAccess(op isa.Op, a access) access {
	a.offset = 0
	switch {
	case op == isa.OpLrW:
		a.size, a.read = 4, true
	case op == isa.OpLrD:
		a.size, a.read = 8, true
	case op == isa.OpScW:
		a.size, a.write = 4, true
	case op == isa.OpScD:
		a.size, a.write = 8, true
	case op >= isa.OpAmoswapW && op <= isa.OpAmomaxuW:
		a.size, a.read, a.write = 4, true, true
	case op >= isa.OpAmoswapD && op <= isa.OpAmomaxuD:
		a.size, a.read, a.write = 8, true, true
	default:
		return access{}
	}
	return a
}
