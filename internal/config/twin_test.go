package config

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"testing/fstest"

	"fishplate/internal/config/schema"
	"fishplate/internal/config/syntax"
)

// TestTwin writes full.hcl's parsed form as JSON and wants the same model of it.
func TestTwin(t *testing.T) {
	want, _ := Load(testOptions("full/full.hcl"))
	src, err := os.ReadFile("testdata/full/full.hcl")
	if err != nil {
		t.Fatal(err)
	}
	b, diags := syntax.Native(src, "full/full.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	twin, err := json.MarshalIndent(toJSON(b, schema.Compile(schema.Top())), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{"full/full.hcl.json": {Data: twin}}
	for _, name := range []string{"full/down.html", "full/shop.elf", "full/one.elf", "full/shop.pem", "full/shop.key", "full/tenants.json", "full/more/static.hcl"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	o := testOptions("full/full.hcl.json")
	o.FS = files
	got, found, sources := LoadSources(o)
	if got == nil {
		var out bytes.Buffer
		_ = found.Format(&out, sources, false)
		t.Fatal(out.String())
	}
	if changes := Diff(want, got); len(changes) > 0 {
		t.Errorf("the twin differs: %+v", changes)
	}
}

// toJSON renders a body as the JSON twin; expressions become "${…}" where they
// are more than a literal.
func toJSON(b *syntax.Body, t *schema.Table) any {
	out := object{}
	for _, a := range b.Attrs {
		out.set(a.Name, json.RawMessage(exprJSON(a)))
	}
	for _, in := range b.Blocks {
		inner := toJSON(in.Body, t.Inner[in.Name])
		if len(in.Labels) == 0 {
			out.set(in.Name, inner)
			continue
		}
		group, _ := out.get(in.Name).(*object)
		if group == nil {
			group = &object{}
			out.set(in.Name, group)
		}
		group.set(in.Labels[0], inner)
	}
	return &out
}

func exprJSON(a syntax.Attribute) []byte {
	return jsonOf(a.Expr)
}
