package predicate

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Part is one part of an expression and what it came to.
type Part struct {
	Text  string // as one would write it
	Range hcl.Range
	Value string // "true", "null", a number or address, a text in quotes
	Depth int    // 0 is the whole
}

func (n *node) explain(e *Env) []Part { return n.appendParts(nil, e, 0) }

func (n *node) appendParts(parts []Part, e *Env, depth int) []Part {
	if n.constant && depth > 0 {
		return parts
	}
	if n.kind != kindList {
		e.Scratch = e.Scratch[:0]
		parts = append(parts, Part{Text: render(n.expr), Range: n.expr.Range(), Value: n.show(e), Depth: depth})
	}
	for _, k := range n.kids {
		parts = k.appendParts(parts, e, depth+1)
	}
	return parts
}

func (n *node) show(e *Env) string {
	s, ok := n.asText()(e)
	switch {
	case !ok:
		return "null"
	case n.kind == kindText:
		return strconv.Quote(s)
	}
	return strings.Clone(s)
}

// render writes an expression in one canonical form on one line.
func render(x hclsyntax.Expression) string {
	switch x := x.(type) {
	case *hclsyntax.ParenthesesExpr:
		return "(" + render(x.Expression) + ")"
	case *hclsyntax.TemplateWrapExpr:
		return render(x.Wrapped)
	case *hclsyntax.LiteralValueExpr:
		return renderValue(x.Val)
	case *hclsyntax.TemplateExpr:
		return "\"" + renderParts(x.Parts) + "\""
	case *hclsyntax.ScopeTraversalExpr:
		return traversalText(x.Traversal)
	case *hclsyntax.FunctionCallExpr:
		return x.Name + "(" + renderList(x.Args) + ")"
	case *hclsyntax.BinaryOpExpr:
		return render(x.LHS) + " " + opText(x.Op) + " " + render(x.RHS)
	case *hclsyntax.UnaryOpExpr:
		return opText(x.Op) + render(x.Val)
	case *hclsyntax.ConditionalExpr:
		return render(x.Condition) + " ? " + render(x.TrueResult) + " : " + render(x.FalseResult)
	case *hclsyntax.TupleConsExpr:
		return "[" + renderList(x.Exprs) + "]"
	}
	return "…"
}

func renderList(list []hclsyntax.Expression) string {
	texts := make([]string, len(list))
	for i, x := range list {
		texts[i] = render(x)
	}
	return strings.Join(texts, ", ")
}

func renderParts(parts []hclsyntax.Expression) string {
	var b strings.Builder
	for _, p := range parts {
		if l, ok := p.(*hclsyntax.LiteralValueExpr); ok && l.Val.Type() == cty.String && l.Val.IsKnown() && !l.Val.IsNull() {
			q := strconv.Quote(l.Val.AsString())
			b.WriteString(strings.ReplaceAll(q[1:len(q)-1], "${", "$${"))
			continue
		}
		b.WriteString("${" + render(p) + "}")
	}
	return b.String()
}

func renderValue(v cty.Value) string {
	switch {
	case v.IsNull():
		return "null"
	case !v.IsKnown():
		return "…"
	case v.Type() == cty.String:
		return strconv.Quote(v.AsString())
	case v.Type() == cty.Number:
		return v.AsBigFloat().Text('f', -1)
	case v.Type() == cty.Bool:
		return strconv.FormatBool(v.True())
	}
	return "…"
}

// traversalText writes a name with its dots, and indices in brackets.
func traversalText(t hcl.Traversal) string {
	text := t.RootName()
	for _, step := range t[1:] {
		switch step := step.(type) {
		case hcl.TraverseAttr:
			text += "." + step.Name
		case hcl.TraverseIndex:
			text += "[" + renderValue(step.Key) + "]"
		}
	}
	return text
}
