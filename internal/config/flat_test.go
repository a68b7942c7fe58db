package config

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"fishplate/internal/config/syntax"
	"fishplate/internal/model"

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
			for p := range syntax.Pieces(cfg.Flat) {
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

// TestGive writes programs into a text, whose model has them then and not before.
func TestGive(t *testing.T) {
	o := testOptions("full/full.hcl")
	o.Flat = true
	cfg, diags := Load(o)
	if cfg == nil {
		t.Fatal(diags)
	}
	read := func(text []byte) *model.Config {
		t.Helper()
		o.FS, o.Path = with{o.FS, "flat.hcl", text}, "flat.hcl"
		again, diags := Load(o)
		if again == nil {
			t.Fatalf("%v\n%s", diags, text)
		}
		return again
	}
	for i, tenant := range cfg.Tenants {
		tenant.Given = nil
		if i > 0 {
			tenant.Given = &model.Given{SHA256: strings.Repeat("ab", 32), Over: "x\"y", Version: i, Signature: "c2ln\n"}
		}
	}
	text := Give(cfg.Flat, cfg.Tenants)
	for i, tenant := range read(text).Tenants {
		if i == 0 && tenant.Given != nil || i > 0 && (tenant.Given == nil || tenant.Given.Over != "x\"y" || tenant.Given.Version != i || tenant.Given.Signature != "c2ln") {
			t.Errorf("%s: %+v", tenant.Name, tenant.Given)
		}
	}
	if again := Give(text, cfg.Tenants); string(again) != string(text) {
		t.Error("the same programs make another text")
	}
	// Whose tenant is not there is left out, and said so.
	again := read(append(text, "program \"nobody\" {\n  sha256 = \""+strings.Repeat("ab", 32)+"\"\n  instead_of = \"\"\n  version = 1\n}\n"...))
	if strings.Contains(string(again.Flat), "nobody") {
		t.Error("a program without a tenant stays")
	}
}
