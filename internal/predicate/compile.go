package predicate

import (
	"math"

	"fishplate/internal/model"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// compiler compiles one expression. Its methods return nil for a part that has
// an error, which is then in diags already.
type compiler struct {
	o     Options
	diags hcl.Diagnostics
	files bool // a file was read
}

// root compiles a whole expression; nil when it is absent or wrong.
func (c *compiler) root(x model.Expr) *node {
	if x.Node == nil {
		return nil
	}
	s, diags := syntax(x.Node)
	c.diags = append(c.diags, diags...)
	if s == nil || diags.HasErrors() {
		return nil
	}
	n := c.expr(s)
	if c.diags.HasErrors() {
		return nil
	}
	return n
}

// syntax returns the native syntax tree of an expression. In the JSON twin an
// expression is a string template, or an array of them, or a plain value.
func syntax(x hcl.Expression) (hclsyntax.Expression, hcl.Diagnostics) {
	if s, ok := x.(hclsyntax.Expression); ok {
		return s, nil
	}
	at := x.Range()
	if list, diags := hcl.ExprList(x); !diags.HasErrors() {
		tuple := &hclsyntax.TupleConsExpr{SrcRange: at, OpenRange: at}
		for _, item := range list {
			s, diags := syntax(item)
			if diags.HasErrors() {
				return nil, diags
			}
			tuple.Exprs = append(tuple.Exprs, s)
		}
		return tuple, nil
	}
	// Without a context the JSON expression gives its string unevaluated.
	v, diags := x.Value(nil)
	if diags.HasErrors() {
		return nil, diags
	}
	if v.Type() != cty.String || v.IsNull() || !v.IsKnown() {
		return &hclsyntax.LiteralValueExpr{Val: v, SrcRange: at}, nil
	}
	start := at.Start
	start.Byte, start.Column = start.Byte+1, start.Column+1
	return model.ParseTemplate([]byte(v.AsString()), at.Filename, start)
}

func (c *compiler) expr(x hclsyntax.Expression) *node {
	switch x := x.(type) {
	case *hclsyntax.ParenthesesExpr:
		return c.expr(x.Expression)
	case *hclsyntax.TemplateWrapExpr:
		return c.expr(x.Wrapped)
	case *hclsyntax.LiteralValueExpr:
		return c.literal(x, x.Val)
	case *hclsyntax.TemplateExpr:
		return c.template(x)
	case *hclsyntax.ScopeTraversalExpr:
		return c.traversal(x)
	case *hclsyntax.FunctionCallExpr:
		return c.call(x)
	case *hclsyntax.BinaryOpExpr:
		return c.binary(x)
	case *hclsyntax.UnaryOpExpr:
		return c.unary(x)
	case *hclsyntax.ConditionalExpr:
		return c.conditional(x)
	case *hclsyntax.TupleConsExpr:
		return c.tuple(x)
	}
	return c.fail(x, "this form of expression is not known here",
		"Values, functions, the operators == != < <= > >= && || ! ?: + - * / %, templates, parentheses and lists are.", "")
}

func (c *compiler) literal(x hclsyntax.Expression, v cty.Value) *node {
	switch t := v.Type(); {
	case v.IsNull():
		return &node{kind: kindNull, constant: true, expr: x}
	case !v.IsKnown():
	case t == cty.Bool:
		return constTruth(x, v.True())
	case t == cty.String:
		return constText(x, v.AsString(), true)
	case t == cty.Number:
		f, _ := v.AsBigFloat().Float64()
		return constNumber(x, f, true)
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		n := &node{kind: kindList, constant: true, expr: x}
		for it := v.ElementIterator(); it.Next(); {
			_, item := it.Element()
			k := c.literal(x, item)
			if k == nil {
				return nil
			}
			n.items = append(n.items, k)
		}
		return n
	}
	return c.fail(x, "this value has no use here", "Texts, numbers, truths, null and lists of them have.", "")
}

func (c *compiler) tuple(x *hclsyntax.TupleConsExpr) *node {
	n := &node{kind: kindList, constant: true, expr: x}
	for _, item := range x.Exprs {
		k := c.expr(item)
		if k == nil {
			return nil
		}
		n.items, n.constant = append(n.items, k), n.constant && k.constant
		n.kids = append(n.kids, k)
	}
	return n
}

// few is how many parts of a template are gathered without allocation.
const few = 16

func (c *compiler) template(x *hclsyntax.TemplateExpr) *node {
	n := &node{kind: kindText, expr: x}
	for _, part := range x.Parts {
		k := c.expr(part)
		if k == nil {
			continue
		}
		if k.kind == kindList {
			c.fail(part, "a list is not a text", "A template joins texts, numbers, addresses, times and truths.", "")
			continue
		}
		if n.kids = append(n.kids, k); k.constant && len(n.kids) == 1 {
			n.head, _ = k.asText()(nil)
		}
		n.parts = append(n.parts, k.asText())
	}
	if c.diags.HasErrors() {
		return nil
	}
	if len(n.kids) == 0 {
		return constText(x, "", true)
	}
	parts := n.parts
	// The texts of all parts come first: a part may use Scratch itself.
	n.text = func(e *Env) (string, bool) {
		var room [few]string
		texts := room[:0]
		for _, part := range parts {
			s, ok := part(e)
			if !ok {
				return "", false
			}
			texts = append(texts, s)
		}
		start := len(e.Scratch)
		for _, s := range texts {
			e.Scratch = append(e.Scratch, s...)
		}
		return e.since(start), true
	}
	return n.fold()
}

func (c *compiler) conditional(x *hclsyntax.ConditionalExpr) *node {
	q, yes, no := c.expr(x.Condition), c.expr(x.TrueResult), c.expr(x.FalseResult)
	if q == nil || yes == nil || no == nil {
		return nil
	}
	if q.kind != kindBool {
		c.notTruth(q)
		return nil
	}
	if q.constant {
		if q.truth(nil) {
			return yes
		}
		return no
	}
	cond := q.truth
	n := &node{expr: x, kids: []*node{q, yes, no}}
	switch {
	case yes.kind == kindBool && no.kind == kindBool:
		a, b := yes.truth, no.truth
		n.kind, n.truth = kindBool, func(e *Env) bool {
			if cond(e) {
				return a(e)
			}
			return b(e)
		}
	case yes.kind == kindNumber && no.kind == kindNumber,
		yes.kind == kindNumber && no.kind == kindNull, yes.kind == kindNull && no.kind == kindNumber:
		n.kind, n.number = kindNumber, chooseNumber(cond, yes, no)
	case yes.textual() && no.textual():
		a, b := yes.asText(), no.asText()
		n.kind, n.text = kindText, func(e *Env) (string, bool) {
			if cond(e) {
				return a(e)
			}
			return b(e)
		}
	default:
		return c.fail(x, "the arms of ?: differ in kind", render(x.TrueResult)+" is "+yes.kind.a()+" and "+
			render(x.FalseResult)+" is "+no.kind.a()+"; both must be texts, numbers or truths (or null beside a text or number).", "")
	}
	return n
}

// textual reports whether n passes for a text beside another.
func (n *node) textual() bool {
	return n.kind == kindText || n.kind == kindAddr || n.kind == kindTime || n.kind == kindNull
}

func chooseNumber(cond truthFunc, yes, no *node) numberFunc {
	a, b := yes.asNumber(), no.asNumber()
	return func(e *Env) (float64, bool) {
		if cond(e) {
			return a(e)
		}
		return b(e)
	}
}

// asNumber returns the number of a number or time; null for any other kind.
func (n *node) asNumber() numberFunc {
	if n.number != nil {
		return n.number
	}
	return func(*Env) (float64, bool) { return 0, false }
}

func finite(v float64) (float64, bool) { return v, !math.IsNaN(v) && !math.IsInf(v, 0) }
