package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBadInput holds one file per mistake, and the words that a person gets.
func TestBadInput(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.hcl*")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, ".want") {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(f), ".hcl"), func(t *testing.T) {
			o := testOptions(filepath.Base(f))
			o.FS = os.DirFS("testdata/bad")
			cfg, diags, sources := LoadSources(o)
			if len(diags) == 0 {
				t.Error("nothing was found")
			}
			if (cfg == nil) != diags.HasErrors() {
				t.Errorf("config %v with %v", cfg != nil, diags)
			}
			if strings.HasPrefix(filepath.Base(f), "warn_") && diags.HasErrors() {
				t.Errorf("refused: %v", diags)
			}
			var b bytes.Buffer
			if err := diags.Format(&b, sources, false); err != nil {
				t.Fatal(err)
			}
			golden(t, f+".want", b.Bytes())
		})
	}
}

// TestBrokenFolder wants the broken file's mistake, the other's own mistakes, and
// no complaint about names that the broken file may hold.
func TestBrokenFolder(t *testing.T) {
	_, diags, sources := LoadSources(testOptions("folder"))
	var b bytes.Buffer
	if err := diags.Format(&b, sources, false); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/folder/want.golden", b.Bytes())
}
