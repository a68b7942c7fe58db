package riscv

import (
	"fmt"
	"testing"
)

// Encodings that only the pairs need.
const (
	wSlliw = 0x101b
	wSrli  = 0x5013
	wSrliw = 0x501b
	wAddiw = 0x1b
	wAddw  = 0x3b
	arith  = 1 << 30 // makes a logical shift to the right an arithmetic one
	wFlt   = 0xa0001053
	wFle   = 0xa0000053
	inD    = 1 << 25 // double precision
)

// pair emits two or three instructions that a translator may do as one.
func (g *gen) pair() {
	r, s, t := g.free(), uint32(g.IntN(32)), uint32(g.IntN(32))
	next := r
	if g.IntN(6) == 0 {
		next = g.free() // no pair after all
	}
	switch g.IntN(8) {
	case 0, 1:
		first := []uint32{wLui, wAuipc}[g.IntN(2)]
		second := uint32(wAddi)
		if g.xlen == 64 && g.IntN(2) == 0 {
			second = wAddiw
		}
		upper := g.Uint32()
		if g.IntN(3) == 0 {
			upper = 0x7ffff000 + uint32(g.IntN(3)-1)<<12 // where the sum leaves 32 bits
		}
		g.emit(encU(first, r, upper), encI(second, next, r, int32(g.IntN(4096)-2048)))
	case 2, 3:
		left, right, size := uint32(wSlli), uint32(wSrli), g.xlen
		if g.xlen == 64 && g.IntN(3) == 0 {
			left, right, size = wSlliw, wSrliw, 32
		}
		back := encI(right, next, r, int32(g.IntN(size)))
		if g.IntN(2) == 0 {
			back |= arith
		}
		g.emit(encI(left, r, s, int32(g.IntN(size))), back)
	case 4:
		left, add, size := uint32(wSlli), uint32(wAdd), g.xlen
		if g.xlen == 64 && g.IntN(3) == 0 {
			left, add, size = wSlliw, wAddw, 32
		}
		a, b := r, t
		if g.IntN(2) == 0 {
			a, b = b, a
		}
		g.emit(encI(left, r, s, int32(g.IntN(size))), encR(add, next, a, b))
	case 5, 6:
		g.neighbours(r, s, t)
	default:
		w := []uint32{wFlt, wFle, wFlt | inD, wFle | inD}[g.IntN(4)]
		g.emit(0x00102073|r<<7, encR(w, g.free(), s, t), 0x00101073|next<<15) // csrr, csrw fflags
	}
}

// neighbours emits loads or stores of double words beside each other, or nearly,
// some of them across pages.
func (g *gen) neighbours(r, s, t uint32) {
	at := int32(g.IntN(500)-250) * 8
	other := at + []int32{8, -8, 8, -8, 0, 16, 4}[g.IntN(7)]
	if g.IntN(5) == 0 {
		at, other = at+1, other+1
	}
	base := g.base()
	kind := g.IntN(4)
	if g.xlen == 32 {
		kind |= 2
	}
	switch kind {
	case 0:
		g.emit(encI(wLd, r, base, at), encI(wLd, g.free(), base, other))
	case 1:
		g.emit(encS(wSd, base, s, at), encS(wSd, base, t, other))
	case 2:
		g.emit(encI(wFld, s, base, at), encI(wFld, t, base, other))
	default:
		g.emit(encS(wFsd, base, s, at), encS(wFsd, base, t, other))
	}
}

// pairScenario is a row of loops full of pairs.
func pairScenario(seed uint64, xlen int) *scenario {
	g := &gen{Rand: newRand(seed), xlen: xlen, s: &scenario{seed: seed, xlen: xlen}}
	g.state()
	g.s.fcsr &= 31 // round to nearest, as translated code does
	g.locked = 1<<regSP | 1<<regData | 1<<regLinks | 1<<regDepth
	for _, c := range counters {
		g.locked |= 1 << c
	}
	g.chooseRows()
	for range 6 {
		g.emit(encI(wAddi, counters[0], 0, 12))
		top := len(g.s.text)
		for range 1 + g.IntN(24) {
			if g.pair(); g.IntN(3) == 0 {
				g.plain(g.base())
			}
		}
		g.emit(encI(wAddi, counters[0], counters[0], -1))
		g.emit(encB(wBeq|1<<12, counters[0], 0, int32(top-len(g.s.text))))
	}
	g.s.end = textBase + uint64(len(g.s.text))
	g.emit(wEbreak)
	return g.s
}

// TestPairs is TestEngines for instructions that a translator may do at once:
// constants in two parts, fields moved by two shifts, scaled additions, loads and
// stores beside each other, comparisons that keep quiet.
func TestPairs(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		t.Run(fmt.Sprintf("rv%d", xlen), func(t *testing.T) {
			for i := range uint64(programs(t, 300)) {
				if pairScenario(*seedFlag+i, xlen).check(t); t.Failed() {
					return
				}
			}
		})
	}
}

// TestZeroBase executes accesses and jumps relative to x0, which random programs
// leave out because they do nothing but fault: in a loop, and at its end a jump
// to nowhere.
func TestZeroBase(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		words := []uint32{
			encI(wLw, 5, 0, 16), encS(wSw, 0, 5, 2047), encI(wFld, 5, 0, 16), encS(wFsd, 0, 5, 16),
			0x0000202f, 0x1000202f, 0x1800202f, // amoadd.w, lr.w, sc.w of (x0)
			encI(wAddi, 0, 0, 0), 0x0000000f, encI(wSlli, 5, 6, 0), // nop, fence, slli by 0
		}
		if xlen == 64 {
			words = append(words, encI(wLd, 5, 0, 16), encS(wSd, 0, 5, 16), 0x0803131b) // slli.uw t1, t1, 0
		}
		for _, w := range words {
			g := &gen{Rand: newRand(1), xlen: xlen, s: &scenario{xlen: xlen}}
			g.state()
			g.s.fcsr = 0
			g.emit(encI(wAddi, counters[0], 0, 40), w, encI(wAddi, counters[0], counters[0], -1))
			g.emit(encB(wBeq|1<<12, counters[0], 0, -8), encI(wJalr, 1, 0, 256))
			g.s.end = textBase + uint64(len(g.s.text))
			g.emit(wEbreak)
			if g.s.check(t); t.Failed() {
				return
			}
		}
	}
}
