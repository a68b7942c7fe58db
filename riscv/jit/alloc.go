//go:build linux && (amd64 || arm64)

package jit

import (
	"cmp"
	"slices"

	"fishplate/riscv/isa"
)

// allocate chooses the guest registers for the local places of a region: those
// whose uses, weighted by loops, save more than loading and storing them costs
// where the region is entered and left, calls included.
func (e *emitter) allocate() {
	for i := range e.host {
		e.host[i], e.hostX[i] = none, noneX
	}
	for _, p := range core {
		e.host[p.guest] = p.host
	}
	e.locals, e.localsX = e.locals[:0], e.localsX[:0]
	e.written, e.writesX = 0, 0
	var uses, usesX [32]int
	cost := 2 // one load on the way in and one store on the way out
	for i := range e.r.blocks {
		b := &e.r.blocks[i]
		// A loop counts as eight rounds. Beyond four levels the order of registers does
		// not change any more.
		w := 1 << (3 * min(b.depth, 4))
		if b.calls {
			// The callee has its own local registers: all go home, and come back.
			cost += 2 * w
		}
		for k := range b.count {
			e.count(&e.r.insts[b.first+k].Inst, w, &uses, &usesX)
		}
	}
	own := uses // of the fixed places
	for _, p := range core {
		uses[p.guest] = 0
	}
	uses[0] = 0
	e.evicted = e.evicted[:0]
	for i, g := range favourites(&uses, cost, len(local)+len(core)) {
		if i < len(local) {
			e.host[g] = local[i]
		} else if !e.evict(g, uses[g]-cost, &own) {
			break
		}
		e.locals = append(e.locals, g)
	}
	for i, f := range favourites(&usesX, cost, len(localX)) {
		e.hostX[f] = localX[i]
		e.localsX = append(e.localsX, f)
	}
}

// evict gives guest register g the fixed place of the one that is used least, if
// it is used less than g is worth.
func (e *emitter) evict(g uint8, worth int, own *[32]int) bool {
	least := core[0]
	for _, p := range core {
		if e.host[least.guest] == none || e.host[p.guest] != none && own[p.guest] < own[least.guest] {
			least = p
		}
	}
	if e.host[least.guest] == none || own[least.guest] >= worth {
		return false
	}
	e.host[least.guest], e.host[g] = none, least.host
	e.evicted = append(e.evicted, least)
	return true
}

// favourites returns up to n registers with more uses than cost, best first.
func favourites(uses *[32]int, cost, n int) []uint8 {
	var list []uint8
	for g, u := range uses {
		if u > cost {
			list = append(list, uint8(g))
		}
	}
	slices.SortFunc(list, func(a, b uint8) int { return cmp.Compare(uses[b], uses[a]) })
	return list[:min(n, len(list))]
}

// count adds the registers of an instruction, w for each operand.
func (e *emitter) count(in *isa.Inst, w int, uses, usesX *[32]int) {
	k := operandsOf(in)
	for i, reg := range [...]uint8{in.Rd, in.Rs1, in.Rs2, in.Rs3} {
		if k.float>>i&1 != 0 {
			usesX[reg] += w
		} else if k.integer>>i&1 != 0 {
			uses[reg] += w
		}
	}
	if k.integer&1 != 0 {
		e.written |= 1 << in.Rd
	}
	if k.float&1 != 0 {
		e.writesX |= 1 << in.Rd
	}
}

// operandKinds has a bit for each of rd, rs1, rs2, rs3.
type operandKinds struct{ integer, float uint8 }

// operandsOf says which register fields of an instruction mean what. An
// integer destination x0 does no harm: it has no place.
func operandsOf(in *isa.Inst) operandKinds {
	switch isa.Table()[in.Row].Format {
	case isa.FmtFLoad, isa.FmtCFld, isa.FmtCFldsp, isa.FmtCFlw, isa.FmtCFlwsp:
		return operandKinds{integer: 2, float: 1}
	case isa.FmtFStore, isa.FmtCFsd, isa.FmtCFsdsp, isa.FmtCFsw, isa.FmtCFswsp:
		return operandKinds{integer: 2, float: 4}
	case isa.FmtR4:
		return operandKinds{float: 15}
	case isa.FmtFRm, isa.FmtFR:
		return operandKinds{float: 7}
	case isa.FmtFRm1:
		return operandKinds{float: 3}
	case isa.FmtFCmp:
		return operandKinds{integer: 1, float: 6}
	case isa.FmtFToX, isa.FmtFX:
		return operandKinds{integer: 1, float: 2}
	case isa.FmtXToF, isa.FmtXF, isa.FmtFli:
		return operandKinds{integer: 2, float: 1}
	}
	return operandKinds{integer: 7}
}
