package syntax

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"fishplate/internal/config/render"
)

// What the expressions of one load may make, in bytes as they lie in memory: a
// loop within a loop makes of a short text as much as one likes.
const (
	MaxMade = 128 << 20 // by all expressions together
	unmade  = 16 << 10  // of each, that are not counted
)

// What a value costs beside the bytes of its texts; a turn of a loop, and a number
// that is written out, for the time that it takes; and a complaint, which is kept.
const (
	wholeCost     = 64 // in what an expression comes to in the end: all who use it walk it
	valueCost     = 64 // in loops and templates
	turnCost      = 64
	numberCost    = 256
	complaintCost = 4 << 10
)

// maxExponent bounds numbers, as a power of two: written out, one of a few letters
// has as many digits as one likes.
const maxExponent = 4096

// Meter evaluates expressions, and bounds what they make. Made is what was counted
// so far: an expression that makes little counts for nothing, so that what depends
// on one that was counted can be told by it.
type Meter struct {
	Made int
	one  int  // by the expression that is evaluated now
	over bool // all is spent, which was said
}

// Value evaluates an expression. When too much was made the value is unknown, with
// an error the first time.
func (m *Meter) Value(e hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	m.one = 0
	e = m.in(e)
	if made, ok := e.(metered); ok {
		e = made.Expression // it counts once
	}
	v, diags := metered{e, m, 0, wholeCost, false}.Value(ctx)
	m.Made += max(0, m.one-unmade)
	return v, diags
}

// metered is an expression whose values count.
type metered struct {
	hclsyntax.Expression
	m      *Meter
	turn   int  // what a value costs that this makes,
	each   int  // and each that it consists of
	number bool // its value is taken for a number
}

// Value implements hcl.Expression.
func (e metered) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if e.m.over {
		return cty.DynamicVal, nil
	}
	v, diags := e.Expression.Value(ctx)
	if e.number {
		if n, err := convert.Convert(v, cty.Number); err == nil {
			v = n
		}
	}
	if isEndless(v) {
		return cty.DynamicVal, append(diags, endless(e.Range()))
	}
	cost := e.turn + complaintCost*len(diags)
	if v.Type() == cty.Number {
		cost += numberCost
	}
	left := MaxMade - e.m.Made + unmade - e.m.one
	rest := render.Rest(v, left-cost, e.each)
	if e.m.one += left - rest; rest < 0 && !e.m.over {
		e.m.over = true
		return cty.DynamicVal, append(diags, complaint(e.Range(), fmt.Sprintf("the expressions of this configuration make more than %d bytes", MaxMade),
			"loops within loops multiply, and so does what names one list several times: let them go over less, or write what they make into files"))
	}
	return v, diags
}

// isEndless reports a number that is not to be written out.
func isEndless(v cty.Value) bool {
	if v.IsNull() || !v.IsKnown() || v.Type() != cty.Number {
		return false
	}
	f := v.AsBigFloat()
	exponent := f.MantExp(nil)
	return f.IsInf() || exponent > maxExponent || exponent < -maxExponent
}

func endless(at hcl.Range) *hcl.Diagnostic {
	return complaint(at, "this number is too large or too small", "numbers have about a thousand digits at most")
}

func complaint(at hcl.Range, summary, remedy string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: remedy, Subject: at.Ptr()}
}

// made is an expression within another, whose values count.
func (m *Meter) made(e hclsyntax.Expression, turn int) hclsyntax.Expression {
	if _, plain := e.(*hclsyntax.LiteralValueExpr); e == nil || plain && turn == 0 {
		return e
	}
	return metered{m.in(e), m, turn, valueCost, false}
}

// operand is what an operator takes: a text is a number to it.
func (m *Meter) operand(e hclsyntax.Expression, op *hclsyntax.Operation) hclsyntax.Expression {
	return metered{m.in(e), m, 0, valueCost, op.Type == cty.Number}
}

// in returns an expression with everything in it metered that may make more than
// is written there: what loops go over and make, parts of templates, what functions
// return, and what is converted or compared as a whole. What has no such part is returned as it is.
func (m *Meter) in(e hclsyntax.Expression) hclsyntax.Expression {
	switch x := e.(type) {
	case *hclsyntax.ForExpr:
		c := *x
		c.CollExpr, c.ValExpr = m.made(x.CollExpr, 0), m.made(x.ValExpr, turnCost)
		c.KeyExpr, c.CondExpr = m.made(x.KeyExpr, turnCost), m.made(x.CondExpr, turnCost)
		return &c
	case *hclsyntax.SplatExpr:
		c := *x
		c.Source, c.Each = m.made(x.Source, 0), m.made(x.Each, turnCost)
		return &c
	case *hclsyntax.TemplateExpr:
		if x.IsStringLiteral() {
			return x
		}
		c := *x
		c.Parts = make([]hclsyntax.Expression, len(x.Parts))
		for i, p := range x.Parts {
			c.Parts[i] = m.made(p, 0)
		}
		return &c
	case *hclsyntax.ConditionalExpr:
		c := *x
		c.Condition, c.TrueResult, c.FalseResult = m.in(x.Condition), m.made(x.TrueResult, 0), m.made(x.FalseResult, 0)
		return &c
	case *hclsyntax.BinaryOpExpr:
		c := *x
		c.LHS, c.RHS = m.operand(x.LHS, x.Op), m.operand(x.RHS, x.Op)
		return &c
	case *hclsyntax.UnaryOpExpr:
		c := *x
		c.Val = m.operand(x.Val, x.Op)
		return &c
	case *hclsyntax.TemplateJoinExpr:
		return &hclsyntax.TemplateJoinExpr{Tuple: m.in(x.Tuple)}
	case *hclsyntax.TemplateWrapExpr:
		return &hclsyntax.TemplateWrapExpr{Wrapped: m.in(x.Wrapped), SrcRange: x.SrcRange}
	case *hclsyntax.ParenthesesExpr:
		c := *x
		c.Expression = m.in(x.Expression)
		return &c
	case *hclsyntax.RelativeTraversalExpr:
		c := *x
		c.Source = m.in(x.Source)
		return steps(&c, x.Traversal, func(t hcl.Traversal) hclsyntax.Expression {
			return &hclsyntax.RelativeTraversalExpr{Source: c.Source, Traversal: t, SrcRange: x.SrcRange}
		})
	case *hclsyntax.ScopeTraversalExpr:
		return steps(x, x.Traversal, func(t hcl.Traversal) hclsyntax.Expression {
			return &hclsyntax.ScopeTraversalExpr{Traversal: t, SrcRange: x.SrcRange}
		})
	case *hclsyntax.IndexExpr:
		c := *x
		c.Collection, c.Key = m.in(x.Collection), m.in(x.Key)
		return indexed{&c}
	case *hclsyntax.FunctionCallExpr:
		c := *x
		c.Args = m.all(x.Args)
		return metered{&c, m, 0, valueCost, false} // it may be a file's text
	case *hclsyntax.TupleConsExpr:
		c := *x
		c.Exprs = m.all(x.Exprs)
		return &c
	case *hclsyntax.ObjectConsKeyExpr:
		c := *x
		c.Wrapped = m.in(x.Wrapped)
		return &c
	case *hclsyntax.ObjectConsExpr:
		c := *x
		c.Items = make([]hclsyntax.ObjectConsItem, len(x.Items))
		for i, it := range x.Items {
			c.Items[i] = hclsyntax.ObjectConsItem{KeyExpr: m.in(it.KeyExpr), ValueExpr: m.in(it.ValueExpr)}
		}
		return &c
	}
	return e
}

func (m *Meter) all(list []hclsyntax.Expression) []hclsyntax.Expression {
	out := make([]hclsyntax.Expression, len(list))
	for i, e := range list {
		out[i] = m.in(e)
	}
	return out
}
