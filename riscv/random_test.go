package riscv

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"fishplate/riscv/isa"
)

var (
	rounds    = flag.Int("random.programs", 40, "random programs to compare with qemu")
	roundSeed = flag.Uint64("random.seed", 1, "seed of the first random program")
)

// Layout of the data segment of a random program: s0 points to its middle, sp
// to two thirds, and the registers are loaded from, and saved to, regsAt.
const (
	dataSize = 3 * 4096
	s0At     = 4096
	spAt     = 8192
	regsAt   = spAt + 1024
	regsX    = 1024 // offsets from sp
	regsF    = regsX + 256
	regsFCSR = regsF + 256
)

// dice makes random programs from the opcode table.
type dice struct {
	*rand.Rand
	code []uint32
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// interesting returns a value that is likely to meet an edge.
func (d *dice) interesting() uint64 {
	const boxed = 0xffffffff << 32
	f32 := []uint32{0, 1, 1 << 31, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0x00800000, 0x007fffff, 0x7f7fffff, 0x3f800000, 0x4f000000, 0xcf000000, 0x5f800000}
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
		f64 := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, math.SmallestNonzeroFloat64, 0x1p-1022, 0x1p63, -0x1p63, 0x1p31, 0x1p32, 0.5, 1.5, 2.5, 0x1p-149, 0x1p-127, 0x1p128}
		return math.Float64bits(f64[d.IntN(len(f64))])
	case 7:
		return 0x7ff0000000000001
	case 8:
		return boxed | uint64(d.Uint32())
	}
	return d.Uint64()
}

func (d *dice) emit(w ...uint32) { d.code = append(d.code, w...) }

// instruction appends one random instruction that cannot leave the program or
// spoil s0 and sp.
func (d *dice) instruction() {
	table := isa.Table()
	for {
		r := table[d.IntN(len(table))]
		w := r.Match | d.Uint32()&^r.Mask
		in := isa.Decode(w)
		switch {
		case in.Op != r.Op || in.Rd == 2 || in.Rd == 8 && !writesFloat(r):
			continue
		case r.Ext == "Host" || r.Ext == "Zicsr" || r.Ext == "Zicond" || r.Ext == "Zfa" || r.Ext == "V" || r.Ext == "Zifencei" || in.Op == isa.OpEcall || in.Op == isa.OpEbreak || in.Op == isa.OpWfi || in.Op == isa.OpAuipc:
			continue
		case in.Op == isa.OpCtzw:
			continue // qemu 7.2 counts beyond 32 bits when the low half is 0
		case in.Op == isa.OpFence:
			d.emit(0x0ff0000f)
			return
		case jumps(in.Op):
			if in.Len == 4 && in.Op != isa.OpJalr {
				d.jump(in)
				return
			}
			continue
		case in.Op == isa.OpLrW || in.Op == isa.OpLrD || in.Op == isa.OpScW || in.Op == isa.OpScD:
			d.reserve(in)
			return
		case r.Format == isa.FmtAmo:
			w = w&^(31<<15) | 8<<15
		case r.Format == isa.FmtLoad || r.Format == isa.FmtFLoad || r.Format == isa.FmtStore || r.Format == isa.FmtFStore:
			w = w&^(31<<15) | 8<<15
		case in.Len == 2 && touchesMemory(in.Op) && in.Rs1 != 2:
			w = w &^ (7 << 7) // base s0
		}
		d.emit(w & (1<<(8*in.Len) - 1))
		return
	}
}

func writesFloat(r isa.Row) bool {
	switch r.Format {
	case isa.FmtFLoad, isa.FmtR4, isa.FmtFRm, isa.FmtFRm1, isa.FmtFR, isa.FmtXToF, isa.FmtXF, isa.FmtCFld, isa.FmtCFldsp:
		return true
	}
	return false
}

func touchesMemory(op isa.Op) bool {
	return op >= isa.OpLb && op <= isa.OpSd || op >= isa.OpFlw && op <= isa.OpFsd
}

func jumps(op isa.Op) bool { return op >= isa.OpJal && op <= isa.OpBgeu }

// jump appends a jump over one wide instruction, or into its second half when
// that is a harmless instruction by itself.
func (d *dice) jump(in isa.Inst) {
	w := isa.Table()[in.Row].Match | uint32(in.Rs1)<<15 | uint32(in.Rs2)<<20
	to := int32(8)
	skipped := encI(wAddi, 5, 6, 77)
	if d.IntN(2) == 0 {
		to, skipped = 6, 0x00010000|wLui|7<<7 // its upper half is a c.nop
	}
	if in.Op == isa.OpJal {
		w = wJal | 1<<7 | uint32(to)>>1<<21
	} else {
		w = encB(w, 0, 0, to)
	}
	d.emit(w, skipped)
}

// reserve appends an LR and an SC to the same place, sometimes a lone SC.
func (d *dice) reserve(in isa.Inst) {
	size := uint32(2)
	if in.Op == isa.OpLrD || in.Op == isa.OpScD {
		size = 3
	}
	if d.IntN(4) != 0 {
		d.emit(0x1000002f | size<<12 | 8<<15 | 9<<7)
	}
	d.emit(0x1800002f | size<<12 | 8<<15 | uint32(in.Rs2)<<20 | 10<<7)
}

// refresh appends what keeps values from wearing out: loads and CSR writes.
func (d *dice) refresh() {
	switch d.IntN(6) {
	case 0:
		d.emit(0x73 | 5<<12 | uint32(d.IntN(5))<<15 | 2<<20 | 11<<7) // csrrwi a1,frm,n
	case 1:
		d.emit(0x73 | 1<<12 | uint32(d.IntN(32))<<15 | 1<<20 | 12<<7) // csrrw a2,fflags,rs
	case 2:
		d.emit(0x73 | uint32(2+d.IntN(2))<<12 | 3<<20 | 13<<7) // csrrs/c a3,fcsr,zero
	case 3:
		d.emit(encI(wLd, uint32(9+d.IntN(23)), 8, int32(d.IntN(4088)-2048)))
	default:
		d.emit(encI(wFld, uint32(d.IntN(32)), 8, int32(d.IntN(511)-256)*8))
	}
}

// program returns a random executable of about n instructions that prints its
// data segment, with the final registers in it.
func (d *dice) program(n int) []byte {
	data := make([]byte, dataSize)
	for i := 0; i < len(data); i += 8 {
		binary.LittleEndian.PutUint64(data[i:], d.interesting())
	}
	d.code = nil
	d.emit(wLui|8<<7|(dataAt+s0At), wLui|2<<7|(dataAt+spAt))
	for i := uint32(1); i < 32; i++ {
		if i != 2 && i != 8 {
			d.emit(encI(wLd, i, 2, int32(regsX+8*i)))
		}
	}
	for i := range uint32(32) {
		d.emit(encI(wFld, i, 2, int32(regsF+8*i)))
	}
	for range n {
		if d.IntN(3) == 0 {
			d.refresh()
		}
		d.instruction()
	}
	for i := range uint32(32) {
		d.emit(encS(wSd, 2, i, int32(regsX+8*i)), encS(wFsd, 2, i, int32(regsF+8*i)))
	}
	d.emit(0x00302573, encS(wSd, 2, 10, regsFCSR)) // csrrs a0,fcsr,zero
	d.emit(encI(wAddi, 10, 0, 1), wLui|11<<7|dataAt, wLui|12<<7|dataSize, encI(wAddi, 17, 0, 64), wCall)
	d.emit(encI(wAddi, 10, 0, 0), encI(wAddi, 17, 0, 93), wCall)
	return writeELF(d.code, data)
}

// TestRandomLikeQemu compares the final registers and memory of random programs
// with those under qemu-user. Reproduce a failure with -random.seed.
func TestRandomLikeQemu(t *testing.T) {
	qemu := needTool(t, "qemu-riscv64", "qemu-user")
	for i := range uint64(*rounds) {
		seed := *roundSeed + i
		d := &dice{Rand: newRand(seed)}
		b := d.program(400)
		path := filepath.Join(t.TempDir(), "random")
		if err := os.WriteFile(path, b, 0o755); err != nil {
			t.Fatal(err)
		}
		want, err := exec.Command(qemu, "-cpu", "rv64,zba=true,zbb=true,zbc=true,zbs=true", path).Output()
		if err != nil {
			t.Fatalf("seed %d: run under qemu: %v", seed, err)
		}
		p, err := LoadProgram(b)
		if err != nil {
			t.Fatal(err)
		}
		var counts []uint64
		for _, slice := range []uint64{1 << 30, 7} {
			g := newGuest(t, p)
			got := []byte(g.run(t, slice))
			if diff := describe(got, want); diff != "" {
				t.Fatalf("seed %d, slices of %d: %s", seed, slice, diff)
			}
			counts = append(counts, g.Instret)
			g.Close()
		}
		if counts[0] != counts[1] {
			t.Fatalf("seed %d: %d instructions, in small slices %d", seed, counts[0], counts[1])
		}
	}
}

// describe names the registers and words in which two dumps differ.
func describe(got, want []byte) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d bytes of output, qemu %d", len(got), len(want))
	}
	text := ""
	for i := 0; i+8 <= len(got); i += 8 {
		g, w := binary.LittleEndian.Uint64(got[i:]), binary.LittleEndian.Uint64(want[i:])
		if g == w {
			continue
		}
		name := fmt.Sprintf("data+%#x", i)
		switch off := i - spAt; {
		case off >= regsX && off < regsF:
			name = isa.RegisterName(uint8((off - regsX) / 8))
		case off >= regsF && off < regsFCSR:
			name = isa.FloatName(uint8((off - regsF) / 8))
		case off == regsFCSR:
			name = "fcsr"
		}
		text += fmt.Sprintf("\n%s = %#x, qemu %#x", name, g, w)
	}
	return text
}
