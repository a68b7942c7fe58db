package config

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// FuzzConfig wants no panic, a place for every finding, and a printable report.
func FuzzConfig(f *testing.F) {
	seeds, _ := filepath.Glob("testdata/bad/*.hcl*")
	for _, s := range append(seeds, "testdata/full/full.hcl", "testdata/small.hcl") {
		if src, err := os.ReadFile(s); err == nil && !strings.HasSuffix(s, ".want") {
			f.Add(src, strings.HasSuffix(s, ".json"))
		}
	}
	for _, e := range bombs(20000) {
		f.Add([]byte("locals {\n  a = "+e+"\n}\n"), false)
	}
	f.Fuzz(func(t *testing.T, src []byte, twin bool) {
		o := testOptions("x.hcl")
		if twin {
			o.Path = "x.hcl.json"
		}
		o.FS = fstest.MapFS{o.Path: {Data: src}, "tenants.json": {Data: src}}
		cfg, diags, sources := LoadSources(o)
		if (cfg == nil) != diags.HasErrors() {
			t.Errorf("config %v, errors %v", cfg != nil, diags.HasErrors())
		}
		for _, d := range diags {
			if d.File == "" || d.Line < 1 || d.Column < 1 || d.Summary == "" {
				t.Errorf("no place or no words: %+v", d)
			}
		}
		var b bytes.Buffer
		if err := diags.Format(&b, sources, true); err != nil {
			t.Error(err)
		}
		if cfg != nil && len(Diff(cfg, cfg)) > 0 {
			t.Error("a configuration differs from itself")
		}
	})
}

// large writes 1,000 vhosts of 20 routes.
func large() []byte {
	var b bytes.Buffer
	b.WriteString("listener \"web\" { bind = [\":8080\"] }\nbackend \"app\" { servers = [\"127.0.0.1:9000\"] }\n")
	for v := range 1000 {
		fmt.Fprintf(&b, "vhost \"v%d\" {\n  hosts = [\"v%d.example\"]\n", v, v)
		for r := range 20 {
			fmt.Fprintf(&b, "  route \"r%d\" {\n    path = \"/p%d/*\"\n    when = header(\"X-A\") == \"%d\"\n    backend = \"app\"\n  }\n", r, r, r)
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

func BenchmarkLoad20000Routes(b *testing.B) {
	o := testOptions("x.hcl")
	o.FS = fstest.MapFS{"x.hcl": {Data: large()}}
	b.ReportAllocs()
	for b.Loop() {
		if cfg, diags := Load(o); cfg == nil {
			b.Fatal(diags)
		}
	}
}
