package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/config/render"
	"fishplate/internal/config/schema"
	"fishplate/internal/config/syntax"
)

// scope is what an expression can see while the files are read: locals of all
// files, env and file.
type scope struct {
	l      *loader
	meter  syntax.Meter
	locals map[string]*local
	names  []string
	calls  syntax.Calls
}

// local is one name of a locals block; state guards against cycles.
type local struct {
	expr  hclsyntax.Expression
	at    hcl.Range
	state int // 0 not evaluated, 1 being evaluated, 2 done
	value cty.Value
}

func (s *scope) add(a syntax.Attribute) {
	if old, ok := s.locals[a.Name]; ok {
		s.l.errorf(a.At, fmt.Sprintf("local %q is already written at %s", a.Name, s.l.Place(old.at)), "", "")
		return
	}
	s.locals[a.Name] = &local{expr: a.Expr, at: a.At}
	s.names = append(s.names, a.Name)
}

// value evaluates a local when it is first asked for.
func (s *scope) value(name string, from hcl.Range) (cty.Value, bool) {
	loc, ok := s.locals[name]
	if !ok && s.l.broken {
		return cty.DynamicVal, false // a broken file may hold it
	}
	if !ok {
		s.l.errorf(from, fmt.Sprintf("there is no local %q", name), "", schema.DidYouMean(name, s.names))
		return cty.DynamicVal, false
	}
	switch loc.state {
	case 1:
		s.l.errorf(loc.at, fmt.Sprintf("local %q needs itself", name), "", "break the circle: one of the locals in it must be a plain value")
		loc.state, loc.value = 2, cty.DynamicVal
	case 0:
		loc.state = 1
		v, ok := s.eval(loc.expr)
		if !ok {
			v = cty.DynamicVal
		}
		loc.state, loc.value = 2, v
	}
	return loc.value, loc.value.IsKnown()
}

// eval computes an expression that must not need a request. It reports its own errors.
func (s *scope) eval(e hclsyntax.Expression) (cty.Value, bool) {
	if v, ok := render.Literal(e); ok {
		return v, true
	}
	vars := map[string]cty.Value{}
	ok := true
	for _, t := range e.Variables() {
		name, at := t.RootName(), t.SourceRange()
		if name != "local" {
			s.l.unknownName(name, at)
			ok = false
			continue
		}
		key, isAttr := "", false
		if len(t) > 1 {
			if a, is := t[1].(hcl.TraverseAttr); is {
				key, isAttr = a.Name, true
			}
		}
		if !isAttr {
			s.l.errorf(at, "a local is written local.NAME", "", "")
			ok = false
			continue
		}
		v, known := s.value(key, at)
		vars[key] = v
		ok = ok && known
	}
	if !ok {
		return cty.DynamicVal, false
	}
	ctx := &hcl.EvalContext{Functions: s.calls.In(e.Range().Filename)}
	if len(vars) > 0 {
		ctx.Variables = map[string]cty.Value{"local": cty.ObjectVal(vars)}
	}
	v, diags := s.meter.Value(e, ctx)
	s.l.take(diags, e.Range())
	return v, !diags.HasErrors() && v.IsWhollyKnown()
}

// unknownName explains a word that means nothing while files are read.
func (l *loader) unknownName(name string, at hcl.Range) {
	if slices.Contains(l.requestNames, name) {
		l.errorf(at, fmt.Sprintf("%q is a value of the request, which does not exist while the file is read", name),
			"Request values can be used in when, redirect.to, rewrite, set, add, rate keys and priority.", "a literal ${ in a string is written $${")
		return
	}
	l.errorf(at, fmt.Sprintf("unknown name %q", name), "", fmt.Sprintf("a word is a string and needs quotes: %q; a value of a locals block is local.%s; a literal ${ in a string is written $${", name, name))
}
