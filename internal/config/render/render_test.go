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
