package riscv

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"

	"fishplate/riscv/isa"
)

// The address space of a scenario. It is small so that all of it can be compared
// and so that its edges are met often.
const (
	spaceSize  = 0x40000
	textBase   = 0x10000
	constBase  = 0x20000 // read-only: addresses worth visiting, then jump tables
	constSize  = 2 * 4096
	tablesAt   = 1024
	dataBase   = 0x30000
	dataLength = 4 * 4096
	dataMiddle = dataBase + 2*4096
	linksTop   = 0x3a000 // return addresses are saved below; the pages come into being by that
	stackMid   = 0x3b000 // where sp points
)

// Registers that a scenario keeps for itself; random instructions do not write
// them.
const (
	regRA    = 1
	regSP    = 2
	regLink2 = 5  // the alternate link register
	regData  = 8  // points to dataMiddle
	regLinks = 22 // the stack of return addresses
	regDepth = 23 // counts down in recursion
)

// counters are the registers that loops count with: by depth in the main part,
// then by function.
var counters = [...]uint32{9, 18, 19, 20, 21}

// scenario is a generated program and all that decides its run.
type scenario struct {
	seed  uint64
	xlen  int
	text  []byte
	marks []int  // where each generated instruction begins
	entry uint64 // offset in the text
	end   uint64 // address of the last ebreak
	x, f  [32]uint64
	fcsr  uint32
	ro    []byte
	data  []byte
	spare int // pages that may come into being beside the loaded ones
}

// gen makes scenarios from the opcode table.
type gen struct {
	*rand.Rand
	xlen   int
	strict bool // only what qemu-user and the engines define alike
	calm   bool // hardly anything that generated code leaves for; see newScenario
	single bool // which precision a calm program computes in
	rows   []int
	s      *scenario
	locked uint32   // registers that random instructions must not write
	few    []uint32 // registers that most instructions use; none for all
	tables int      // used bytes of the table area
	funcs  [3]label
	rec    label
}

// label is a place in the text, and who refers to it until it is known.
type label struct{ refs []reference }

type reference struct {
	kind refKind
	at   int // offset of the instruction, or of the table's entry
	base int // offset that an I-type immediate is relative to
}

type refKind uint8

const (
	refBranch refKind = iota
	refJump
	refThinBranch
	refThinJump
	refImmediate
	refTable
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// newScenario makes the program of a seed with about n instructions in its main
// part. Every other one is calm: its operands are what compilers and numbers
// usually give, nothing traps, and its loops go round often, so that generated
// code has long stretches to itself. The others have something odd everywhere.
func newScenario(seed uint64, xlen, n int, strict bool) *scenario {
	g := &gen{Rand: newRand(seed), xlen: xlen, strict: strict, s: &scenario{seed: seed, xlen: xlen}}
	g.calm, g.single = g.IntN(2) == 0, g.IntN(2) == 0
	g.state()
	g.locked = 1<<regSP | 1<<regData | 1<<regLinks | 1<<regDepth
	for _, c := range counters {
		g.locked |= 1 << c
	}
	g.chooseRows()
	g.tables = tablesAt
	g.block(0, n)
	g.s.end = textBase + uint64(len(g.s.text))
	g.emit(wEbreak)
	for i := range g.funcs {
		g.function(i)
	}
	g.recursion()
	return g.s
}

// weights says how often rows of an extension are chosen, relative to each other.
var weights = map[string]int{"I": 4, "C": 5, "M": 3, "A": 1, "F": 2, "D": 2, "Zba": 2, "Zbb": 2, "Zbs": 2}

// moods are extensions that a program may be full of.
var moods = [][]string{nil, nil, {"F"}, {"D"}, {"F", "D"}, {"Zba", "Zbb", "Zbs", "M"}, {"A", "C"}, {"Zicond", "Zfa", "Zbc"}}

// chooseRows lists the rows of the table that random instructions come from, and
// the registers that they use, so that programs differ in what they are full of.
func (g *gen) chooseRows() {
	mood := moods[g.IntN(len(moods))]
	for i, r := range isa.Table() {
		switch {
		case !rowFits(r, g.xlen) || r.Ext[0] == 'V' || leaves(r) || r.Format == isa.FmtCsr || r.Format == isa.FmtCsrI || jumps(r.Op):
			continue
		case g.strict && !qemuKnows(r):
			continue
		case g.calm && (r.Ext == "D" && g.single || r.Ext == "F" && !g.single || r.Ext == "C" && g.single && floats(r.Format)):
			continue
		}
		n := max(1, weights[r.Ext])
		if slices.Contains(mood, r.Ext) {
			n *= 8
		}
		for range n {
			g.rows = append(g.rows, i)
		}
	}
	if g.IntN(2) == 0 {
		for range 3 + g.IntN(6) {
			g.few = append(g.few, g.free())
		}
		if g.IntN(2) == 0 {
			g.few = append(g.few, 0)
		}
	}
}

// narrow has a wide instruction use the few registers that a program prefers,
// wherever the row leaves a field open.
func (g *gen) narrow(r isa.Row, w uint32) uint32 {
	if len(g.few) == 0 || g.IntN(8) == 0 {
		return w
	}
	fields := []int{7, 15, 20, 27}
	switch r.Format {
	case isa.FmtR4:
	case isa.FmtR, isa.FmtFRm, isa.FmtFR, isa.FmtFCmp:
		fields = fields[:3]
	case isa.FmtStore, isa.FmtFStore:
		fields = fields[2:3]
	default:
		fields = fields[:2] // what follows is an immediate, or nothing
	}
	for _, at := range fields {
		if r.Mask>>at&31 == 0 {
			w = w&^(31<<at) | g.few[g.IntN(len(g.few))]<<at
		}
	}
	return w
}

// leaves says whether a row gives control to the embedder.
func leaves(r isa.Row) bool {
	switch r.Op {
	case isa.OpEcall, isa.OpEbreak, isa.OpWfi, isa.OpStop, isa.OpCustom:
		return true
	}
	return r.Ext == "Host"
}

func jumps(op isa.Op) bool { return op >= isa.OpJal && op <= isa.OpBgeu }

// qemuKnows leaves out what qemu 7.2 lacks or does wrong: it counts the trailing
// zeroes of a word beyond 32 bits.
func qemuKnows(r isa.Row) bool {
	switch r.Ext {
	case "Zicond", "Zfa", "V":
		return false
	}
	return r.Op != isa.OpCtzw && r.Op != isa.OpFenceI
}

// state fills registers and memory with values that are likely to meet an edge.
func (g *gen) state() {
	s := g.s
	for i := 1; i < 32; i++ {
		s.x[i] = g.word(g.interesting())
	}
	for i := range s.f {
		s.f[i] = g.number()
	}
	s.x[regSP], s.x[regData], s.x[regLinks], s.x[regDepth] = stackMid, dataMiddle, linksTop, 1
	for _, c := range counters {
		s.x[c] = 1
	}
	s.fcsr = uint32(g.IntN(32))
	if g.IntN(4) == 0 && !g.calm {
		s.fcsr |= uint32(g.IntN(5)) << 5
	}
	s.data = make([]byte, dataLength)
	for i := 0; i < len(s.data); i += 8 {
		binary.LittleEndian.PutUint64(s.data[i:], g.number())
		if g.calm && g.single {
			binary.LittleEndian.PutUint32(s.data[i+4:], uint32(g.number()))
		}
	}
	s.ro = make([]byte, constSize)
	for i := 0; i < tablesAt; i += g.xlen / 8 {
		g.putWord(s.ro[i:], g.address())
	}
	s.spare = spaceSize / 4096
	if !g.strict && !g.calm && g.IntN(8) == 0 {
		s.spare = g.IntN(5)
	}
}

// word is v as a register of the machine holds it.
func (g *gen) word(v uint64) uint64 {
	if g.xlen == 32 {
		return uint64(int64(int32(v)))
	}
	return v
}

func (g *gen) putWord(b []byte, v uint64) {
	if g.xlen == 32 {
		binary.LittleEndian.PutUint32(b, uint32(v))
		return
	}
	binary.LittleEndian.PutUint64(b, v)
}

// interesting returns a value that is likely to meet an edge.
func (g *gen) interesting() uint64 {
	const boxed = 0xffffffff << 32
	f32 := []uint32{0, 1, 1 << 31, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffc00001, 0x00800000, 0x007fffff, 0x7f7fffff, 0x3f800000,
		0x4f000000, 0xcf000000, 0x5f800000, 0x5f000000, 0xdf000000, 0x4f7fffff, 0x3f000000, 0xbf7fffff, 0x40200000}
	switch g.IntN(12) {
	case 0:
		return uint64(int64(g.IntN(64) - 32))
	case 1:
		return 1 << g.IntN(64)
	case 2:
		return 1<<g.IntN(64) - 1
	case 3, 4:
		return boxed | uint64(f32[g.IntN(len(f32))])
	case 5:
		return boxed | uint64(math.Float32bits(float32(g.NormFloat64()*100)))
	case 6:
		return math.Float64bits(g.NormFloat64() * 1e3)
	case 7:
		f64 := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64,
			0x1p-1022, 0x1p63, -0x1p63, 0x1p64, 0x1p31, -0x1p31 - 1, 0x1p32, 0.5, 1.5, 2.5, -0.75, 0x1p-149, 0x1p-127, 0x1p128, 0x1.fffffefp127}
		return math.Float64bits(f64[g.IntN(len(f64))])
	case 8:
		return 0x7ff0000000000001 | uint64(g.IntN(2))<<63 // a signalling NaN
	case 9:
		return boxed | uint64(g.Uint32())
	case 10:
		return uint64(g.Uint32())<<32 | uint64(f32[g.IntN(len(f32))]) // not boxed
	}
	return g.Uint64()
}

// number returns what is in a floating-point register: of calm programs mostly an
// ordinary number of their precision.
func (g *gen) number() uint64 {
	const boxed = 0xffffffff << 32
	if !g.calm || g.IntN(12) == 0 {
		return g.interesting()
	}
	v := g.NormFloat64() * math.Ldexp(1, g.IntN(20)-10)
	if g.IntN(4) == 0 {
		v = float64(g.IntN(9) - 4)
	}
	if g.single {
		return boxed | uint64(math.Float32bits(float32(v)))
	}
	return math.Float64bits(v)
}

// address returns one that is worth a visit: at the edges of pages, of the guard
// and of the space, in code and constants, where nothing was touched, far away.
func (g *gen) address() uint64 {
	near := uint64(int64(g.IntN(33) - 16))
	if g.calm {
		return dataBase + 64 + uint64(g.IntN(dataLength-128))
	}
	switch g.IntN(12) {
	case 0:
		return g.word(near) // null, and just below the top of all addresses
	case 1:
		return 4096 + near
	case 2:
		return g.word(spaceSize + near)
	case 3:
		return textBase + uint64(g.IntN(512))
	case 4:
		return constBase + constSize + near
	case 5:
		return constBase + uint64(g.IntN(constSize))
	case 6:
		return g.word(1<<31 + near)
	case 7:
		if g.xlen == 64 {
			return 1<<(32+g.IntN(32)) + near
		}
		return 1<<31 | uint64(g.IntN(64))
	case 8:
		return uint64(g.IntN(spaceSize/4096))<<12 + near&^7
	case 9:
		return uint64(g.IntN(spaceSize/4096))<<12 + near
	}
	return dataBase + uint64(g.IntN(4))<<12 + near
}
