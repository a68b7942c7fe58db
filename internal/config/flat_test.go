package config

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"fishplate/internal/config/syntax"

	"github.com/google/go-cmp/cmp"
)

// with is a file system with one more file in it.
type with struct {
	fs.FS
	name string
	text []byte
}

func (w with) Open(name string) (fs.File, error) {
	if name == w.name {
		return fstest.MapFS{name: {Data: w.text}}.Open(name)
	}
	return w.FS.Open(name)
}

// TestFlat loads what flat wrote: the model is the same, and so is its text.
func TestFlat(t *testing.T) {
	for _, path := range []string{"full/full.hcl", "small.hcl"} {
		t.Run(path, func(t *testing.T) {
			o := testOptions(path)
			o.Flat = true
			cfg, diags := Load(o)
			if cfg == nil {
				t.Fatal(diags)
			}
			for _, p := range syntax.Pieces(cfg.Flat) {
				if _, diags := syntax.Native(p.Text, "piece"); diags.HasErrors() {
					t.Errorf("a piece cannot be read alone: %v\n%s", diags, p.Text)
				}
			}
			o.FS, o.Path = with{o.FS, "flat.hcl", cfg.Flat}, "flat.hcl"
			again, diags := Load(o)
			if again == nil {
				t.Fatalf("%v\n%s", diags, cfg.Flat)
			}
			for _, c := range Diff(cfg, again) {
				t.Errorf("%+v", c)
			}
			if d := cmp.Diff(string(cfg.Flat), string(again.Flat)); d != "" {
				t.Error(d)
			}
		})
	}
}
