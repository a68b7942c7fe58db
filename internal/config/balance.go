package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"fishplate/internal/model"
	"fishplate/internal/predicate"
)

// transform is one row of the balancing language.
type transform struct {
	name  string
	args  string // how it is written in a pipeline; "" = no arguments
	alone bool   // may stand as balance = "NAME"
	doc   string
}

// transforms is the table of the balancing language.
func transforms() []transform {
	return []transform{
		{"roundrobin", "", true, "By turns, smooth and weighted."},
		{"leastconn", "", true, "Fewest requests in flight for its weight."},
		{"random", "", true, "At random, by weight."},
		{"p2c", "", true, "The less busy of two taken at random."},
		{"first", "", true, "The first in file order that has room."},
		{"ewma", "", true, "Lowest moving average of the latency."},
		{"source", "", true, "By the client's address."},
		{"path", "", true, "By the path."},
		{"ring", "", true, "By the path, on a ring of points."},
		{"maglev", "", true, "By the path, by a Maglev table."},
		{"rendezvous", "", true, "By the path, by the highest hash."},
		{"carp", "", true, "By the URL, as the CARP draft says."},
		{"fresh", `("6s")`, false, "Keeps servers whose own load report is not older."},
		{"zone", `("eu-1a")`, false, "Keeps servers of the zone, if any."},
		{"shuffle", "()", false, "Puts them in random order."},
		{"weight", "()", false, "Puts them in random order, heavier ones rather first."},
		{"take", `("log2")`, false, "Keeps the first N, or the logarithm of their number."},
		{"least", `("load")`, false, "Keeps those with the least load, connections or latency."},
		{"hash", `(path, "rendezvous")`, false, "Orders by the hash of a value: rendezvous, maglev, ring, carp, carp-squid or sum."},
		{"bounded", "(1.25)", false, "Skips servers above so many times the average load."},
	}
}

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
	for _, t := range transforms() {
		names = append(names, t.name)
		if t.alone {
			lone = append(lone, t.name)
		}
	}
	call, ok := e.(*hclsyntax.FunctionCallExpr)
	if !ok || call.Name == "env" {
		row := &attrRow{Attr: &Attr{Name: "balance", Kind: String, OneOf: lone}}
		name, good := l.convert(row, e).(string)
		return model.BalanceStep{Name: name, At: e.Range()}, good
	}
	if !slices.Contains(names, call.Name) {
		l.errorf(call.NameRange, fmt.Sprintf("there is no transform %q", call.Name), "", didYouMean(call.Name, names))
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
		text := strings.Trim(renderValue(v), `"`)
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
	for _, t := range transforms() {
		if t.name == s.Name {
			example = t.name + t.args
			if strings.Contains(t.args, "(") && t.args != "()" {
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
		d, err := Duration(arg)
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
	return fmt.Sprintf("%s takes %s, not %q", name, list(allowed), word)
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
	if v, ok := literal(x.Node.(hclsyntax.Expression)); ok && (v.IsNull() || v.Type() == cty.String) {
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
	return predicate.Options{FS: l.o.FS, Response: response}
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
