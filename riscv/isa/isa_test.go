package isa

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "make testdata/gnu.txt anew with binutils for RISC-V")

// TestLikeBinutils compares the disassembly with what GNU objdump wrote. A line
// of a golden file is "hex, tab, text"; line i is at address 4i.
func TestLikeBinutils(t *testing.T) {
	for xlen, golden := range map[int]string{64: "testdata/gnu.txt", 32: "testdata/gnu32.txt"} {
		if *update {
			writeGolden(t, xlen, golden)
		}
		likeBinutils(t, xlen, golden)
	}
}

func decodeFor(xlen int) func(uint32) Inst {
	if xlen == 32 {
		return Decode32
	}
	return Decode
}

// unknown says whether binutils 2.40 does not know a row, or it is of the other
// width.
func unknown(r Row, xlen int) bool {
	return r.Ext == "Host" || r.Ext == "Zicond" || r.Ext == "Zfa" || r.Ext == "V" || r.XLEN != 0 && int(r.XLEN) != xlen
}

func likeBinutils(t *testing.T, xlen int, golden string) {
	f, err := os.Open(golden)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names := make(map[string]bool)
	n := uint64(0)
	for s := bufio.NewScanner(f); s.Scan(); n++ {
		hex, want, _ := strings.Cut(s.Text(), "\t")
		var w uint32
		if _, err := fmt.Sscanf(hex, "%x", &w); err != nil {
			t.Fatalf("%s:%d: %v", golden, n+1, err)
		}
		if got := DisasmFor(xlen, w, 4*n); got != want {
			t.Errorf("RV%d %s at %#x: %q, binutils %q", xlen, hex, 4*n, got, want)
		}
		names[table[decodeFor(xlen)(w).Row].Name] = true
	}
	for _, r := range table {
		if !unknown(r, xlen) && r.Name != "c.nop" && !names[r.Name] {
			t.Errorf("%s is not in %s", r.Name, golden)
		}
	}
}

// writeGolden asks binutils for the text of some words of every row.
func writeGolden(t *testing.T, xlen int, golden string) {
	r := rand.New(rand.NewPCG(7, 7))
	var words []uint32
	var asm strings.Builder
	for _, row := range table {
		if unknown(row, xlen) {
			continue
		}
		for tries, n := 0, 0; n < 5 && tries < 100; tries++ {
			w := row.Match | r.Uint32()&^row.Mask
			if row.Match&3 != 3 {
				w &= 0xffff
			}
			switch row.Op {
			case OpFence:
				w &= 0x0ff0707f
			case OpFenceI:
				w = row.Match
			case OpCsrrw, OpCsrrs, OpCsrrc, OpCsrrwi, OpCsrrsi, OpCsrrci:
				w = w&0xfffff | (1+r.Uint32N(3))<<20
			}
			in := decodeFor(xlen)(w)
			if in.Op == OpIllegal || table[in.Row].Name != row.Name || oddity(in, row) {
				continue
			}
			n++
			words = append(words, w)
			fmt.Fprintf(&asm, ".insn %#x\n", w)
			if in.Len == 2 {
				asm.WriteString(".insn 0x1\n") // a c.nop fills the place
			}
		}
	}
	source, object := filepath.Join(t.TempDir(), "words.s"), filepath.Join(t.TempDir(), "words.o")
	if err := os.WriteFile(source, []byte(asm.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	binutils(t, "as", fmt.Sprintf("-march=rv%dgc_zba_zbb_zbc_zbs", xlen), "-o", object, source)
	out := binutils(t, "objdump", "-d", "-M", "no-aliases", object)
	line := regexp.MustCompile(`(?m)^\s*([0-9a-f]+):\s+([0-9a-f]+)\s+(.*)$`)
	target := regexp.MustCompile(`([0-9a-f]+) <.*>`)
	text := make(map[uint64]string)
	for _, m := range line.FindAllStringSubmatch(string(out), -1) {
		var at uint64
		fmt.Sscanf(m[1], "%x", &at)
		body, _, _ := strings.Cut(m[3], " #")
		text[at] = target.ReplaceAllString(strings.TrimSpace(body), "0x$1")
	}
	var b strings.Builder
	for i, w := range words {
		fmt.Fprintf(&b, "%0*x\t%s\n", 2*Size(uint16(w)), w, text[uint64(4*i)])
	}
	if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// binutils runs one of the RISC-V binutils and returns its output.
func binutils(t *testing.T, name string, args ...string) []byte {
	path, err := exec.LookPath("riscv64-linux-gnu-" + name)
	if err != nil {
		t.Fatalf("riscv64-linux-gnu-%s is missing: install the package binutils-riscv64-linux-gnu", name)
	}
	out, err := exec.Command(path, args...).Output()
	if err != nil {
		t.Fatalf("run %s: %v", name, err)
	}
	return out
}

// oddity leaves out words for which binutils has names beyond the user level or
// does not say all: fences of unusual kinds, and hints.
func oddity(in Inst, r Row) bool {
	switch r.Format {
	case FmtFence:
		return in.Imm&15 == 0 || in.Imm>>4 == 0 // and the reserved fields are cleared
	case FmtFRm1, FmtXToF:
		return in.RM != 0 && (in.Op == OpFcvtDS || in.Op == OpFcvtDW || in.Op == OpFcvtDWu)
	}
	switch r.Format {
	case FmtCNop, FmtCShift, FmtCSlli:
		return in.Rd == 0 || in.Imm == 0
	case FmtCi, FmtCLi, FmtCLui, FmtCMv, FmtCAdd:
		return in.Rd == 0
	}
	return false
}

func TestRowsAreConsistent(t *testing.T) {
	names := make(map[string]uint8)
	for i, r := range table {
		if r.Match&^r.Mask != 0 {
			t.Errorf("%s: match %#x has bits outside mask %#x", r.Name, r.Match, r.Mask)
		}
		if other, dup := names[r.Name]; dup && other+r.XLEN != 96 || r.Name == "" || r.Doc == "" || r.Ext == "" {
			t.Errorf("row %d %q: repeated or incomplete", i, r.Name)
		}
		names[r.Name] = r.XLEN
		if r.Match&3 == 3 != (r.Ext != "C") {
			t.Errorf("%s: extension %s does not fit its length", r.Name, r.Ext)
		}
		for _, s := range table[:i] {
			if r.XLEN+s.XLEN == 96 {
				continue // of different widths
			}
			common := r.Mask & s.Mask
			if r.Match&common == s.Match&common && s.Mask&r.Mask == r.Mask && s.Mask != r.Mask {
				continue // an earlier row is a special case of this one
			}
			if r.Match&common == s.Match&common && r.Ext != "C" {
				t.Errorf("%s and %s overlap", s.Name, r.Name)
			}
		}
	}
}

func TestDecode(t *testing.T) {
	tests := []struct {
		word uint32
		want string
	}{
		{0x00000013, "addi\tzero,zero,0"},
		{0xfff50513, "addi\ta0,a0,-1"},
		{0x7ff00073, "stop"},
		{0x7ff50573, "stop"},
		{0x10500073, "wfi"},
		{0x0200005b, "custom\t32"},
		{0xfff0705b, "custom\t4095"},
		{0x020000db, ".4byte\t0x20000db"}, // custom with rd
		{0x0e5351b3, "czero.eqz\tgp,t1,t0"},
		{0x0e5371b3, "czero.nez\tgp,t1,t0"},
		{0x00000000, ".2byte\t0x0"},
		{0xffffffff, ".4byte\t0xffffffff"},
		{0x00008002, ".2byte\t0x8002"}, // c.jr zero is reserved
		{0x00002001, ".2byte\t0x2001"}, // c.addiw zero is reserved
		{0x00006101, ".2byte\t0x6101"}, // c.addi16sp 0 is reserved
		{0x00009002, "c.ebreak"},
		{0x02005053, ".4byte\t0x2005053"}, // rounding mode 5 is reserved
		{0xffdff06f, "jal\tzero,0xffc"},
	}
	for _, tt := range tests {
		if got := Disasm(tt.word, 0x1000); got != tt.want {
			t.Errorf("%#08x: %q, want %q", tt.word, got, tt.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range table {
		f.Add(r.Match)
	}
	f.Fuzz(func(t *testing.T, w uint32) {
		for _, xlen := range []int{64, 32} {
			in := decodeFor(xlen)(w)
			if int(in.Len) != Size(uint16(w)) {
				t.Errorf("RV%d %#x: length %d", xlen, w, in.Len)
			}
			if in.Rd > 31 || in.Rs1 > 31 || in.Rs2 > 31 || in.Rs3 > 31 || in.RM > 7 {
				t.Errorf("RV%d %#x: field out of range in %+v", xlen, w, in)
			}
			if text := DisasmFor(xlen, w, 0); (in.Op == OpIllegal) != strings.HasPrefix(text, ".") {
				t.Errorf("RV%d %#x: %q for %+v", xlen, w, text, in)
			}
		}
	})
}
