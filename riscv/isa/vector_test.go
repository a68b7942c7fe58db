package isa

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const vectorGolden = "testdata/gnuv.txt"

// TestVectorLikeBinutils compares the disassembly of vector instructions with
// what GNU objdump wrote, as TestLikeBinutils does for the others.
func TestVectorLikeBinutils(t *testing.T) {
	if *update {
		writeVectorGolden(t)
	}
	f, err := os.Open(vectorGolden)
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
			t.Fatalf("%s:%d: %v", vectorGolden, n+1, err)
		}
		for _, xlen := range []int{32, 64} {
			if got := DisasmFor(xlen, w, 4*n); got != want {
				t.Errorf("RV%d %s: %q, binutils %q", xlen, hex, got, want)
			}
		}
		names[table[Decode(w).Row].Name] = true
	}
	for _, r := range table {
		if r.Ext == "V" && !names[r.Name] {
			t.Errorf("%s is not in the golden file", r.Name)
		}
	}
}

func writeVectorGolden(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var words []uint32
	var asm strings.Builder
	for _, row := range table {
		if row.Ext != "V" {
			continue
		}
		for n := 0; n < 4; {
			w := row.Match | r.Uint32()&^row.Mask
			if Decode(w).Op == OpIllegal || table[Decode(w).Row].Name != row.Name {
				continue
			}
			n++
			words = append(words, w)
			fmt.Fprintf(&asm, ".insn %#x\n", w)
		}
	}
	source, object := filepath.Join(t.TempDir(), "words.s"), filepath.Join(t.TempDir(), "words.o")
	if err := os.WriteFile(source, []byte(asm.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	binutils(t, "as", "-march=rv64gcv", "-o", object, source)
	out := binutils(t, "objdump", "-d", "-M", "no-aliases", object)
	line := regexp.MustCompile(`(?m)^\s*[0-9a-f]+:\s+[0-9a-f]+\s+(.*)$`)
	var b strings.Builder
	for i, m := range line.FindAllStringSubmatch(string(out), -1) {
		fmt.Fprintf(&b, "%08x\t%s\n", words[i], strings.TrimSpace(m[1]))
	}
	if err := os.WriteFile(vectorGolden, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestReservedVectorWords has encodings that no instruction has.
func TestReservedVectorWords(t *testing.T) {
	for _, c := range []struct {
		word uint32
		why  string
	}{
		{0x42208057, "vadc with the mask bit set"},
		{0x5e208057 | 1<<20, "vmv.v.v with a second source"},
		{0x9e203057 | 2<<15, "vmv3r.v"},
		{0x10007007 | 1<<25, "load with the bit mew"},
		{0x02e07007, "unit stride of an unknown kind"},
		{0x4a00a057 | 1<<15, "extension of an unknown width"},
		{0x64002057, "masked vmand.mm"},
		{0x00007057 | 1<<31 | 1<<26, "vsetvl with more bits"},
	} {
		if in := Decode(c.word); in.Op != OpIllegal {
			t.Errorf("%s, %#08x: decoded as %s", c.why, c.word, table[in.Row].Name)
		}
	}
}

func TestVectorOpsAreNamed(t *testing.T) {
	seen := make(map[Op]bool)
	for _, r := range table {
		seen[r.Op] = true
		if (r.Ext == "V") != r.Op.IsVector() {
			t.Errorf("%s: operation %d, extension %s", r.Name, r.Op, r.Ext)
		}
	}
	for op := OpVector; int(op-OpVector) < VectorOps; op++ {
		if !seen[op] {
			t.Errorf("operation %d has no row", op)
		}
	}
	if OpVector < OpCount+64 {
		t.Errorf("vector operations begin at %d, too near to the others' end at %d", OpVector, OpCount)
	}
}

func TestVectorRegistersByName(t *testing.T) {
	for n, want := range map[uint32]string{
		0x008: "vstart", 0x009: "vxsat", 0x00a: "vxrm", 0x00f: "vcsr", 0xc20: "vl", 0xc21: "vtype", 0xc22: "vlenb",
	} {
		if got := Disasm(0x2573|n<<20, 0); got != "csrrs\ta0,"+want+",zero" {
			t.Errorf("CSR %#x: %q, want %s", n, got, want)
		}
	}
}
