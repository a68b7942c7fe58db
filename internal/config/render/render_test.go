package render

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// TestRoundTrip writes texts that are made of what means something in a file, and
// reads them.
func TestRoundTrip(t *testing.T) {
	parts := []string{"$", "{", "}", "%", "\"", "\\", "\n", "\r", "\t", "\x00", "\x1b", "\x7f", "a", " ", "é", "\u2028", "EOT", "u0041", "#", "//", "~"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		var b strings.Builder
		for range r.IntN(8) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		want := b.String()
		lines := want + "\n"
		for written, want := range map[string]string{Value(cty.StringVal(want)): want, Heredoc(lines): lines} {
			f, diags := hclsyntax.ParseConfig([]byte("a = "+written+"\n"), "x", hcl.InitialPos)
			if diags.HasErrors() {
				t.Fatalf("%q is written as %q: %v", want, written, diags)
			}
			v, diags := f.Body.(*hclsyntax.Body).Attributes["a"].Expr.Value(nil)
			if diags.HasErrors() || v.AsString() != want {
				t.Fatalf("%q is written as %q, and read as %#v: %v", want, written, v, diags)
			}
			if strings.ContainsRune(written, 0) {
				t.Fatalf("%q is written as %q: a file with NUL is no text", want, written)
			}
		}
	}
}

// TestMark: values that differ have other marks, and none is the beginning of
// what another and a third write.
func TestMark(t *testing.T) {
	one, text := cty.NumberIntVal(1), cty.StringVal
	seen := map[string]cty.Value{}
	for _, v := range []cty.Value{
		cty.True, cty.False, one, cty.NumberIntVal(11), cty.NumberFloatVal(0.1), cty.MustParseNumberVal("0.1"), cty.NumberIntVal(-1), text("1"), text("true"), text("null"), text(""), text("?"),
		cty.NullVal(cty.String), cty.DynamicVal, cty.EmptyTupleVal, cty.EmptyObjectVal,
		cty.TupleVal([]cty.Value{one}), cty.TupleVal([]cty.Value{one, one}), cty.TupleVal([]cty.Value{cty.TupleVal([]cty.Value{one}), one}), cty.TupleVal([]cty.Value{cty.TupleVal([]cty.Value{one, one})}),
		cty.TupleVal([]cty.Value{text("a"), text("b")}), cty.TupleVal([]cty.Value{text("ab")}), cty.TupleVal([]cty.Value{text("a1:b")}),
		cty.ObjectVal(map[string]cty.Value{"a": text("b")}), cty.ObjectVal(map[string]cty.Value{"b": text("a")}),
	} {
		var b, again strings.Builder
		Mark(&b, v)
		Mark(&again, v)
		if b.String() != again.String() {
			t.Errorf("%#v: %q and %q", v, b.String(), again.String())
		}
		if old, ok := seen[b.String()]; ok {
			t.Errorf("%#v and %#v are both %q", old, v, b.String())
		}
		seen[b.String()] = v
	}
}
