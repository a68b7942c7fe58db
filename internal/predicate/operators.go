package predicate

import (
	"cmp"
	"math"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// opText returns the operator as it is written.
func opText(op *hclsyntax.Operation) string {
	switch op {
	case hclsyntax.OpLogicalOr:
		return "||"
	case hclsyntax.OpLogicalAnd:
		return "&&"
	case hclsyntax.OpLogicalNot:
		return "!"
	case hclsyntax.OpEqual:
		return "=="
	case hclsyntax.OpNotEqual:
		return "!="
	case hclsyntax.OpGreaterThan:
		return ">"
	case hclsyntax.OpGreaterThanOrEqual:
		return ">="
	case hclsyntax.OpLessThan:
		return "<"
	case hclsyntax.OpLessThanOrEqual:
		return "<="
	case hclsyntax.OpAdd:
		return "+"
	case hclsyntax.OpSubtract, hclsyntax.OpNegate:
		return "-"
	case hclsyntax.OpMultiply:
		return "*"
	case hclsyntax.OpDivide:
		return "/"
	}
	return "%"
}

func (c *compiler) unary(x *hclsyntax.UnaryOpExpr) *node {
	v := c.expr(x.Val)
	if v == nil {
		return nil
	}
	if x.Op == hclsyntax.OpLogicalNot {
		if v.kind != kindBool {
			c.notTruth(v)
			return nil
		}
		f := v.truth
		return truthNode(x, func(e *Env) bool { return !f(e) }, v)
	}
	if v.kind != kindNumber {
		return c.notNumber(v, "-")
	}
	f := v.number
	return numberNode(x, func(e *Env) (float64, bool) { n, ok := f(e); return -n, ok }, v)
}

func (c *compiler) notNumber(v *node, op string) *node {
	suggestion := ""
	if v.kind == kindText && !v.constant {
		suggestion = "number(" + render(v.expr) + ")"
	}
	return c.fail(v.expr, v.kind.a()+" is not a number",
		render(v.expr)+" is "+v.kind.a()+"; "+op+" works on numbers.", suggestion)
}

func (c *compiler) binary(x *hclsyntax.BinaryOpExpr) *node {
	l, r := c.expr(x.LHS), c.expr(x.RHS)
	if l == nil || r == nil {
		return nil
	}
	switch x.Op {
	case hclsyntax.OpLogicalOr, hclsyntax.OpLogicalAnd:
		return c.logical(x, l, r)
	case hclsyntax.OpEqual:
		if f := c.equal(x, l, r); f != nil {
			return truthNode(x, f, l, r)
		}
		return nil
	case hclsyntax.OpNotEqual:
		if f := c.equal(x, l, r); f != nil {
			return truthNode(x, func(e *Env) bool { return !f(e) }, l, r)
		}
		return nil
	case hclsyntax.OpLessThan, hclsyntax.OpLessThanOrEqual, hclsyntax.OpGreaterThan, hclsyntax.OpGreaterThanOrEqual:
		return c.order(x, l, r)
	}
	return c.arithmetic(x, l, r)
}

func (c *compiler) logical(x *hclsyntax.BinaryOpExpr, l, r *node) *node {
	for _, n := range []*node{l, r} {
		if n.kind != kindBool {
			c.notTruth(n)
		}
	}
	if c.diags.HasErrors() {
		return nil
	}
	and := x.Op == hclsyntax.OpLogicalAnd
	// A constant side decides, or leaves the other.
	for _, side := range [][2]*node{{l, r}, {r, l}} {
		if side[0].constant {
			if side[0].truth(nil) == and {
				return side[1]
			}
			return constTruth(x, !and)
		}
	}
	a, b := l.truth, r.truth
	if and {
		return truthNode(x, func(e *Env) bool { return a(e) && b(e) }, l, r)
	}
	return truthNode(x, func(e *Env) bool { return a(e) || b(e) }, l, r)
}

// equal compiles l == r; nil after reporting that they do not compare.
func (c *compiler) equal(x *hclsyntax.BinaryOpExpr, l, r *node) truthFunc {
	if l.constant && !r.constant {
		l, r = r, l
	}
	switch {
	case l.kind == kindList || r.kind == kindList:
		c.fail(x, "a list does not compare", "one_of(x, [a, b]) asks whether x is in a list.", "")
		return nil
	case r.kind == kindNull && l.kind != kindBool:
		return l.absent()
	case l.kind == kindNull && r.kind != kindBool:
		return r.absent()
	case l.kind == kindBool && r.kind == kindBool:
		a, b := l.truth, r.truth
		return func(e *Env) bool { return a(e) == b(e) }
	case l.kind == kindAddr && r.kind == kindText && r.constant:
		return c.equalAddr(l, r)
	case l.kind == kindAddr && r.kind == kindAddr:
		a, b := l.addr, r.addr
		return func(e *Env) bool {
			x, okx := a(e)
			y, oky := b(e)
			return okx == oky && (!okx || x == y)
		}
	}
	if a, b, ok := c.numbers(l, r); ok {
		return func(e *Env) bool {
			x, okx := a(e)
			y, oky := b(e)
			return okx == oky && (!okx || x == y)
		}
	}
	if !l.textual() || !r.textual() || l.kind == kindTime || r.kind == kindTime {
		c.mismatch(x, l, r)
		return nil
	}
	return equalText(l.asText(), r)
}

// equalText compares a text with r; the usual case is a constant.
func equalText(a textFunc, r *node) truthFunc {
	b := r.asText()
	if r.constant {
		if want, ok := b(nil); ok {
			return func(e *Env) bool { s, ok := a(e); return ok && s == want }
		}
		return func(e *Env) bool { _, ok := a(e); return !ok }
	}
	return func(e *Env) bool {
		s, oks := a(e)
		t, okt := b(e)
		return oks == okt && (!oks || s == t)
	}
}

func (c *compiler) equalAddr(l, r *node) truthFunc {
	s, _ := r.text(nil)
	want, ok := parseAddr(s)
	if !ok {
		suggestion := ""
		if _, err := parsePrefix(s); err == nil {
			suggestion = "cidr(" + render(l.expr) + ", " + render(r.expr) + ")"
		}
		c.fail(r.expr, "not an address", render(l.expr)+" is an address, and "+render(r.expr)+" can never equal one.", suggestion)
		return nil
	}
	a := l.addr
	return func(e *Env) bool { ip, ok := a(e); return ok && ip == want }
}

// numbers returns both sides as numbers when they compare as such: two numbers,
// two times, or a time and a constant that reads as one.
func (c *compiler) numbers(l, r *node) (a, b numberFunc, ok bool) {
	switch {
	case l.kind == kindNumber && r.kind == kindNumber, l.kind == kindTime && r.kind == kindTime:
		return l.number, r.number, true
	case l.kind == kindTime && r.kind == kindText && r.constant:
		t, ok := constTime(r)
		return l.number, t, ok
	case r.kind == kindTime && l.kind == kindText && l.constant:
		t, ok := constTime(l)
		return t, r.number, ok
	}
	return nil, nil, false
}

// constTime reads an RFC 3339 time, or a date or date and time in UTC.
func constTime(n *node) (numberFunc, bool) {
	s, ok := n.text(nil)
	if !ok {
		return nil, false
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			v := seconds(t)
			return func(*Env) (float64, bool) { return v, true }, true
		}
	}
	return nil, false
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

func (c *compiler) mismatch(x *hclsyntax.BinaryOpExpr, l, r *node) {
	op, suggestion := opText(x.Op), ""
	switch {
	case l.kind == kindText && r.kind == kindNumber && r.constant:
		suggestion = "number(" + render(x.LHS) + ") " + op + " " + render(x.RHS)
	case l.kind == kindNumber && r.kind == kindText && l.constant:
		suggestion = render(x.LHS) + " " + op + " number(" + render(x.RHS) + ")"
	}
	lk, rk := l.kind.a(), r.kind.a()
	c.fail(x, lk+" does not compare with "+rk, render(x.LHS)+" is "+lk+" and "+render(x.RHS)+" is "+rk+"; "+op+
		" compares two texts, two numbers, or two times (written \"2026-01-31T12:00:00Z\").", suggestion)
}

func (c *compiler) order(x *hclsyntax.BinaryOpExpr, l, r *node) *node {
	test := orderTest(x.Op)
	if a, b, ok := c.numbers(l, r); ok {
		return truthNode(x, func(e *Env) bool {
			x, okx := a(e)
			y, oky := b(e)
			return okx && oky && test(cmp.Compare(x, y))
		}, l, r)
	}
	if l.kind != kindText || r.kind != kindText {
		c.mismatch(x, l, r)
		return nil
	}
	a, b := l.text, r.text
	return truthNode(x, func(e *Env) bool {
		s, oks := a(e)
		t, okt := b(e)
		return oks && okt && test(cmp.Compare(s, t))
	}, l, r)
}

func orderTest(op *hclsyntax.Operation) func(int) bool {
	switch op {
	case hclsyntax.OpLessThan:
		return func(d int) bool { return d < 0 }
	case hclsyntax.OpLessThanOrEqual:
		return func(d int) bool { return d <= 0 }
	case hclsyntax.OpGreaterThan:
		return func(d int) bool { return d > 0 }
	}
	return func(d int) bool { return d >= 0 }
}

func (c *compiler) arithmetic(x *hclsyntax.BinaryOpExpr, l, r *node) *node {
	for _, n := range []*node{l, r} {
		if n.kind == kindText && x.Op == hclsyntax.OpAdd {
			return c.fail(x, "texts are not added", "+ works on numbers; texts are joined by a template.",
				"\"${"+render(x.LHS)+"}${"+render(x.RHS)+"}\"")
		}
		if n.kind != kindNumber {
			return c.notNumber(n, opText(x.Op))
		}
	}
	a, b, do := l.number, r.number, arithmeticOf(x.Op)
	return numberNode(x, func(e *Env) (float64, bool) {
		v, okv := a(e)
		w, okw := b(e)
		if !okv || !okw {
			return 0, false
		}
		return finite(do(v, w))
	}, l, r)
}

// arithmeticOf returns the operation; what has no finite result becomes null.
func arithmeticOf(op *hclsyntax.Operation) func(a, b float64) float64 {
	switch op {
	case hclsyntax.OpAdd:
		return func(a, b float64) float64 { return a + b }
	case hclsyntax.OpSubtract:
		return func(a, b float64) float64 { return a - b }
	case hclsyntax.OpMultiply:
		return func(a, b float64) float64 { return a * b }
	case hclsyntax.OpDivide:
		return func(a, b float64) float64 { return a / b }
	}
	return math.Mod
}
