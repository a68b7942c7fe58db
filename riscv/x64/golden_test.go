package x64

import (
	"bytes"
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

// writeGoldens has objdump read all encodings, each followed by enough
// no-operations to resynchronise.
func writeGoldens(t *testing.T, list []encoding) {
	t.Helper()
	const slot = 32
	image := bytes.Repeat([]byte{0x90}, slot*len(list))
	for i, e := range list {
		copy(image[i*slot:], e.code)
	}
	file := filepath.Join(t.TempDir(), "code")
	if err := os.WriteFile(file, image, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("objdump", "-D", "-w", "-z", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", file).Output()
	if err != nil {
		t.Fatalf("run objdump of binutils: %v", err)
	}
	texts := make([]string, len(list))
	for _, line := range strings.Split(string(out), "\n") {
		f := strings.SplitN(line, "\t", 3)
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
		if len(f) == 3 {
			text = relative(strings.Join(strings.Fields(f[2]), " "), at-at%slot)
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
	for i, w := range words {
		var v int
		if _, err := fmt.Sscanf(w, "0x%x", &v); err == nil && (words[0][0] == 'j' || words[0] == "call" || i > 0 && words[i-1] == "#") {
			words[i] = fmt.Sprintf("%+d", v-start)
		}
	}
	return strings.Join(words, " ")
}
