package symbols

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// build compiles the sample for registers of xlen bits and returns the file.
func build(t testing.TB, xlen int, flags ...string) []byte {
	t.Helper()
	const tool, pkg = "riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"
	path, err := exec.LookPath(tool)
	if err != nil {
		if testing.Short() {
			t.Skipf("%s is missing: install the package %s", tool, pkg)
		}
		t.Fatalf("%s is missing: install the package %s, or run with -short", tool, pkg)
	}
	out := filepath.Join(t.TempDir(), "sample")
	args := []string{"-march=rv64gc", "-mabi=lp64d"}
	if xlen == 32 {
		args = []string{"-march=rv32imafdc_zicsr", "-mabi=ilp32d"}
	}
	args = append(args, "-static", "-nostdlib", "-ffreestanding", "-Wl,-e,outer", "-o", out, "testdata/sample.c")
	if msg, err := exec.Command(path, append(args, flags...)...).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, msg)
	}
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestRead(t *testing.T) {
	for _, xlen := range []int{64, 32} {
		l, err := Read(build(t, xlen, "-g", "-O1"))
		if err != nil {
			t.Fatal(err)
		}
		var outer symbol
		for _, s := range l.symbols {
			if s.name == "outer" {
				outer = s
			}
		}
		seen := map[string]bool{}
		for pc := outer.low; pc < outer.high; pc += 2 {
			list := l.At(pc)
			if entry, ok := l.Function(pc); !ok || entry != outer.low || len(list) == 0 || list[len(list)-1].Func != "outer" {
				t.Fatalf("RV%d, %#x: %+v, entry %#x", xlen, pc, list, entry)
			}
			for _, at := range list {
				seen[at.Func] = true
			}
		}
		if !seen["inner"] || !seen["outer"] || len(seen) != 2 {
			t.Errorf("RV%d: saw %v", xlen, seen)
		}
		// At its beginning nothing is saved; after the first stores ra is below
		// the CFA.
		begin, covered, ok := l.Rules(outer.low)
		if !covered || !ok || begin.CFARegister != 2 || begin.CFAOffset != 0 || begin.Registers[1].Kind != Same {
			t.Errorf("RV%d, at the beginning: %+v, %v, %v", xlen, begin, covered, ok)
		}
		inside, _, ok := l.Rules(outer.low + 8)
		if !ok || inside.CFAOffset <= 0 || inside.Registers[1] != (Rule{Offset, -int64(xlen / 8)}) {
			t.Errorf("RV%d, inside: %+v, %v", xlen, inside, ok)
		}
		if _, covered, _ := l.Rules(16); covered {
			t.Error("there are rules for what is no code")
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, flags := range [][]string{{"-g", "-O1"}, {"-gdwarf-4", "-O0", "-fno-asynchronous-unwind-tables"}, {"-g", "-gz", "-O2"}} {
		for _, xlen := range []int{64, 32} {
			f.Add(build(f, xlen, flags...))
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		l, err := Read(file)
		if err != nil {
			return
		}
		for pc := uint64(0x10000); pc < 0x10400; pc += 2 {
			l.At(pc)
			l.Function(pc)
			l.Rules(pc)
		}
		for _, s := range l.symbols {
			l.At(s.low)
		}
	})
}

// FuzzFrames reads and executes unwind tables by themselves, which a mutated
// file seldom reaches.
func FuzzFrames(f *testing.F) {
	file := build(f, 64, "-O1", "-fasynchronous-unwind-tables")
	lines, err := Read(file)
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range lines.frames {
		f.Add(r.cie.initial, r.program)
	}
	f.Add([]byte{cfaDef, 2, 0}, []byte{cfaRemember, cfaDefOffset, 32, 0x81, 1, cfaRestoreState, cfaDefExpression, 2, 0x92, 0})
	f.Add(file[:64], file)
	const pc = 0x10100
	f.Fuzz(func(t *testing.T, initial, body []byte) {
		r := fde{pc, pc + 64, &cie{codeAlign: 1, dataAlign: -8, returns: 1, pointers: 0x1b, initial: initial}, body}
		for at := r.low; at < r.high; at += 2 {
			r.rulesAt(at, 8)
		}
		for _, eh := range []bool{true, false} {
			p := frameParser{word: 8, eh: eh, cies: map[int]*cie{}, cursor: cursor{b: body, addr: 0x10000}}
			for _, r := range p.parse() {
				r.rulesAt(r.low+4, 8)
			}
		}
	})
}
