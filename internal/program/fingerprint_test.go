package program

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFingerprint: whatever a program is made from changes it, and nothing else.
func TestFingerprint(t *testing.T) {
	dir := project(t, map[string]string{
		"a/x.cpp": "#include \"y.h\"\n#include <api.h>\n#  include \"sub/z.h\"\n", "a/y.h": "#include \"x.cpp\"\n", "a/sub/z.h": "#include \"w.h\"\n", "a/sub/w.h": "1\n",
		"a/other.h": "2\n", "rust/Cargo.toml": "[package]\n", "rust/src/main.rs": "fn main() {}\n", "p.elf": "abc",
	})
	at := func(name string) string {
		t.Helper()
		f, err := Fingerprint(filepath.Join(dir, name))
		if err != nil || len(f) != 16 {
			t.Fatalf("%s: %q, %v", name, f, err)
		}
		return f
	}
	if got := at("p.elf"); got != "ba7816bf8f01cfea" {
		t.Errorf("a file: %s", got)
	}
	for _, tt := range []struct {
		program, file string
		changes       bool
	}{
		{"a/x.cpp", "a/x.cpp", true}, {"a/x.cpp", "a/y.h", true}, {"a/x.cpp", "a/sub/w.h", true}, {"a/x.cpp", "a/other.h", false},
		{"rust", "rust/src/main.rs", true}, {"rust", "rust/src/more.rs", true}, {"rust", "rust/target/x", false},
	} {
		before := at(tt.program)
		write(t, filepath.Join(dir, tt.file), "// changed\n#include \"y.h\"\n#include \"sub/z.h\"\n#include \"w.h\"\n"+tt.file)
		if changed := at(tt.program) != before; changed != tt.changes {
			t.Errorf("%s after %s: changed %v", tt.program, tt.file, changed)
		}
	}
	if _, err := Fingerprint(filepath.Join(dir, "absent.c")); !os.IsNotExist(err) {
		t.Errorf("absent: %v", err)
	}
}
