package config

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/config/render"
	"fishplate/internal/config/schema"
	"fishplate/internal/config/syntax"
)

// flat writes what was decoded as one file that needs no other configuration
// file: includes are joined, locals and the environment are put in, paths are
// absolute, and tenants files stand in it. Loading it gives the same model.
func (l *loader) flat(root *node) []byte {
	var b bytes.Buffer
	for _, src := range l.files.Texts() {
		b.Grow(len(src))
	}
	l.flatBlocks(&b, root, "")
	return b.Bytes()
}

func (l *loader) flatBlocks(b *bytes.Buffer, n *node, indent string) {
	if n.table.Name == "backend" {
		for _, a := range n.words("servers") {
			name := render.Value(cty.StringVal(a))
			fmt.Fprintf(b, "%sserver %s {\n%s  address = %s\n%s}\n", indent, name, indent, name, indent)
		}
	}
	for _, t := range n.table.Blocks {
		for _, k := range n.kids[t.Name] {
			if k.kept != nil && k.kept.text != nil {
				b.Write(k.kept.text)
				continue
			}
			before, from := l.mark(), b.Len()
			label := ""
			if t.Label != "" {
				label = " " + render.Value(cty.StringVal(k.label))
			}
			fmt.Fprintf(b, "%s%s%s {\n", indent, t.Name, label)
			l.flatAttrs(b, k, indent+"  ")
			l.flatBlocks(b, k, indent+"  ")
			b.WriteString(indent + "}\n")
			if k.kept != nil && l.since(before) {
				k.kept.text = bytes.Clone(b.Bytes()[from:])
			}
		}
		if t.Name == "route" {
			l.flatLast(b, n, indent)
		}
	}
}

// inBlocks reports an attribute that is short for blocks, and is written as such:
// each of them can be changed by its name then.
func inBlocks(n *node, attr string) bool {
	switch n.table.Name {
	case "backend":
		return attr == "servers"
	case "vhost":
		return attr == "backend" || attr == "split"
	}
	return false
}

// flatLast writes the last route that backend or split of a vhost is short for.
func (l *loader) flatLast(b *bytes.Buffer, n *node, indent string) {
	for _, name := range []string{"backend", "split"} {
		if v, ok := n.attrs[name]; ok {
			fmt.Fprintf(b, "%sroute \"all\" {\n%s  %s = %s\n%s}\n", indent, indent, name, l.flatValue(n.table.Rows[name], v), indent)
		}
	}
}

func (l *loader) flatAttrs(b *bytes.Buffer, n *node, indent string) {
	if n.table.Name == "tenants" {
		l.flatTenants(b, n, indent)
		return
	}
	for i := range n.table.Attrs {
		row := n.table.Rows[n.table.Attrs[i].Name]
		if v, ok := n.attrs[row.Name]; ok && !inBlocks(n, row.Name) {
			fmt.Fprintf(b, "%s%s = %s\n", indent, row.Name, l.flatValue(row, v))
		}
	}
}

func (l *loader) flatValue(row *schema.Row, v value) string {
	switch row.Kind {
	case schema.Fields, schema.Shares:
		pairs := l.pairs(v.expr, row.Name, "")
		parts := make([]string, len(pairs))
		for i, p := range pairs {
			parts[i] = render.Value(cty.StringVal(p.key)) + " = " + render.Expr(l.fold(p.value))
		}
		return "{ " + strings.Join(parts, ", ") + " }"
	case schema.Condition, schema.Text, schema.Number, schema.Pipeline:
		return render.Expr(l.fold(v.expr))
	case schema.File:
		name, _ := v.v.(string)
		if !slices.Contains(row.Also, name) {
			name = syntax.Resolve(v.at.Filename, name)
		}
		return render.Value(cty.StringVal(name))
	}
	cv, _ := l.scope.eval(v.expr)
	if text, ok := v.v.(string); ok && strings.HasSuffix(text, "\n") {
		return render.Heredoc(text)
	}
	return render.Expr(render.Lift(cv, v.at))
}

// braces moves the lines of an object that a brace ends, which means nothing in JSON.
var braces = strings.NewReplacer("\n}", "\n }")

// flatTenants writes tenants where they are named, with the folder that their
// paths are relative to.
func (l *loader) flatTenants(b *bytes.Buffer, n *node, indent string) {
	base, text := path.Dir(n.at.Filename), n.str("json")
	switch {
	case n.has("path"):
		base = path.Dir(n.file("path"))
		file, _ := l.read(n.file("path")) // it was read before
		text = string(file)
	case n.has("base"):
		base = n.file("base")
	}
	fmt.Fprintf(b, "%sbase = %s\n%sjson = %s\n", indent, render.Value(cty.StringVal(base)), indent, render.Heredoc(braces.Replace(text)))
}

// absolute makes the path in a call of file_set independent of its place.
func absolute(c *hclsyntax.FunctionCallExpr) {
	if c.Name != "file_set" || len(c.Args) != 1 {
		return
	}
	if v, ok := render.Literal(c.Args[0]); ok && !v.IsNull() && v.Type() == cty.String {
		at := c.Args[0].Range()
		c.Args[0] = render.Lift(cty.StringVal(syntax.Resolve(at.Filename, v.AsString())), at)
	}
}
