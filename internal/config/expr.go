package config

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/config/render"
	"fishplate/internal/model"
)

// request makes a request-time expression: what can be computed while reading
// (locals, env, file) is replaced by its value, so that the text alone says what
// the expression means and two equal texts are equal in effect.
func (l *loader) request(e hclsyntax.Expression) model.Expr {
	folded := l.fold(e)
	return model.Expr{Text: render.Expr(folded), Node: folded, At: e.Range()}
}

// fold returns e with the parts replaced that need no request. Nodes are shared
// with e where nothing changed.
func (l *loader) fold(e hclsyntax.Expression) hclsyntax.Expression {
	switch x := e.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		if x.Traversal.RootName() == "local" {
			return l.now(x)
		}
	case *hclsyntax.IndexExpr:
		if needsNoRequest(x) {
			return l.now(x)
		}
	case *hclsyntax.FunctionCallExpr:
		if x.Name == "env" || x.Name == "file" {
			return l.now(x)
		}
		c := *x
		c.Args = l.foldAll(x.Args)
		if last := len(c.Args) - 1; c.ExpandFinal && last >= 0 {
			if t, ok := c.Args[last].(*hclsyntax.TupleConsExpr); ok {
				c.Args, c.ExpandFinal = append(c.Args[:last], t.Exprs...), false
			}
		}
		absolute(&c)
		return &c
	case *hclsyntax.BinaryOpExpr:
		c := *x
		c.LHS, c.RHS = l.fold(x.LHS), l.fold(x.RHS)
		return &c
	case *hclsyntax.UnaryOpExpr:
		c := *x
		c.Val = l.fold(x.Val)
		return &c
	case *hclsyntax.ConditionalExpr:
		c := *x
		c.Condition, c.TrueResult, c.FalseResult = l.fold(x.Condition), l.fold(x.TrueResult), l.fold(x.FalseResult)
		return &c
	case *hclsyntax.ParenthesesExpr:
		c := *x
		c.Expression = l.fold(x.Expression)
		return &c
	case *hclsyntax.TemplateWrapExpr:
		return l.fold(x.Wrapped)
	case *hclsyntax.TemplateExpr:
		c := *x
		c.Parts = l.foldAll(x.Parts)
		return &c
	case *hclsyntax.TupleConsExpr:
		c := *x
		c.Exprs = l.foldAll(x.Exprs)
		return &c
	}
	return e
}

func (l *loader) foldAll(es []hclsyntax.Expression) []hclsyntax.Expression {
	out := make([]hclsyntax.Expression, len(es))
	for i, e := range es {
		out[i] = l.fold(e)
	}
	return out
}

func needsNoRequest(e hclsyntax.Expression) bool {
	for _, t := range e.Variables() {
		if t.RootName() != "local" {
			return false
		}
	}
	return true
}

// now evaluates e and puts its value in its place.
func (l *loader) now(e hclsyntax.Expression) hclsyntax.Expression {
	v, ok := l.scope.eval(e)
	if !ok {
		return &hclsyntax.LiteralValueExpr{Val: cty.NullVal(cty.DynamicPseudoType), SrcRange: e.Range()}
	}
	return render.Lift(v, e.Range())
}
