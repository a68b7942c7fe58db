package predicate

import (
	"fishplate/internal/model"

	"github.com/hashicorp/hcl/v2"
)

// Predicate is a compiled truth. A nil Predicate is always true: it stands for
// an expression that was not written.
type Predicate struct {
	root  *node
	files bool
}

// CompileBool compiles an expression that must be true or false. The
// diagnostics may hold warnings beside a usable Predicate; see Hint for what
// they carry.
func CompileBool(x model.Expr, o Options) (*Predicate, hcl.Diagnostics) {
	c := &compiler{o: o}
	n := c.root(x)
	if n == nil {
		return nil, c.diags
	}
	if n.kind != kindBool {
		c.notTruth(n)
		return nil, c.diags
	}
	return &Predicate{root: n, files: c.files}, c.diags
}

// Eval returns the truth of p for e.
func (p *Predicate) Eval(e *Env) bool {
	if p == nil {
		return true
	}
	e.Scratch = e.Scratch[:0]
	return p.root.truth(e)
}

// Const returns p's truth when it does not depend on the request.
func (p *Predicate) Const() (truth, ok bool) {
	if p == nil {
		return true, true
	}
	return p.root.constant && p.root.truth(nil), p.root.constant
}

// ReadsFiles reports whether p holds the content of files, so that an equal
// expression may compile to something else later.
func (p *Predicate) ReadsFiles() bool { return p != nil && p.files }

// Explain evaluates every part of p and returns the whole first, then its
// operands, each followed by its own. Constants are left out.
func (p *Predicate) Explain(e *Env) []Part {
	if p == nil {
		return nil
	}
	return p.root.explain(e)
}

// Value is a compiled text. A nil Value is always null.
type Value struct {
	root  *node
	parts []textFunc
	files bool
}

// CompileString compiles an expression that yields a text or null. Numbers,
// addresses, times and truths are written as text.
func CompileString(x model.Expr, o Options) (*Value, hcl.Diagnostics) {
	c := &compiler{o: o}
	n := c.root(x)
	if n == nil {
		return nil, c.diags
	}
	if n.kind == kindList {
		c.fail(n.expr, "a list is not a text", "One text is wanted here, for example \"a${path}\".", "")
		return nil, c.diags
	}
	v := &Value{root: n, parts: n.parts, files: c.files}
	if v.parts == nil {
		v.parts = []textFunc{n.asText()}
	}
	return v, c.diags
}

// Append appends the text that v has for e to dst; ok is false, and dst as it
// was, when that is null. dst must not be e.Scratch.
func (v *Value) Append(dst []byte, e *Env) (out []byte, ok bool) {
	if v == nil {
		return dst, false
	}
	e.Scratch = e.Scratch[:0]
	out = dst
	for _, part := range v.parts {
		s, ok := part(e)
		if !ok {
			return dst, false
		}
		out = append(out, s...)
	}
	return out, true
}

// Const returns v's text when it does not depend on the request and is not null.
func (v *Value) Const() (string, bool) {
	if v == nil || !v.root.constant {
		return "", false
	}
	return v.root.asText()(nil)
}

// Head returns the constant text that v's text always begins with.
func (v *Value) Head() string {
	if s, ok := v.Const(); ok || v == nil {
		return s
	}
	return v.root.head
}

// ReadsFiles is Predicate.ReadsFiles.
func (v *Value) ReadsFiles() bool { return v != nil && v.files }

// Explain is Predicate.Explain.
func (v *Value) Explain(e *Env) []Part {
	if v == nil {
		return nil
	}
	return v.root.explain(e)
}

// Number is a compiled number. A nil Number is always null.
type Number struct {
	root *node
	eval numberFunc
}

// CompileNumber compiles an expression that yields a number or null. A text is
// read as number() reads it.
func CompileNumber(x model.Expr, o Options) (*Number, hcl.Diagnostics) {
	c := &compiler{o: o}
	n := c.root(x)
	if n == nil {
		return nil, c.diags
	}
	switch n.kind {
	case kindNumber:
		return &Number{root: n, eval: n.number}, c.diags
	case kindText, kindNull:
		return &Number{root: n, eval: parseNumberOf(n.asText())}, c.diags
	}
	c.fail(n.expr, n.kind.a()+" is not a number", render(n.expr)+" is "+n.kind.a()+"; a number is wanted here.", "")
	return nil, c.diags
}

// Eval returns the number that n has for e; ok is false when it is null.
func (n *Number) Eval(e *Env) (number float64, ok bool) {
	if n == nil {
		return 0, false
	}
	e.Scratch = e.Scratch[:0]
	return n.eval(e)
}

// Explain is Predicate.Explain.
func (n *Number) Explain(e *Env) []Part {
	if n == nil {
		return nil
	}
	return n.root.explain(e)
}
