//go:build linux && (amd64 || arm64)

package jit

import "fishplate/riscv/isa"

// group is a set of stores in one block whose base register does not change
// between them: the pages of the lowest and the highest byte are checked once.
type group struct {
	from, to int // indices of the first and the last store in the block
	rs1      uint8
	low, end int32
	checked  bool
}

// maxSpread keeps the bytes of a group within two pages.
const maxSpread = 2048

// findGroups looks for groups in the block in hand.
func (e *emitter) findGroups() {
	e.groups = e.groups[:0]
	var open [32]int // number of the group + 1
	insts := e.r.insts[e.block.first:][:e.block.count]
	for i := range insts {
		in := &insts[i]
		if templates[in.Op] == nil {
			break
		}
		if size := storeSize(in.Op); size != 0 && in.Rs1 != 0 {
			low, end := int32(in.Imm), int32(in.Imm)+int32(size)
			if k := open[in.Rs1]; k != 0 {
				g := &e.groups[k-1]
				if max(end, g.end)-min(low, g.low) <= maxSpread {
					g.to, g.low, g.end = i, min(low, g.low), max(end, g.end)
					continue
				}
			}
			e.groups = append(e.groups, group{from: i, to: i, rs1: in.Rs1, low: low, end: end})
			open[in.Rs1] = len(e.groups)
		}
		if k := operandsOf(&in.Inst); k.integer&1 != 0 {
			open[in.Rd] = 0
		}
	}
}

// storeSize returns the bytes that an operation with a template stores, or 0.
func storeSize(op isa.Op) int {
	switch op {
	case isa.OpSb, isa.OpSb32:
		return 1
	case isa.OpSh, isa.OpSh32:
		return 2
	case isa.OpSw, isa.OpSw32, isa.OpFsw, isa.OpFsw32:
		return 4
	case isa.OpSd, isa.OpFsd, isa.OpFsd32:
		return 8
	}
	return 0
}
