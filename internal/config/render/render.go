package render

import (
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Lift writes a value as the expression that a person would have written.
func Lift(v cty.Value, at hcl.Range) hclsyntax.Expression {
	switch {
	case !v.IsNull() && v.Type() == cty.String:
		return &hclsyntax.TemplateExpr{Parts: []hclsyntax.Expression{&hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}}, SrcRange: at}
	case !v.IsNull() && (v.Type().IsTupleType() || v.Type().IsListType()):
		tuple := &hclsyntax.TupleConsExpr{SrcRange: at, OpenRange: at}
		for _, e := range v.AsValueSlice() {
			tuple.Exprs = append(tuple.Exprs, Lift(e, at))
		}
		return tuple
	}
	return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}
}

// Expr writes an expression in its canonical form, the same for native syntax
// and the JSON twin, whatever the spaces and comments were.
func Expr(e hclsyntax.Expression) string {
	switch x := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return Value(x.Val)
	case *hclsyntax.TemplateExpr:
		return `"` + renderParts(x.Parts) + `"`
	case *hclsyntax.TemplateWrapExpr:
		return Expr(x.Wrapped)
	case *hclsyntax.ParenthesesExpr:
		return "(" + Expr(x.Expression) + ")"
	case *hclsyntax.ScopeTraversalExpr:
		return renderTraversal(x.Traversal)
	case *hclsyntax.RelativeTraversalExpr:
		return Expr(x.Source) + renderTraversal(x.Traversal)
	case *hclsyntax.IndexExpr:
		return Expr(x.Collection) + "[" + Expr(x.Key) + "]"
	case *hclsyntax.FunctionCallExpr:
		tail := ""
		if x.ExpandFinal {
			tail = "..."
		}
		return x.Name + "(" + renderList(x.Args) + tail + ")"
	case *hclsyntax.BinaryOpExpr:
		return Expr(x.LHS) + " " + operator(x.Op) + " " + Expr(x.RHS)
	case *hclsyntax.UnaryOpExpr:
		return operator(x.Op) + Expr(x.Val)
	case *hclsyntax.ConditionalExpr:
		return Expr(x.Condition) + " ? " + Expr(x.TrueResult) + " : " + Expr(x.FalseResult)
	case *hclsyntax.TupleConsExpr:
		return "[" + renderList(x.Exprs) + "]"
	case *hclsyntax.ObjectConsExpr:
		return renderObject(x)
	case *hclsyntax.ObjectConsKeyExpr:
		return Expr(x.Wrapped)
	}
	return "?"
}

func renderList(es []hclsyntax.Expression) string {
	parts := make([]string, len(es))
	for i, e := range es {
		parts[i] = Expr(e)
	}
	return strings.Join(parts, ", ")
}

func renderObject(x *hclsyntax.ObjectConsExpr) string {
	parts := make([]string, len(x.Items))
	for i, it := range x.Items {
		parts[i] = Expr(it.KeyExpr) + " = " + Expr(it.ValueExpr)
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

func renderParts(parts []hclsyntax.Expression) string {
	var b strings.Builder
	for _, p := range parts {
		if s, ok := Literal(p); ok && !s.IsNull() && s.Type() == cty.String {
			b.WriteString(escape(s.AsString()))
			continue
		}
		b.WriteString("${" + Expr(p) + "}")
	}
	return b.String()
}

func renderTraversal(t hcl.Traversal) string {
	var b strings.Builder
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			b.WriteString(s.Name)
		case hcl.TraverseAttr:
			b.WriteString("." + s.Name)
		case hcl.TraverseIndex:
			b.WriteString("[" + Value(s.Key) + "]")
		}
	}
	return b.String()
}

// Value writes a value as it stands in a file.
func Value(v cty.Value) string {
	switch {
	case v.IsNull():
		return "null"
	case !v.IsKnown():
		return "?"
	case v.Type() == cty.String:
		return `"` + escape(v.AsString()) + `"`
	case v.Type() == cty.Number:
		return v.AsBigFloat().Text('f', -1)
	case v.Type() == cty.Bool && v.True():
		return "true"
	case v.Type() == cty.Bool:
		return "false"
	case v.Type().IsObjectType() || v.Type().IsMapType():
		var parts []string
		for name, e := range v.AsValueMap() {
			parts = append(parts, `"`+escape(name)+`" = `+Value(e))
		}
		sort.Strings(parts)
		return "{ " + strings.Join(parts, ", ") + " }"
	case v.CanIterateElements():
		var parts []string
		for _, e := range v.AsValueSlice() {
			parts = append(parts, Value(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "?"
}

// Mark writes what tells a value from every other, for a hash. It writes no number
// out, which takes a thousand times as long.
func Mark(w io.Writer, v cty.Value) {
	switch {
	case v.IsNull():
		io.WriteString(w, "null")
	case !v.IsKnown():
		io.WriteString(w, "?")
	case v.Type() == cty.String:
		s := v.AsString()
		fmt.Fprintf(w, "%d:", len(s))
		if len(s) < 1<<16 {
			io.WriteString(w, s)
		} else { // piece by piece: the other way copies it
			io.Copy(w, struct{ io.Reader }{strings.NewReader(s)})
		}
	case v.Type() == cty.Number:
		io.WriteString(w, v.AsBigFloat().Text('p', 0)+"\n")
	case v.Type() == cty.Bool:
		fmt.Fprint(w, v.True())
	case v.CanIterateElements():
		fmt.Fprintf(w, "[%t", v.Type().IsObjectType() || v.Type().IsMapType())
		for it := v.ElementIterator(); it.Next(); {
			key, value := it.Element()
			if key.Type() == cty.String {
				Mark(w, key)
			}
			Mark(w, value)
		}
		io.WriteString(w, "]")
	}
}

// escape writes a string as it stands between the quotes of a native string.
func escape(s string) string {
	if strings.ContainsAny(s, "\\\"\n\r\t$%") {
		s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{").Replace(s)
	}
	if strings.IndexFunc(s, unwritable) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unwritable(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unwritable says whether a character is none of a text: a file that holds NUL is
// refused, and no line of one should drive the terminal that shows it.
func unwritable(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f }

func operator(op *hclsyntax.Operation) string {
	for _, o := range [...]struct {
		op   *hclsyntax.Operation
		text string
	}{
		{hclsyntax.OpEqual, "=="}, {hclsyntax.OpNotEqual, "!="}, {hclsyntax.OpLogicalAnd, "&&"}, {hclsyntax.OpLogicalOr, "||"}, {hclsyntax.OpLogicalNot, "!"},
		{hclsyntax.OpGreaterThan, ">"}, {hclsyntax.OpGreaterThanOrEqual, ">="}, {hclsyntax.OpLessThan, "<"}, {hclsyntax.OpLessThanOrEqual, "<="},
		{hclsyntax.OpAdd, "+"}, {hclsyntax.OpSubtract, "-"}, {hclsyntax.OpMultiply, "*"}, {hclsyntax.OpDivide, "/"}, {hclsyntax.OpModulo, "%"}, {hclsyntax.OpNegate, "-"},
	} {
		if o.op == op {
			return o.text
		}
	}
	return "?"
}

// Literal short-cuts the plain strings and numbers that most values are.
func Literal(e hclsyntax.Expression) (cty.Value, bool) {
	switch x := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return x.Val, x.Val.IsKnown()
	case *hclsyntax.TemplateExpr:
		if x.IsStringLiteral() {
			return Literal(x.Parts[0])
		}
	}
	return cty.NilVal, false
}

// Heredoc writes a text of lines as it reads best. No line begins with a closing
// brace, which only ends a block of the top level.
func Heredoc(text string) string {
	if strings.HasPrefix(text, "}") || strings.Contains(text, "\n}") || strings.IndexFunc(text, unwritable) >= 0 {
		return Value(cty.StringVal(text))
	}
	mark := "EOT"
	for strings.Contains(text, mark) {
		mark += "T"
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return "<<" + mark + "\n" + strings.NewReplacer("${", "$${", "%{", "%%{").Replace(text) + mark
}

// Rest is what a value leaves of so many bytes: each value in it takes some beside
// those of its texts, and of the keys of it. One that stands in several places
// counts in each. It looks no further than they last.
func Rest(v cty.Value, bytes, each int) int {
	bytes -= each
	switch {
	case bytes < 0 || v.IsNull() || !v.IsKnown():
	case v.Type() == cty.String:
		bytes -= len(v.AsString())
	case v.CanIterateElements():
		for it := v.ElementIterator(); bytes >= 0 && it.Next(); {
			key, value := it.Element()
			if key.Type() == cty.String {
				bytes = Rest(key, bytes, each)
			}
			bytes = Rest(value, bytes, each)
		}
	}
	return bytes
}
