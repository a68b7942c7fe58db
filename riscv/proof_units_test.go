package riscv

import "fishplate/riscv/isa"

// block emits about n units in sequence.
func (g *gen) block(depth, n int) {
	for range n {
		switch k := g.IntN(100); {
		case k < 70:
			g.plain(g.base())
		case k < 76:
			g.visit()
		case k < 79:
			g.refresh()
		case k < 86:
			g.skip(depth)
		case k < 89 && depth < 2:
			g.loop(depth)
		case k < 92 && depth < 3:
			g.call()
		case k < 94 && depth < 3:
			g.table(depth)
		case k < 96:
			g.middle()
		case k < 97 && g.calm:
			g.quiet()
		case k < 99 && g.calm:
			g.walk()
		case k < 97:
			g.control()
		case k < 98 && !g.calm:
			g.odd()
		default:
			g.pointer()
		}
	}
}

func (g *gen) base() uint32 {
	if g.IntN(6) == 0 {
		return regSP
	}
	return regData
}

// refresh emits what keeps values from wearing out: loads of the data's edges.
func (g *gen) refresh() {
	if g.IntN(3) == 0 {
		g.emit(g.load(g.free(), regData, g.IntN(4088)-2048))
		return
	}
	w := uint32(wFld)
	if g.calm && g.single {
		w = wFlw
	}
	g.emit(encI(w, uint32(g.IntN(32)), regData, int32(g.IntN(511)-256)*8))
}

// branch emits a branch to l on random registers, wide or compressed.
func (g *gen) branch(l *label) {
	a, b := uint32(g.IntN(32)), uint32(g.IntN(32))
	switch k := uint32(g.IntN(8)); k {
	case 2:
		g.refer(l, refThinBranch, 0xc001|(a&7)<<7) // c.beqz
	case 3:
		g.refer(l, refThinBranch, 0xe001|(a&7)<<7) // c.bnez
	default:
		g.refer(l, refBranch, encR(wBeq|k<<12, 0, a, b))
	}
}

// skip emits a conditional or unconditional jump over some units, of which every
// boundary may so become a block of its own.
func (g *gen) skip(depth int) {
	var l label
	switch k := g.IntN(8); {
	case k == 0:
		g.refer(&l, refThinJump, 0xa001)
	case k == 1:
		g.refer(&l, refJump, wJal|g.free()<<7)
	case k == 2: // through a register, sometimes with an odd target
		r := g.free()
		l.refs = append(l.refs, reference{refImmediate, len(g.s.text) + 4, len(g.s.text)})
		g.emit(wAuipc|r<<7, encI(wJalr, g.free(), r, int32(g.IntN(2))))
	default:
		g.branch(&l)
	}
	g.block(depth+1, 1+g.IntN(5))
	g.bind(&l)
}

// loop emits a block that is executed several times, sometimes often.
func (g *gen) loop(depth int) {
	c, times := counters[depth], 1+g.IntN(8)
	var out label
	leavable := g.IntN(3) == 0
	if depth == 0 && g.IntN(8) == 0 {
		times = 100 + g.IntN(300)
	}
	if g.calm {
		times = 8 + g.IntN(50)>>(2*depth)
	}
	g.emit(encI(wAddi, c, 0, int32(times)))
	top := len(g.s.text)
	if times < 100 {
		g.block(depth+1, 2+g.IntN(10))
	} else {
		for range 1 + g.IntN(12) {
			g.plain(g.base())
		}
	}
	if leavable {
		g.branch(&out)
	}
	g.emit(encI(wAddi, c, c, -1))
	g.back(c, top)
	g.bind(&out)
}

// back emits a branch to an earlier place while register c is positive.
func (g *gen) back(c uint32, top int) {
	off := int32(top - len(g.s.text))
	if off < -4000 {
		return
	}
	g.emit(encB(wBeq|4<<12, 0, c, off)) // blt zero, c
}

// call emits a call of one of the functions: direct, by a register, or by the
// alternate link register, followed by an instruction of four bytes, which some
// functions skip.
func (g *gen) call() {
	i := g.IntN(3)
	f := &g.funcs[i]
	switch g.IntN(7) {
	case 0:
		g.emit(encI(wAddi, regDepth, 0, int32(1+g.IntN(200))))
		g.refer(&g.rec, refJump, wJal|regRA<<7)
	case 1:
		t, r := g.free(), g.free()
		g.fromTable(t, r, []*label{f})
		if link := linkOf(i); link == regRA && g.IntN(2) == 0 {
			g.emit(0x9002 | r<<7) // c.jalr
		} else {
			g.emit(encI(wJalr, link, r, 0))
		}
	case 2:
		if g.xlen == 32 && linkOf(i) == regRA {
			g.refer(f, refThinJump, 0x2001) // c.jal
			break
		}
		fallthrough
	default:
		g.refer(f, refJump, wJal|linkOf(i)<<7)
	}
	g.emit(encI(wAddi, g.free(), uint32(g.IntN(32)), int32(g.IntN(100))))
}

// linkOf is the link register that a function returns by.
func linkOf(function int) uint32 {
	if function == 2 {
		return regLink2
	}
	return regRA
}

// fromTable emits code that loads one of the targets, chosen by what is in t, into
// r; the table lies in constant memory.
func (g *gen) fromTable(t, r uint32, targets []*label) {
	size := g.xlen / 8
	n := 1
	for n < len(targets) {
		n *= 2
	}
	if g.tables+n*size > constSize {
		g.tables = tablesAt // older tables lose their entries
	}
	shift := int32(2 + g.xlen/64)
	g.emit(encI(wAndi, t, t, int32(n-1)), encI(wSlli, t, t, shift), encU(wLui, r, uint32(constBase+g.tables+2048)))
	low := int32(constBase+g.tables) << 20 >> 20
	if r == t {
		t = 0
	}
	g.emit(encR(wAdd, r, r, t), g.load(r, r, int(low)))
	for k := range n {
		l := targets[k%len(targets)]
		l.refs = append(l.refs, reference{refTable, g.tables + k*size, 0})
	}
	g.tables += n * size
}

// table emits an indirect jump to one of the next blocks.
func (g *gen) table(depth int) {
	var targets [4]label
	list := make([]*label, 0, 4)
	for i := range targets[:2+g.IntN(3)] {
		list = append(list, &targets[i])
	}
	t, r := g.free(), g.free()
	g.fromTable(t, r, list)
	if g.IntN(2) == 0 {
		g.emit(0x8002 | r<<7) // c.jr
	} else {
		g.emit(encI(wJalr, 0, r, 0))
	}
	for _, l := range list {
		g.bind(l)
		g.block(depth+2, 1+g.IntN(3))
	}
}

// middle emits a jump into the second half of a wide instruction, which is a
// compressed one, and on.
func (g *gen) middle() {
	var thin uint32
	for {
		row := g.rows[g.IntN(len(g.rows))]
		r := isa.Table()[row]
		thin = (r.Match | g.Uint32()&^r.Mask) & 0xffff
		in := decodeFor(g.xlen, thin)
		if r.Match&3 != 3 && int(in.Row) == row && in.Op != isa.OpIllegal && !thinBased(r.Format) &&
			(writesFloat(r.Format) || g.locked>>in.Rd&1 == 0) {
			break
		}
	}
	var l label
	g.branch(&l)
	wide := thin<<16 | g.free()<<7 | wLui
	g.emit(wide)
	at := len(g.s.text) - 2
	for _, r := range l.refs {
		g.patchAt(r, at)
	}
}

// patchAt binds one reference to an offset that is not the end of the text.
func (g *gen) patchAt(r reference, at int) {
	text := g.s.text
	g.s.text = text[:at]
	l := label{refs: []reference{r}}
	full := text
	g.bind(&l)
	g.s.text = full
}

// control emits an access to a CSR.
func (g *gen) control() {
	numbers := []uint32{1, 2, 3, 1, 2, 3, 0xc00, 0xc02, 0xf14}
	if g.strict {
		numbers = numbers[:6]
	}
	n := numbers[g.IntN(len(numbers))]
	f := uint32(1 + g.IntN(3) + 4*g.IntN(2))
	rs := uint32(g.IntN(32))
	switch {
	case n == 2 || n == 3:
		// A valid rounding mode mostly, or all that follows is illegal.
		if g.IntN(30) > 0 {
			f, rs = 5, uint32(max(0, g.IntN(8)-3)) // often to nearest
			if n == 3 {
				f, rs = 6, 0
			}
		}
	case n >= 0xc00:
		if g.IntN(4) > 0 {
			f, rs = 2, 0
		}
	}
	g.emit(0x73 | g.free()<<7 | f<<12 | rs<<15 | n<<20)
}

// walk emits accesses by a pointer that moves in between, and by copies of it.
func (g *gen) walk() {
	p, q := g.free(), g.free()
	if p == q {
		return
	}
	// LR and SC must be aligned where qemu is asked, which does not mind.
	unit := int32(1)
	if g.strict {
		unit = 8
	}
	g.emit(encU(wLui, p, dataBase+4096), encI(wAddi, p, p, int32(g.IntN(4096)-2048)&^(unit-1)), encI(wAddi, q, p, 0))
	unlocked := g.locked
	g.locked |= 1<<p | 1<<q
	for range 3 + g.IntN(8) {
		switch g.IntN(6) {
		case 0:
			g.emit(encI(wAddi, p, p, int32(g.IntN(65)-32)*unit))
		case 1:
			g.emit(encI(wAddi, q, p, int32(g.IntN(65)-32)*unit))
		case 2:
			g.plain(p)
		case 3:
			g.emit(g.store(p, uint32(g.IntN(32)), g.IntN(64)-32), g.load(g.free(), q, g.IntN(64)-32))
		default:
			g.access(p)
		}
	}
	g.locked = unlocked
}

// quiet emits what the C library does around a comparison that shall leave no
// flags: they are read before and written after it.
func (g *gen) quiet() {
	kept := g.free()
	g.emit(0x00102073 | kept<<7) // frflags
	if g.IntN(4) > 0 {
		g.plain(g.base())
	}
	if g.IntN(6) == 0 {
		kept = g.free()
	}
	g.emit(0x00101073 | kept<<15 | uint32(g.IntN(2))*(kept<<7)) // fsflags
}

// odd emits what traps, and, if nobody minds, what leaves to the embedder.
func (g *gen) odd() {
	words := []uint32{0, 0xffffffff, 0xc0001073, 0x9002, wEbreak, 0x00005053 | 2<<25, 0x0000100b}
	if !g.strict {
		words = append(words, wCall, wStop, 0x10500073, 0x1230005b, 0x0ff0000f, 0x0000100f)
	}
	g.emit(words[g.IntN(len(words))])
}

// pointer emits what compilers do with addresses: auipc and lui pairs, and sp
// moved down and up again.
func (g *gen) pointer() {
	r := g.free()
	switch g.IntN(3) {
	case 0:
		g.emit(wAuipc|r<<7|g.Uint32()&^0xfff, encI(wAddi, r, r, int32(g.IntN(4096)-2048)))
	case 1:
		g.emit(encU(wLui, r, dataBase), encI(wAddi, r, r, int32(g.IntN(2048))))
	default:
		g.emit(0x7119) // c.addi16sp -128
		g.block(9, 1+g.IntN(4))
		g.emit(0x6109) // c.addi16sp 128
	}
}

// function emits the i-th function. It may call later ones, and it returns in one
// of several ways.
func (g *gen) function(i int) {
	g.bind(&g.funcs[i])
	link := linkOf(i)
	w := g.xlen / 8
	g.emit(encI(wAddi, regLinks, regLinks, -16), g.store(regLinks, link, w))
	if g.IntN(2) == 0 {
		g.loopIn(counters[2+i])
	} else {
		g.block(9, 1+g.IntN(6))
	}
	if i < 2 && g.IntN(2) == 0 {
		g.refer(&g.funcs[i+1], refJump, wJal|linkOf(i+1)<<7)
		g.emit(encI(wAddi, g.free(), uint32(g.IntN(32)), 1))
	}
	g.emit(g.load(link, regLinks, w), encI(wAddi, regLinks, regLinks, 16))
	switch k := g.IntN(6); {
	case k == 0:
		g.emit(encI(wJalr, 0, link, 4)) // beyond the place that the caller expects
	case k == 1:
		t := uint32(6)
		g.emit(encI(wAddi, t, link, 0), encI(wJalr, 0, t, 0))
	case k == 2:
		g.emit(encI(wJalr, regRA, link, 0)) // a return that is also a call
	case k == 3 && i == 0:
		g.refer(&g.funcs[1], refJump, wJal) // a tail call
	default:
		g.emit(0x8002 | link<<7)
	}
}

func (g *gen) loopIn(c uint32) {
	g.emit(encI(wAddi, c, 0, int32(1+g.IntN(5))))
	top := len(g.s.text)
	g.block(9, 1+g.IntN(5))
	g.emit(encI(wAddi, c, c, -1))
	g.back(c, top)
}

// recursion emits a function that calls itself as often as regDepth says, deeper
// than predictors of returns remember.
func (g *gen) recursion() {
	var out label
	top := len(g.s.text)
	g.bind(&g.rec)
	w := g.xlen / 8
	g.emit(encI(wAddi, regLinks, regLinks, -16), g.store(regLinks, regRA, w), encI(wAddi, regDepth, regDepth, -1))
	g.refer(&out, refBranch, encR(wBeq|5<<12, 0, 0, regDepth)) // bge zero, depth
	g.block(9, 1+g.IntN(3))
	g.emit(encJ(regRA, int32(top-len(g.s.text))))
	g.bind(&out)
	g.block(9, 1+g.IntN(2))
	g.emit(g.load(regRA, regLinks, w), encI(wAddi, regLinks, regLinks, 16), 0x8082)
}
