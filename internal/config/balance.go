package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

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
	if problem := badStep(&s, call); problem != "" {
		l.errorf(e.Range(), problem, "", "")
		return s, false
	}
	return s, true
}

// badStep checks the arguments of a transform and brings them to one form.
func badStep(s *model.BalanceStep, call *hclsyntax.FunctionCallExpr) string {
	wanted, example := 0, ""
	for _, t := range schema.Transforms() {
		if t.Name == s.Name {
			example = t.Name + t.Args
			if strings.Contains(t.Args, "(") && t.Args != "()" {
				wanted = 1
			}
		}
	}
	if s.Name == "hash" && !s.Key.Set() || s.Name != "hash" && len(s.Args) != wanted || len(s.Args) > 1 {
		return fmt.Sprintf("%s takes other arguments, such as %s", s.Name, example)
	}
	if len(s.Args) == 0 {
		return ""
	}
	arg := s.Args[0]
	switch s.Name {
	case "fresh":
		d, err := schema.Duration(arg)
		if err != nil || d <= 0 {
			return fmt.Sprintf(`fresh takes a duration above 0, such as "6s", not %q`, arg)
		}
		s.Args[0] = d.String()
	case "take":
		if n, err := strconv.Atoi(arg); arg != "log2" && (err != nil || n < 1) {
			return fmt.Sprintf(`take takes a number above 0 or "log2", not %q`, arg)
		}
	case "least":
		return oneOf("least", arg, "load", "connections", "latency")
	case "bounded":
		if f, err := strconv.ParseFloat(arg, 64); err != nil || f < 1 || f > 1000 {
			return fmt.Sprintf("bounded takes a factor from 1 to 1000, not %q", arg)
		}
	case "hash":
		return oneOf("hash", arg, "rendezvous", "maglev", "ring", "carp", "carp-squid", "sum")
	}
	return ""
}

func oneOf(name, word string, allowed ...string) string {
	if slices.Contains(allowed, word) {
		return ""
	}
	return fmt.Sprintf("%s takes %s, not %q", name, schema.List(allowed), word)
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
	return predicate.Options{FS: l.o.FS, Response: response, Tenant: l.guest}
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
