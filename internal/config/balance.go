package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/config/advice"
	"fishplate/internal/config/render"
	"fishplate/internal/config/schema"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

func (l *loader) balance(n *node) model.Balance {
	e := n.raw("balance")
	if e == nil {
		return model.Balance{Text: "roundrobin", Steps: []model.BalanceStep{{Name: "roundrobin"}}}
	}
	var items []hclsyntax.Expression
	if t, ok := e.(*hclsyntax.TupleConsExpr); ok {
		items = t.Exprs
		if len(items) == 0 {
			l.errorf(e.Range(), "an empty pipeline chooses nothing", "", `write balance = "roundrobin"`)
		}
	} else {
		items = []hclsyntax.Expression{e}
	}
	b := model.Balance{}
	for _, item := range items {
		if step, ok := l.step(item, len(items) == 1); ok {
			b.Steps = append(b.Steps, step)
		}
	}
	texts := make([]string, len(b.Steps))
	for i, s := range b.Steps {
		texts[i] = s.String()
	}
	b.Text = strings.Join(texts, " | ")
	return b
}

// step reads one transform: a name in quotes, or a call.
func (l *loader) step(e hclsyntax.Expression, alone bool) (model.BalanceStep, bool) {
	if w, ok := e.(*hclsyntax.TemplateWrapExpr); ok {
		e = w.Wrapped
	}
	var names, lone []string
	for _, t := range schema.Transforms() {
		names = append(names, t.Name)
		if t.Alone {
			lone = append(lone, t.Name)
		}
	}
	call, ok := e.(*hclsyntax.FunctionCallExpr)
	if !ok || call.Name == "env" {
		row := &schema.Row{Attr: &schema.Attr{Name: "balance", Kind: schema.String, OneOf: lone}}
		name, good := l.convert(row, e).(string)
		return model.BalanceStep{Name: name, At: e.Range()}, good
	}
	if !slices.Contains(names, call.Name) {
		l.errorf(call.NameRange, fmt.Sprintf("there is no transform %q", call.Name), "", schema.DidYouMean(call.Name, names))
		return model.BalanceStep{}, false
	}
	s := model.BalanceStep{Name: call.Name, At: e.Range()}
	args := call.Args
	if s.Name == "hash" && len(args) > 0 {
		s.Key = l.text(args[0], false)
		args = args[1:]
	}
	for _, a := range args {
		v, ok := l.scope.eval(a)
		if !ok {
			return s, false
		}
		text := strings.Trim(render.Value(v), `"`)
		s.Args = append(s.Args, text)
	}
	if problem := advice.Step(&s); problem != "" {
		l.errorf(e.Range(), problem, "", "")
		return s, false
	}
	return s, true
}

// condition, text and number keep a request-time expression and check its type.
func (l *loader) condition(e hclsyntax.Expression) model.Expr {
	x := l.request(e)
	_, diags := predicate.CompileBool(x, l.predicates(false))
	l.take(diags, e.Range())
	return x
}

func (l *loader) text(e hclsyntax.Expression, response bool) model.Expr {
	x := l.request(e)
	if v, ok := render.Literal(x.Node.(hclsyntax.Expression)); ok && (v.IsNull() || v.Type() == cty.String) {
		return x // most values are plain text
	}
	_, diags := predicate.CompileString(x, l.predicates(response))
	l.take(diags, e.Range())
	return x
}

func (l *loader) number(e hclsyntax.Expression) model.Expr {
	x := l.request(e)
	_, diags := predicate.CompileNumber(x, l.predicates(false))
	l.take(diags, e.Range())
	return x
}

func (l *loader) predicates(response bool) predicate.Options {
	return predicate.Options{FS: l.o.FS, Lists: &l.lists, Patterns: &l.patterns, Response: response, Tenant: l.guest}
}

func requestNames() []string {
	var names []string
	for _, n := range predicate.Names() {
		root, _, _ := strings.Cut(n.Name, ".")
		if !slices.Contains(names, root) {
			names = append(names, root)
		}
	}
	return names
}
