package schema

import (
	"strings"
	"testing"
)

// TestSchemaRows checks what the compiler cannot: prose, defaults, ranges.
func TestSchemaRows(t *testing.T) {
	var look func(b *Block)
	look = func(b *Block) {
		if b.Doc == "" {
			t.Errorf("block %s has no prose", b.Name)
		}
		names := map[string]bool{}
		for i := range b.Attrs {
			a := &b.Attrs[i]
			if a.Doc == "" || names[a.Name] {
				t.Errorf("%s.%s: no prose, or written twice", b.Name, a.Name)
			}
			names[a.Name] = true
			row := &Row{Attr: a}
			row.Value = row.defaultValue()
			if low, high, ok := strings.Cut(a.Range, ".."); ok {
				for _, end := range []string{low, high} {
					v, err := row.parse(end)
					if err == nil {
						v, err = row.inRange(v)
					}
					if err != nil || v == nil {
						t.Errorf("%s.%s: end %q of its range: %v", b.Name, a.Name, end, err)
					}
				}
			}
		}
		for _, in := range b.Blocks {
			if names[in.Name] {
				t.Errorf("%s.%s is a block and an attribute", b.Name, in.Name)
			}
			look(in)
		}
	}
	look(Top())
}
