package syntax

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// indexed is an element of a value. A text is a number where it is one of a list,
// which the library writes out to say that there is no such element.
type indexed struct{ *hclsyntax.IndexExpr }

// Value implements hcl.Expression.
func (e indexed) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	list, diags := e.Collection.Value(ctx)
	key, more := e.Key.Value(ctx)
	diags = append(diags, more...)
	if t := list.Type(); (t.IsListType() || t.IsTupleType()) && isEndlessText(key) {
		return cty.DynamicVal, append(diags, endless(e.Key.Range()))
	}
	v, more := hcl.Index(list, key, &e.BracketRange)
	return v, append(diags, more...)
}

// isEndlessText reports what would be such a number where one is wanted.
func isEndlessText(v cty.Value) bool {
	n, err := convert.Convert(v, cty.Number)
	return err == nil && isEndless(n)
}

// steps takes a traversal apart at a text that may be such a number. Of any other it
// returns what it was given.
func steps(from hclsyntax.Expression, t hcl.Traversal, start func(hcl.Traversal) hclsyntax.Expression) hclsyntax.Expression {
	for i, step := range t {
		at, ok := step.(hcl.TraverseIndex)
		if !ok || !isEndlessText(at.Key) {
			continue
		}
		var e hclsyntax.Expression = indexed{&hclsyntax.IndexExpr{
			Collection: start(t[:i]), Key: &hclsyntax.LiteralValueExpr{Val: at.Key, SrcRange: at.SrcRange},
			SrcRange: from.Range(), OpenRange: at.SrcRange, BracketRange: at.SrcRange,
		}}
		after := func(rest hcl.Traversal) hclsyntax.Expression {
			if len(rest) == 0 {
				return e
			}
			return &hclsyntax.RelativeTraversalExpr{Source: e, Traversal: rest, SrcRange: from.Range()}
		}
		return steps(after(t[i+1:]), t[i+1:], after)
	}
	return from
}
