package riscv

import (
	"fmt"
	"testing"

	"fishplate/riscv/isa"
)

// TestEveryInstruction makes loops full of one row of the opcode table each, with
// operands that coincide, are x0, live in registers of the host or in memory, and
// with the results stored, so that every template of a translator is executed
// with every kind of operand.
func TestEveryInstruction(t *testing.T) {
	variants := uint64(6)
	if raceEnabled || testing.Short() {
		variants = 2
		t.Logf("%d variants of 6: in short runs and under the race detector", variants)
	}
	for _, xlen := range []int{64, 32} {
		t.Run(fmt.Sprintf("rv%d", xlen), func(t *testing.T) {
			for i, r := range isa.Table() {
				if !rowFits(r, xlen) || r.Ext[0] == 'V' || leaves(r) || jumps(r.Op) || r.Format == isa.FmtC16sp ||
					r.Format == isa.FmtCsr || r.Format == isa.FmtCsrI {
					continue
				}
				for seed := range variants {
					s := newFocused(*seedFlag+seed, xlen, i)
					if s.check(t); t.Failed() {
						t.Fatalf("row %s, variant %d", r.Name, seed)
					}
				}
			}
		})
	}
}

// newFocused makes a loop of which most instructions are of one row. Even seeds
// give operands that generated code likes, odd ones any.
func newFocused(seed uint64, xlen, row int) *scenario {
	g := &gen{Rand: newRand(seed<<16 + uint64(row)), xlen: xlen, s: &scenario{seed: seed, xlen: xlen}}
	g.calm, g.single = seed%2 == 0, isa.Table()[row].Ext == "F"
	g.state()
	g.locked = 1<<regSP | 1<<regData | 1<<counters[0]
	for range 4 + g.IntN(4) {
		g.few = append(g.few, g.free())
	}
	g.few = append(g.few, 0)
	g.emit(encI(wAddi, counters[0], 0, 8))
	top := len(g.s.text)
	for k := range 30 {
		g.rows = []int{row}
		at := len(g.s.text)
		g.plain(g.base())
		g.observe(at, int32(k*16-512))
		if k%5 == 4 {
			g.refresh()
		}
	}
	// These few are used more than all others, which must then do without a
	// register of the host.
	for range 40 {
		a, b := g.few[g.IntN(len(g.few))], g.few[g.IntN(len(g.few))]
		if a != 0 && g.IntN(3) > 0 {
			g.emit(encR(wAdd, a, a, b))
		} else {
			g.emit(encI(wAddi, g.free(), b, int32(g.IntN(64))))
		}
	}
	g.emit(encI(wAddi, counters[0], counters[0], -1))
	g.back(counters[0], top)
	g.s.end = textBase + uint64(len(g.s.text))
	g.emit(wEbreak)
	return g.s
}

// observe stores what the instruction at an offset of the text has computed.
func (g *gen) observe(at int, to int32) {
	text := g.s.text[at:]
	if len(text) == 0 {
		return
	}
	w := uint32(text[0]) | uint32(text[1])<<8
	if w&3 == 3 {
		w |= uint32(text[2])<<16 | uint32(text[3])<<24
	}
	in := decodeFor(g.xlen, w)
	if writesFloat(isa.Table()[in.Row].Format) {
		g.emit(encS(wFsd, regData, uint32(in.Rd), to))
		return
	}
	g.emit(g.store(regData, uint32(in.Rd), int(to)))
}
