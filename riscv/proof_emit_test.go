package riscv

import (
	"encoding/binary"

	"fishplate/riscv/isa"
)

// rowFits says whether instructions of a row exist on harts of that width.
func rowFits(r isa.Row, xlen int) bool { return r.XLEN == 0 || int(r.XLEN) == xlen }

func decodeFor(xlen int, w uint32) isa.Inst {
	if xlen == 32 {
		return isa.Decode32(w)
	}
	return isa.Decode(w)
}

// emit appends instructions.
func (g *gen) emit(words ...uint32) {
	s := g.s
	for _, w := range words {
		s.marks = append(s.marks, len(s.text))
		if w&3 == 3 {
			s.text = binary.LittleEndian.AppendUint32(s.text, w)
		} else {
			s.text = binary.LittleEndian.AppendUint16(s.text, uint16(w))
		}
	}
}

// refer emits w, which jumps to l by an offset that is filled in later.
func (g *gen) refer(l *label, kind refKind, w uint32) {
	l.refs = append(l.refs, reference{kind, len(g.s.text), len(g.s.text)})
	g.emit(w)
}

// bind says that l is here and fills in its offset everywhere. What cannot reach
// so far becomes a nop of its size.
func (g *gen) bind(l *label) {
	here := len(g.s.text)
	le := binary.LittleEndian
	for _, r := range l.refs {
		off := here - r.base
		if r.kind == refTable {
			g.putWord(g.s.ro[r.at:], uint64(textBase+here))
			continue
		}
		b := g.s.text[r.at:]
		switch r.kind {
		case refBranch:
			w := le.Uint32(b) | encB(0, 0, 0, int32(off))
			if off >= 4096 {
				w = wNop
			}
			le.PutUint32(b, w)
		case refJump:
			le.PutUint32(b, le.Uint32(b)|encJ(0, int32(off))&^wJal)
		case refImmediate:
			le.PutUint32(b, le.Uint32(b)+uint32(off)<<20)
		case refThinBranch, refThinJump:
			w, ok := thinOffset(r.kind, off)
			if w |= uint32(le.Uint16(b)); !ok {
				w = wThinNop
			}
			le.PutUint16(b, uint16(w))
		}
	}
	l.refs = nil
}

// thinOffset scatters the offset of a compressed branch or jump.
func thinOffset(kind refKind, off int) (uint32, bool) {
	u := uint32(off)
	if kind == refThinBranch {
		return u>>8&1<<12 | u>>3&3<<10 | u>>6&3<<5 | u>>1&3<<3 | u>>5&1<<2, off < 256
	}
	return u>>11&1<<12 | u>>4&1<<11 | u>>8&3<<9 | u>>10&1<<8 | u>>6&1<<7 | u>>7&1<<6 | u>>1&7<<3 | u>>5&1<<2, off < 2048
}

// load and store give a full register's load and store.
func (g *gen) load(rd, base uint32, imm int) uint32 {
	if g.xlen == 32 {
		return encI(wLw, rd, base, int32(imm))
	}
	return encI(wLd, rd, base, int32(imm))
}

func (g *gen) store(base, rs uint32, imm int) uint32 {
	if g.xlen == 32 {
		return encS(wSw, base, rs, int32(imm))
	}
	return encS(wSd, base, rs, int32(imm))
}

// free returns a register that random instructions may write, of x1 to x31.
func (g *gen) free() uint32 {
	for {
		if r := uint32(1 + g.IntN(31)); g.locked>>r&1 == 0 {
			return r
		}
	}
}

// freeThin returns one that compressed instructions can name in three bits.
func (g *gen) freeThin() uint32 {
	for {
		if r := uint32(8 + g.IntN(8)); g.locked>>r&1 == 0 {
			return r
		}
	}
}

// plain emits one random instruction that goes on to the next. Loads and stores
// use base, or sp where the encoding says so.
func (g *gen) plain(base uint32) {
	for {
		row := g.rows[g.IntN(len(g.rows))]
		r := isa.Table()[row]
		w := r.Match | g.Uint32()&^r.Mask
		wide := w&3 == 3
		if wide {
			w = g.narrow(r, w)
			if r.Format == isa.FmtI && g.IntN(3) == 0 {
				// sext.w, not, seqz and others are special cases of immediates.
				w = w&0xfffff | []uint32{0, 0, 1, 0xfff, 255, 0x7ff, 0x800, 16}[g.IntN(8)]<<20
			}
			if g.calm && r.Mask>>12&7 == 0 && rounds(r.Format) {
				w = w&^(7<<12) | uint32(7*min(1, g.IntN(5)))<<12 // dynamic, or to nearest
			}
		} else {
			w &= 0xffff
		}
		switch {
		case !wide && thinBased(r.Format):
			w = w&^(7<<7) | (base-8)&7<<7
			if base < 8 || base > 15 {
				w = w &^ (7 << 7) // regData
			}
		case wide && based(r.Format):
			w = w&^(31<<15) | base<<15
		}
		in := decodeFor(g.xlen, w)
		if in.Op == isa.OpIllegal || int(in.Row) != row || !writesFloat(r.Format) && g.locked>>in.Rd&1 != 0 {
			continue
		}
		if r.Format == isa.FmtLr || r.Op == isa.OpScW || r.Op == isa.OpScD {
			g.reserve(r.Op, base)
			return
		}
		g.emit(w)
		return
	}
}

func based(f isa.Format) bool {
	switch f {
	case isa.FmtLoad, isa.FmtFLoad, isa.FmtStore, isa.FmtFStore, isa.FmtAmo, isa.FmtLr:
		return true
	}
	return false
}

// thinBased is based for compressed encodings, whose base has three bits.
func thinBased(f isa.Format) bool {
	switch f {
	case isa.FmtCLw, isa.FmtCLd, isa.FmtCFld, isa.FmtCFlw, isa.FmtCSw, isa.FmtCSd, isa.FmtCFsd, isa.FmtCFsw:
		return true
	}
	return false
}

// writesFloat says whether the destination is a floating-point register.
func writesFloat(f isa.Format) bool {
	switch f {
	case isa.FmtFLoad, isa.FmtR4, isa.FmtFRm, isa.FmtFRm1, isa.FmtFR, isa.FmtXToF, isa.FmtXF,
		isa.FmtCFld, isa.FmtCFldsp, isa.FmtCFlw, isa.FmtCFlwsp:
		return true
	}
	return false
}

// floats says whether a compressed format loads or stores a floating-point
// register.
func floats(f isa.Format) bool {
	switch f {
	case isa.FmtCFld, isa.FmtCFldsp, isa.FmtCFsd, isa.FmtCFsdsp:
		return true
	}
	return false
}

// rounds says whether a format has a rounding mode.
func rounds(f isa.Format) bool {
	switch f {
	case isa.FmtR4, isa.FmtFRm, isa.FmtFRm1, isa.FmtFToX, isa.FmtXToF:
		return true
	}
	return false
}

// reserve emits a pair of LR and SC, or, if nobody minds, half of one.
func (g *gen) reserve(op isa.Op, base uint32) {
	size := uint32(2)
	if op == isa.OpLrD || op == isa.OpScD {
		size = 3
	}
	lr := 0x1000002f | size<<12 | base<<15 | g.free()<<7
	sc := 0x1800002f | size<<12 | base<<15 | g.free()<<7 | uint32(g.IntN(32))<<20
	if lr>>7&31 == base {
		return
	}
	switch k := g.IntN(4); {
	case k == 0:
		g.emit(sc)
	case k == 1 && !g.strict:
		g.emit(lr)
	default:
		g.emit(lr, sc)
	}
}

// visit takes an address that is worth it into a register and uses it a few
// times.
func (g *gen) visit() {
	r := g.freeThin()
	t := g.free()
	g.emit(encU(wLui, t, constBase), g.load(r, t, g.IntN(tablesAt*8/g.xlen)*g.xlen/8))
	g.locked |= 1 << r
	for range 1 + g.IntN(3) {
		for before := len(g.s.marks); ; {
			g.access(r)
			if len(g.s.marks) > before {
				break
			}
		}
	}
	g.locked &^= 1 << r
}

// access emits a load, store or atomic at base with a small offset.
func (g *gen) access(base uint32) {
	for {
		row := g.rows[g.IntN(len(g.rows))]
		r := isa.Table()[row]
		w := r.Match | g.Uint32()&^r.Mask
		switch {
		case w&3 != 3 && thinBased(r.Format) && base >= 8 && base <= 15:
			w = w&0xffff&^(7<<7) | (base-8)&7<<7
		case w&3 == 3 && based(r.Format):
			w = w&^(31<<15) | base<<15
			if imm := int32(g.IntN(33) - 16); r.Format == isa.FmtLoad || r.Format == isa.FmtFLoad {
				w = w&0xfffff | uint32(imm)<<20
			} else if r.Format == isa.FmtStore || r.Format == isa.FmtFStore {
				w = w&^(127<<25|31<<7) | encS(0, 0, 0, imm)
			}
		default:
			continue
		}
		if g.strict && (r.Format == isa.FmtAmo || r.Format == isa.FmtLr) {
			continue // qemu does not fault when these are misaligned
		}
		in := decodeFor(g.xlen, w)
		if in.Op == isa.OpIllegal || int(in.Row) != row || !writesFloat(r.Format) && g.locked>>in.Rd&1 != 0 {
			continue
		}
		if r.Format == isa.FmtLr || r.Op == isa.OpScW || r.Op == isa.OpScD {
			g.reserve(r.Op, base)
			return
		}
		g.emit(w)
		return
	}
}
