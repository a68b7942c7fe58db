package riscv

import (
	"encoding/binary"
	"flag"
	"math"
	"math/rand/v2"
	"strings"

	"fishplate/riscv/isa"
)

var (
	vectorRounds = flag.Int("vector.programs", 60, "random vector programs to compare with qemu")
	vectorSeed   = flag.Uint64("vector.seed", 1, "seed of the first random vector program")
	vectorName   = flag.String("vector.only", "", "only instructions whose names contain this")
)

// Layout of a random vector program. A handler logs the pc of every instruction
// that faults and goes on behind it. The last page of the address space exists,
// so that accesses can run over its end.
const (
	vecText   = 0x100000
	vecData   = 0x200000
	vecLog    = vecData
	vecDump   = vecData + 0x4000
	vecIndex  = vecData + 0x5000
	vecPool   = vecData + 0x6000
	vecArea   = vecData + 0x8000
	vecMiddle = vecArea + 0x8000
	vecLength = 0x18000
	vecEnd    = 0x4000000
	vecEdge   = vecEnd - 0x4000

	wCsrrw  = 0x1073
	wCsrrs  = 0x2073
	wCsrrwi = 0x5073
)

// vecDice makes random vector programs.
type vecDice struct {
	*rand.Rand
	xlen int
	code []uint32
	rows []isa.Row
	sew  uint32 // width of elements that is chosen, as in vtype
	vill bool   // none is
}

func (d *vecDice) emit(w ...uint32) { d.code = append(d.code, w...) }

// interesting returns a value that is likely to meet an edge.
func (d *vecDice) interesting() uint64 {
	const boxed = 0xffffffff << 32
	f32 := []uint32{0, 1, 1 << 31, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0x00800000, 0x007fffff, 0x7f7fffff, 0x3f800000, 0x4f000000, 0xcf000000, 0x5f800000, 0x00200000, 0x7e800000}
	f64 := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64, 0x1p-1022, 0x1p63, -0x1p63, 0x1p31, 0x1p32, 0.5, 1.5, 2.5, 0x1p-149, 0x1p-127, 0x1p128, 0x1p1022}
	switch d.IntN(10) {
	case 0:
		return uint64(int64(d.IntN(64) - 32))
	case 1:
		return 1 << d.IntN(64)
	case 2:
		return 1<<d.IntN(64) - 1
	case 3:
		return boxed | uint64(f32[d.IntN(len(f32))])
	case 4:
		return boxed | uint64(math.Float32bits(float32(d.NormFloat64()*100)))
	case 5:
		return math.Float64bits(d.NormFloat64() * 1e3)
	case 6:
		return math.Float64bits(f64[d.IntN(len(f64))])
	case 7:
		return 0x7ff0000000000001
	case 8:
		return boxed | uint64(d.Uint32())
	}
	return d.Uint64()
}

// li loads a constant below 2 GiB.
func (d *vecDice) li(rd uint32, v uint32) {
	low := int32(v<<20) >> 20
	add := uint32(0x1b) // addiw
	if d.xlen == 32 {
		add = wAddi
	}
	d.emit(encU(wLui, rd, v-uint32(low)), encI(add, rd, rd, low))
}

// load and store move an integer register.
func (d *vecDice) load(rd, rs1 uint32, imm int32) uint32 {
	if d.xlen == 32 {
		return encI(wLw, rd, rs1, imm)
	}
	return encI(wLd, rd, rs1, imm)
}

func (d *vecDice) store(rs1, rs2 uint32, imm int32) uint32 {
	if d.xlen == 32 {
		return encS(wSw, rs1, rs2, imm)
	}
	return encS(wSd, rs1, rs2, imm)
}

// Registers with a fixed job: bases, and strides.
const (
	vBase0, vBase1, vBaseEdge, vBaseGuard = 8, 9, 18, 19
	vStride0                              = 20 // to 23
)

var vecScalars = []uint32{0, 10, 11, 12, 13, 14, 15, 16, 17, 24, 25, 26, 27, 28, 29, 30, 31}

func (d *vecDice) scalarReg() uint32 { return vecScalars[d.IntN(len(vecScalars))] }

// vreg returns a vector register, often a multiple of a group's size.
func (d *vecDice) vreg() uint32 { return uint32(d.IntN(32)) &^ (1<<d.IntN(4) - 1) }

// set appends a vsetvl of some kind.
func (d *vecDice) set() {
	lmul := []uint32{0, 0, 1, 2, 3, 5, 6, 7}[d.IntN(8)]
	vtype := uint32(d.IntN(4))<<3 | lmul | uint32(d.IntN(4))<<6
	if d.IntN(30) == 0 {
		vtype = uint32(d.IntN(1024)) // all that vsetivli can say
	}
	d.sew = vtype >> 3 & 7
	d.vill = vtype>>8 != 0 || d.sew > 3 || vtype&7 == 4 || vtype&4 != 0 && d.sew >= vtype&3
	rd := d.scalarReg()
	switch d.IntN(8) {
	case 0:
		d.emit(0x7057 | rd<<7 | d.scalarReg()<<15 | vtype<<20)
	case 1:
		d.emit(0x7057|rd<<7|vtype<<20, 0x7057|vtype<<20)
	case 2:
		d.emit(encI(wAddi, 5, 0, int32(vtype)), 0x80007057|rd<<7|d.scalarReg()<<15|5<<20)
	case 3:
		d.emit(encI(wAddi, 5, 0, int32(d.IntN(140))), 0x7057|rd<<7|5<<15|vtype<<20)
	case 4, 5:
		d.emit(0x7057 | 10<<7 | vtype<<20) // as many as there can be
	default:
		d.emit(0xc0007057 | rd<<7 | uint32(d.IntN(32))<<15 | vtype&1023<<20)
	}
}

// freshen loads registers with values that are likely to meet an edge.
func (d *vecDice) freshen() {
	switch d.IntN(7) {
	case 0, 1, 2: // whole registers
		n := uint32(1) << d.IntN(4)
		d.li(5, vecPool+8*uint32(d.IntN(0x1f00/8)))
		d.emit(0x02800007 | (n-1)<<29 | 5<<15 | uint32(d.IntN(32))&^(n-1)<<7)
	case 3:
		d.li(5, vecPool+8*uint32(d.IntN(0x1f00/8)))
		d.emit(encI(wFld, uint32(d.IntN(32)), 5, 0), d.load(vecScalars[1+d.IntN(16)], 5, 8))
	case 4:
		d.emit(wCsrrwi | uint32(d.IntN(5))<<15 | 2<<20) // frm
	case 5:
		d.emit(wCsrrwi | uint32(d.IntN(4))<<15 | 0xa<<20) // vxrm
	default:
		d.emit(wCsrrwi|9<<20, wCsrrwi|1<<20) // vxsat, fflags
	}
}

// aim gives the bases new addresses.
func (d *vecDice) aim() {
	d.li(vBase0, vecMiddle+uint32(d.IntN(64)))
	d.li(vBase1, vecMiddle+16*uint32(d.IntN(16)))
	d.li(vBaseEdge, vecEnd-uint32(d.IntN(300)))
	d.li(vBaseGuard, uint32(d.IntN(0x700)))
	for i := range uint32(4) {
		d.emit(encI(wAddi, vStride0+i, 0, int32(d.IntN(160)-80)))
	}
	d.emit(encI(wAddi, vStride0, 0, int32(d.IntN(9))))
}

func (d *vecDice) base() uint32 {
	switch d.IntN(12) {
	case 0:
		return vBaseEdge
	case 1:
		return vBaseGuard
	case 2, 3:
		return vBase1
	}
	return vBase0
}

// word returns a random instruction of a row, with operands that stay in bounds.
func (d *vecDice) word(r isa.Row) uint32 {
	w := r.Match | d.Uint32()&^r.Mask
	field := func(at, v uint32) {
		if r.Mask>>at&1 == 0 {
			w = w&^(31<<at) | v<<at
		}
	}
	if d.IntN(3) != 0 && r.Mask>>25&1 == 0 {
		w |= 1 << 25
	}
	field(7, d.vreg())
	field(20, d.vreg())
	switch r.Format {
	case isa.FmtVLoad:
		field(15, d.base())
	case isa.FmtVStride:
		field(15, []uint32{vBase0, vBase1, vBaseEdge}[d.IntN(3)])
		field(20, vStride0+uint32(d.IntN(4)))
	case isa.FmtVIndex:
		field(15, d.base())
		if w>>12&7 == 7 {
			field(15, vBase0) // some offsets are meant for it
		}
		d.li(5, vecIndex+0x400*(w>>12&3)+128*uint32(d.IntN(8)))
		d.emit(0xe2800007 | 5<<15 | w>>20&24<<7) // all that the offsets can be in
	case isa.FmtVX, isa.FmtVXM, isa.FmtAX, isa.FmtVfromX:
		field(15, d.scalarReg())
	case isa.FmtVV, isa.FmtVVM, isa.FmtAV, isa.FmtV1:
		field(15, d.vreg())
	case isa.FmtXfromV:
		field(7, d.scalarReg())
	}
	if r.Match>>26 == 0x1f || d.IntN(8) != 0 { // few segments
		w &^= 7 << 29 & ^r.Mask & uint32(segmentBits(r))
	}
	return w
}

// segmentBits is where a row keeps its number of fields.
func segmentBits(r isa.Row) uint32 {
	if r.Match&0x5f == 7 && strings.Contains(r.Name, "*") {
		return 6 << 29 // two fields are left
	}
	return 0
}

func (d *vecDice) step() {
	switch d.IntN(12) {
	case 0, 1, 2:
		d.set()
	case 3, 4:
		d.freshen()
	case 5:
		d.aim()
	}
	started := d.IntN(25) == 0
	r := d.rows[d.IntN(len(d.rows))]
	for !d.qemuKnows(r) || started && r.Op == isa.OpVmvr { // it copies too much then
		d.set()
		r = d.rows[d.IntN(len(d.rows))]
	}
	// qemu 7.2 looks at vstart only where it begins to translate, and keeps it when it
	// is not below vl: so vstart is cleared each time. What a fault left in it is
	// gathered in ra.
	w := d.word(r)
	if started {
		d.emit(wCsrrwi | uint32(d.IntN(20))<<15 | 8<<20)
	}
	if strings.Contains(r.Name, ".rtz.") || strings.Contains(r.Name, ".rod.") {
		// It aborts unless the instruction before, on the same page, has set the
		// dynamic mode.
		if len(d.code)%1024 == 1023 {
			d.emit(wNop)
		}
		d.emit(0xd0007fd3) // fcvt.s.w ft11,zero
	}
	d.emit(w, wCsrrwi|6<<7|8<<20)
	if !started {
		d.emit(wSlli|1<<7|1<<15|1<<20, encR(wAdd, 1, 1, 6))
	}
}

// qemuKnows leaves out what qemu 7.2 does not do right: it computes with floating
// point of 16 bits even when that extension is absent, and copies whole registers
// when no width of elements is chosen, and takes offsets of 64 bits in RV32,
// where it also slides in only half of an element of 64 bits.
func (d *vecDice) qemuKnows(r isa.Row) bool {
	minor := r.Match >> 12 & 7
	if d.xlen == 32 && (r.Format == isa.FmtVIndex && minor == 7 || strings.Contains(r.Name, "slide1") && d.sew == 3) {
		return false
	}
	if d.vill {
		return r.Op != isa.OpVmvr
	}
	if minor != isa.MinorFVV && minor != isa.MinorFVF || r.Match&0x7f != 0x57 {
		return true
	}
	switch d.sew {
	case 0:
		return !strings.Contains(r.Name, "cvt")
	case 1:
		return strings.HasPrefix(r.Name, "vfwcvt.f.x") || strings.HasPrefix(r.Name, "vfncvt.x") || strings.HasPrefix(r.Name, "vfncvt.rtz")
	}
	return true
}

// vecRows are the instructions that a random program may have.
func vecRows() []isa.Row {
	var rows []isa.Row
	for _, r := range isa.Table() {
		if r.Ext == "V" && !strings.HasPrefix(r.Name, "vset") && strings.Contains(r.Name, *vectorName) {
			rows = append(rows, r)
		}
	}
	return rows
}

// program returns a random program of n steps. A shorter one of the same seed is
// its beginning.
func (d *vecDice) program(n int) []byte {
	data := make([]byte, vecLength)
	for i := vecPool - vecData; i < len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], d.vectorWord())
	}
	edge := make([]byte, vecEnd-vecEdge)
	for i := range edge {
		edge[i] = byte(d.Uint32())
	}
	d.indexes(data[vecIndex-vecData:])
	// The handler: a2 is the context, with the pc at 176, or 160 in RV32.
	context := map[int]int32{32: 160, 64: 176}[d.xlen]
	d.emit(d.load(5, 12, context), encU(wLui, 6, vecLog), encI(wLw, 7, 6, 0), encR(wAdd, 28, 6, 7),
		encS(wSw, 28, 5, 8), encI(wAddi, 7, 7, 4), encS(wSw, 6, 7, 0),
		encI(wAddi, 5, 5, 4), d.store(12, 5, context), wJalr|1<<15)
	start := uint64(4 * len(d.code))
	binary.LittleEndian.PutUint32(data[vecDump-vecData:], vecText) // struct sigaction
	binary.LittleEndian.PutUint32(data[vecDump-vecData+d.xlen/8:], 0x40000004)
	for _, signal := range []int32{4, 11} {
		d.emit(encI(wAddi, 10, 0, signal))
		d.li(11, vecDump)
		d.emit(encI(wAddi, 12, 0, 0), encI(wAddi, 13, 0, 8), encI(wAddi, 17, 0, 134), wCall)
	}
	d.aim()
	d.emit(encU(wLui, 5, vecPool))
	for i := range uint32(32) {
		d.emit(encI(wFld, i, 5, int32(8*i)))
	}
	for i := range uint32(4) {
		d.emit(encI(wAddi, 5, 5, 128), 0xe2800007|5<<15|8*i<<7)
	}
	for i, r := range vecScalars[1:] {
		d.emit(d.load(r, 5, int32(8*i)))
	}
	d.emit(0x7057 | 10<<7) // vsetvli a0,zero,e8,m1
	for range n {
		d.step()
	}
	d.li(5, vecDump)
	for i, csr := range []uint32{3, 8, 9, 0xa, 0xf, 0xc20, 0xc21, 0xc22} {
		d.emit(wCsrrs|6<<7|csr<<20, d.store(5, 6, int32(1024+8*i)))
	}
	for i := range uint32(32) {
		if i != 2 {
			d.emit(d.store(5, i, int32(512+8*i)))
		}
		d.emit(encS(wFsd, 5, i, int32(768+8*i)))
	}
	for i := range uint32(4) {
		d.emit(wCsrrwi|8<<20, 0xe2800027|5<<15|8*i<<7, encI(wAddi, 5, 5, 128))
	}
	for _, p := range []struct{ at, n uint32 }{{vecData, vecLength}, {vecEdge, vecEnd - vecEdge}} {
		d.emit(encI(wAddi, 10, 0, 1))
		d.li(11, p.at)
		d.li(12, p.n)
		d.emit(encI(wAddi, 17, 0, 64), wCall)
	}
	d.emit(encI(wAddi, 10, 0, 0), encI(wAddi, 17, 0, 93), wCall)
	var text []byte
	for _, w := range d.code {
		text = binary.LittleEndian.AppendUint32(text, w)
	}
	return pagedImage(d.xlen, vecText+start, part{vecText, 5, text}, part{vecData, 6, data}, part{vecEdge, 6, edge})
}

// pagedImage is writeImage with parts that qemu can map: each begins at a page of
// the file.
func pagedImage(xlen int, entry uint64, parts ...part) []byte {
	const page = 4096
	le := binary.LittleEndian
	b := append([]byte{0x7f, 'E', 'L', 'F', byte(xlen / 32), 1, 1}, make([]byte, 9)...)
	word := func(list ...uint64) {
		for _, v := range list {
			if b = le.AppendUint32(b, uint32(v)); xlen == 64 {
				b = le.AppendUint32(b, uint32(v>>32))
			}
		}
	}
	header, ph := uint64(64), uint16(56)
	if xlen == 32 {
		header, ph = 52, 32
	}
	b = le.AppendUint32(b, 2|243<<16)
	b = le.AppendUint32(b, 1)
	word(entry, header, 0)
	b = le.AppendUint32(b, 5)
	for _, v := range []uint16{uint16(header), ph, uint16(len(parts)), 0, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	off := uint64(page)
	for _, p := range parts {
		n := uint64(len(p.bytes))
		b = le.AppendUint32(b, 1)
		if xlen == 64 {
			b = le.AppendUint32(b, p.flags)
		}
		word(off, p.addr, p.addr, n, n)
		if xlen == 32 {
			b = le.AppendUint32(b, p.flags)
		}
		word(page)
		off += (n + page - 1) &^ (page - 1)
	}
	for _, p := range parts {
		b = append(b, make([]byte, -len(b)&(page-1))...)
		b = append(b, p.bytes...)
	}
	return b
}

// vectorWord returns eight bytes of elements that are likely to meet an edge, as
// elements of one width or another.
func (d *vecDice) vectorWord() uint64 {
	v := d.interesting()
	switch d.IntN(4) {
	case 0:
		return v&0xffffffff | d.interesting()<<32
	case 1:
		edges := []uint64{0, 1, 0x7f, 0x80, 0xff, 0x55}
		for range 8 {
			v = v<<8 | edges[d.IntN(len(edges))]
		}
	case 2:
		edges := []uint64{0, 1, 0x7fff, 0x8000, 0xffff, 0x1234}
		for range 4 {
			v = v<<16 | edges[d.IntN(len(edges))]
		}
	}
	return v
}

// indexes fills in tables of offsets: a kilobyte for each width of them.
func (d *vecDice) indexes(b []byte) {
	for i := range 0x400 {
		b[i] = byte(d.Uint32())
	}
	for i := range 0x400 / 2 {
		binary.LittleEndian.PutUint16(b[0x400+2*i:], uint16(d.IntN(2048)))
	}
	for i := range 0x400 / 4 {
		binary.LittleEndian.PutUint32(b[0x800+4*i:], uint32(d.IntN(2048)))
	}
	for i := range 0x400 / 8 {
		v := int64(d.IntN(4096) - 2048)
		switch d.IntN(20) {
		case 0:
			v = 0x800 - vecMiddle // the guard
		case 1:
			v = vecText - vecMiddle // not writable
		}
		binary.LittleEndian.PutUint64(b[0xc00+8*i:], uint64(v))
	}
}
