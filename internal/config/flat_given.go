package config

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/config/render"
	"fishplate/internal/config/syntax"
	"fishplate/internal/model"
)

// Give returns the text of a whole configuration, as Config.Flat is, with the
// programs that its tenants are given now, whatever blocks it has of them.
func Give(text []byte, tenants []*model.Tenant) []byte {
	var b bytes.Buffer
	b.Grow(len(text))
	for p := range syntax.Pieces(text) {
		if !bytes.HasPrefix(p.Text, []byte("program ")) {
			b.Write(p.Text)
		}
	}
	for _, t := range tenants {
		g := t.Given
		if g == nil {
			continue
		}
		word := func(s string) string { return render.Value(cty.StringVal(s)) }
		fmt.Fprintf(&b, "program %s {\n  sha256 = %s\n  instead_of = %s\n  version = %d\n", word(t.Name), word(g.SHA256), word(g.Over), g.Version)
		if g.Signature != "" {
			fmt.Fprintf(&b, "  signature = %s\n", word(strings.TrimSpace(g.Signature)))
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}
