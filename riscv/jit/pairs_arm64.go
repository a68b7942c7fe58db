//go:build linux

package jit

import (
	"fishplate/riscv/a64"
	"fishplate/riscv/isa"
)

// Pairs of guest instructions that one host instruction does. The first one's
// template looks at the next instruction and has it skipped. Nothing can leave
// between both: a pair is one where the second cannot fault, or where the checks
// for both come first.

// following returns the next instruction of the block, nil at its end.
func (e *emitter) following() *inst {
	if e.at+1 >= e.block.count {
		return nil
	}
	return &e.r.insts[e.block.first+e.at+1]
}

// constantPair makes rd = v, or v and the immediate that the next instruction
// adds to it.
func (e *emitter) constantPair(in *inst, v int64) {
	if nx := e.following(); nx != nil && nx.Rd == in.Rd && nx.Rs1 == in.Rd && in.Rd != 0 {
		switch nx.Op {
		case isa.OpAddi:
			v, e.skip = v+nx.Imm, true
		case isa.OpAddiw:
			v, e.skip = int64(int32(v+nx.Imm)), true
		}
	}
	e.constant(in.Rd, v, rA)
}

// shiftPair does a shift to the left and what follows on the same register: a
// shift back, which together move a field, or an addition.
func (e *emitter) shiftPair(in *inst, w bool) bool {
	nx := e.following()
	if nx == nil || nx.Rd != in.Rd || in.Rd == 0 || in.Imm == 0 {
		return false
	}
	add, right, arithmetic := isa.OpAdd, isa.OpSrli, isa.OpSrai
	if !w {
		add, right, arithmetic = isa.OpAddw, isa.OpSrliw, isa.OpSraiw
	}
	switch {
	case nx.Op == add && (nx.Rs1 == in.Rd) != (nx.Rs2 == in.Rd):
		other := nx.Rs1
		if other == in.Rd {
			other = nx.Rs2
		}
		s, n := e.source(in.Rs1, rA), e.source(other, rB)
		d := e.target(in.Rd)
		e.a.AluShift(a64.ADD, w, d, n, s, a64.LSL, uint8(in.Imm))
		e.finish(w, in.Rd, d)
	case (nx.Op == right || nx.Op == arithmetic) && nx.Rs1 == in.Rd && nx.Imm != 0:
		size := uint8(64)
		if !w {
			size = 32 // neither result has bits above that are not its sign
		}
		left, back := uint8(in.Imm), uint8(nx.Imm)
		s := e.source(in.Rs1, rA)
		d := e.target(in.Rd)
		if left <= back {
			e.a.Field(nx.Op == arithmetic, w64, d, s, back-left, size-back)
		} else {
			e.a.Insert(nx.Op == arithmetic, w64, d, s, left-back, size-left)
		}
		e.put(in.Rd, d)
	default:
		return false
	}
	e.skip = true
	return true
}

// beside returns the next instruction and the lower displacement if it accesses
// the double word beside that of in, from the same base, in p's reach.
func (e *emitter) beside(in *inst, p cell) (nx *inst, low int) {
	nx = e.following()
	if nx == nil || nx.Op != in.Op || nx.Rs1 != in.Rs1 || p.base != rC || e.cached != in.Rs1 {
		return nil, 0
	}
	d := nx.Imm - in.Imm
	low = int(min(in.Imm, nx.Imm))
	if d != 8 && d != -8 || !a64.PairReaches(low) {
		return nil, 0
	}
	// The check of the base holds for both.
	if s := e.shift[in.Rs1] + int32(nx.Imm); e.near>>in.Rs1&1 == 0 || s < -reach || s >= reach-8 {
		return nil, 0
	}
	return nx, low
}

// pair writes the access of two double words; t belongs to in.
func (e *emitter) pair(op a64.Pair, in, nx *inst, t, u a64.Reg, low int) {
	if in.Imm > nx.Imm {
		t, u = u, t
	}
	e.a.Pair(op, t, u, rC, low)
	e.skip = true
}

// loadPair loads two registers at once. Neither may be the base, and both have
// places.
func (e *emitter) loadPair(in *inst, p cell) bool {
	nx, low := e.beside(in, p)
	if nx == nil || nx.Rd == in.Rd || in.Rd == in.Rs1 || nx.Rd == in.Rs1 {
		return false
	}
	switch in.Op {
	case isa.OpLd:
		t, u := e.host[in.Rd], e.host[nx.Rd]
		if t == none || u == none {
			return false
		}
		e.pair(a64.LDP, in, nx, t, u, low)
		e.put(in.Rd, t)
		e.put(nx.Rd, u)
	case isa.OpFld:
		t, u := e.hostX[in.Rd], e.hostX[nx.Rd]
		if t == noneX || u == noneX {
			return false
		}
		e.pair(a64.LDPF, in, nx, a64.Reg(t), a64.Reg(u), low)
		e.putX(double, in.Rd, t)
		e.putX(double, nx.Rd, u)
	default:
		return false
	}
	return true
}

// storePair stores two registers at once, if one check of their pages was made
// for both.
func (e *emitter) storePair(in *inst, p cell) bool {
	nx, low := e.beside(in, p)
	if nx == nil || !e.grouped(in, nx) {
		return false
	}
	switch in.Op {
	case isa.OpSd:
		e.pair(a64.STP, in, nx, e.source(in.Rs2, rA), e.source(nx.Rs2, rB), low)
	case isa.OpFsd:
		e.pair(a64.STPF, in, nx, a64.Reg(e.sourceX(in.Rs2, v0)), a64.Reg(e.sourceX(nx.Rs2, v1)), low)
	default:
		return false
	}
	return true
}

// grouped says whether both stores belong to a group that has been checked.
func (e *emitter) grouped(in, nx *inst) bool {
	low, end := int32(min(in.Imm, nx.Imm)), int32(max(in.Imm, nx.Imm))+8
	for i := range e.groups {
		g := &e.groups[i]
		if g.checked && g.rs1 == in.Rs1 && e.at >= g.from && e.at+1 <= g.to && low >= g.low && end <= g.end {
			return true
		}
	}
	return false
}
