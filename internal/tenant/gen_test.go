package tenant

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write generated files")

// TestGenerated keeps sdk/abi/abi.h and docs/reference/abi.md equal to the table.
func TestGenerated(t *testing.T) {
	for path, write := range map[string]func(*bytes.Buffer) error{
		"../../sdk/abi/abi.h":         func(b *bytes.Buffer) error { return Header(b) },
		"../../docs/reference/abi.md": func(b *bytes.Buffer) error { return Reference(b) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(have, b.Bytes()) {
			t.Errorf("%s is not what the table says (go test ./internal/tenant -run Generated -update): %v", path, err)
		}
	}
}

func TestTableIsSound(t *testing.T) {
	seen := map[int]string{}
	for _, c := range Calls() {
		if other, dup := seen[c.Number]; dup {
			t.Errorf("call %d is both %s and %s", c.Number, c.Name, other)
		}
		seen[c.Number] = c.Name
		if c.fn == nil || c.Name == "" || c.Doc == "" && c.Args+c.Result+c.Errors == "" {
			t.Errorf("call %d %s is not described", c.Number, c.Name)
		}
	}
}
