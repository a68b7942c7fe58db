package config

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"fishplate/internal/config/schema"
	"fishplate/internal/config/syntax"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs (-want +got), run with -update:\n%s", name, d)
	}
}

func TestFullFile(t *testing.T) {
	cfg, diags, sources := LoadSources(testOptions("full/full.hcl"))
	var b bytes.Buffer
	if err := diags.Format(&b, sources, false); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/full/warnings.golden", b.Bytes())
	if cfg == nil {
		t.Fatal("full.hcl was refused")
	}
	b.Reset()
	for _, c := range Diff(nil, cfg) {
		b.WriteString(c.Kind + " " + c.Key + "\n")
		for _, f := range c.Fields {
			b.WriteString("  " + f.Name + " = " + f.New + "\n")
		}
	}
	golden(t, "testdata/full/model.golden", b.Bytes())
}

// TestFullFileIsFull decodes full.hcl by hand and asks for every row of the table.
func TestFullFileIsFull(t *testing.T) {
	l := newLoader(testOptions("full/full.hcl"))
	root := l.decode(&syntax.Body{}, l.top, "", start("x"))
	l.readPath("full/full.hcl", root)
	everywhere := map[string]bool{"certificate.acme": true} // stands for an error until it is built
	var mark func(n *node, path string)
	mark = func(n *node, path string) {
		for name := range n.attrs {
			everywhere[path+"."+name] = true
		}
		for name, kids := range n.kids {
			everywhere[path+"."+name] = true
			for _, k := range kids {
				mark(k, path+"."+name)
			}
		}
	}
	mark(root, "")
	var look func(b *schema.Block, path string)
	look = func(b *schema.Block, path string) {
		if b.Like != "" {
			for name := range everywhere {
				if rest, ok := strings.CutPrefix(name, "."+b.Like); ok {
					everywhere[path+rest] = true
				}
			}
		}
		if path == ".certificate.acme" || path == ".locals" {
			return
		}
		for _, a := range b.Attrs {
			if !everywhere[path+"."+a.Name] && a.Name != "include" {
				t.Errorf("full.hcl does not write %s.%s", path, a.Name)
			}
		}
		for _, in := range b.Blocks {
			look(in, path+"."+in.Name)
		}
	}
	look(Schema(), "")
}

func TestReference(t *testing.T) {
	var b bytes.Buffer
	if err := Reference(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/reference.golden", b.Bytes())
}
