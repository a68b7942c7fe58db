package a64

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/encodings.txt anew, with objdump")

const goldenFile = "testdata/encodings.txt"

// encoding is one call of the encoder: what was meant and what came out.
type encoding struct {
	meant string
	code  []byte
}

// TestEncodings compares every method, with a spread of operands, to what GNU
// objdump makes of the bytes: the golden file has hex, tab, text. The text must
// be what the call meant, and the bytes must not change unnoticed.
func TestEncodings(t *testing.T) {
	list := encodings()
	if *update {
		writeGoldens(t, list)
	}
	data, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if len(lines) != len(list) {
		t.Fatalf("%d goldens for %d calls; run with -update", len(lines), len(list))
	}
	for i, e := range list {
		code, text, _ := strings.Cut(lines[i], "\t")
		if got := hex.EncodeToString(e.code); got != code {
			t.Errorf("%s: wrote %s, golden %s", e.meant, got, code)
		}
		if text != e.meant {
			t.Errorf("%s: meant %q, objdump reads %q", code, e.meant, text)
		}
	}
}

// writeGoldens has objdump read all encodings, each at an address of its own
// from which the distances of jumps count.
func writeGoldens(t *testing.T, list []encoding) {
	t.Helper()
	const slot = 32
	image := make([]byte, slot*len(list))
	for i, e := range list {
		copy(image[i*slot:], e.code)
	}
	file := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("aarch64-linux-gnu-objdump", "-D", "-w", "-z", "-b", "binary", "-m", "aarch64", file).Output()
	if err != nil {
		t.Fatalf("run objdump of binutils-aarch64-linux-gnu: %v", err)
	}
	texts := make([]string, len(list))
	for _, line := range strings.Split(string(out), "\n") {
		f := strings.Split(line, "\t")
		var at int
		if len(f) < 2 {
			continue
		}
		if _, err := fmt.Sscanf(f[0], "%x:", &at); err != nil {
			continue
		}
		i := at / slot
		if at%slot >= len(list[i].code) {
			continue
		}
		text := "(nothing)"
		if len(f) > 2 {
			text, _, _ = strings.Cut(strings.Join(f[2:], " "), "//")
			text = relative(strings.TrimSpace(text), at-at%slot)
		}
		if texts[i] != "" {
			text = texts[i] + "; " + text
		}
		texts[i] = text
	}
	var b strings.Builder
	for i, e := range list {
		fmt.Fprintf(&b, "%x\t%s\n", e.code, texts[i])
	}
	if err := os.WriteFile(goldenFile, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// relative makes the addresses that objdump computes independent of where the
// instruction stood: they count from its slot.
func relative(text string, start int) string {
	words := strings.Split(text, " ")
	if words[0] == "adrp" {
		start &^= 1<<12 - 1
	}
	switch op := words[0]; {
	case op[0] == 'b' && len(op) < 3, strings.HasPrefix(op, "b."), strings.HasPrefix(op, "cb"), op == "adr", op == "adrp":
		last := &words[len(words)-1]
		var v uint64
		if _, err := fmt.Sscanf(*last, "0x%x", &v); err == nil {
			*last = fmt.Sprintf("%+d", int64(v)-int64(start))
		}
	}
	return strings.Join(words, " ")
}

// TestOperands checks what the encoder refuses, and that it offers all patterns.
func TestOperands(t *testing.T) {
	for _, v := range []uint64{0, ^uint64(0), 5, 0x1234, 0xffff0001} {
		if FitsLogic(true, v) {
			t.Errorf("%#x is no rotated run of ones", v)
		}
	}
	for _, v := range []uint64{1, 1 << 12, 0xfff000} {
		if !FitsAdd(v) || !FitsLogic(true, v) {
			t.Errorf("%#x is an immediate of both kinds", v)
		}
	}
	for name, f := range map[string]func(*Asm){
		"large addend":     func(a *Asm) { a.AluImm(ADD, true, 0, 0, 0x1001) },
		"stack pointer":    func(a *Asm) { a.AluImm(ADD, true, 0, ZR, 1) },
		"no pattern":       func(a *Asm) { a.LogicImm(AND, true, 0, 0, 5) },
		"far word":         func(a *Asm) { a.Access(LDRW, 0, 0, 258) },
		"odd pair":         func(a *Asm) { a.Pair(LDP, 0, 1, 2, 4) },
		"far branch":       func(a *Asm) { a.JccTo(EQ, 1<<20) },
		"far call":         func(a *Asm) { a.Patch(a.Call(), 1<<27) },
		"far address":      func(a *Asm) { a.Patch(a.Adr(0), 1<<20) },
		"long shift":       func(a *Asm) { a.ShiftImm(LSL, false, 0, 0, 32) },
		"long shifted":     func(a *Asm) { a.AluShift(ADD, false, 0, 0, 0, LSL, 32) },
		"wide insertion":   func(a *Asm) { a.Insert(false, true, 0, 0, 32, 33) },
		"extended by five": func(a *Asm) { a.AddLow(0, 0, 0, 5) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: encoded", name)
				}
			}()
			f(new(Asm))
		}()
	}
}
