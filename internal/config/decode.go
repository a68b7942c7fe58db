package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"fishplate/internal/config/advice"
	"fishplate/internal/config/schema"
	"fishplate/internal/config/syntax"
	"fishplate/internal/model"
)

// node is one block decoded by its table: typed values, and inner blocks in order.
type node struct {
	table *schema.Table
	label string
	at    hcl.Range // label, or the block's name
	attrs map[string]value
	kids  map[string][]*node
	seen  map[[2]string]*node // kids by kind and label, while it is decoded
	kept  *kept               // for later loads; nil: nothing
}

// value is one attribute as written.
type value struct {
	v    any // nil when it could not be converted; the error was reported
	expr hclsyntax.Expression
	name hcl.Range
	at   hcl.Range
}

// decode converts a body by its table and reports everything that is wrong in it.
func (l *loader) decode(b *syntax.Body, t *schema.Table, label string, at hcl.Range) *node {
	n := &node{table: t, label: label, at: at, attrs: make(map[string]value, len(b.Attrs))}
	for _, a := range b.Attrs {
		l.decodeAttr(n, a)
	}
	n.seen = make(map[[2]string]*node, len(b.Blocks))
	for _, in := range b.Blocks {
		l.decodeBlock(n, in)
	}
	n.seen = nil
	if t.Name != "" {
		l.missing(n)
	}
	return n
}

func (l *loader) decodeAttr(n *node, a syntax.Attribute) {
	row := n.table.Rows[a.Name]
	if row == nil {
		l.unknownAttr(n, a)
		return
	}
	if row.Unbuilt != "" {
		l.warnf(a.At, fmt.Sprintf("%q is not built yet", a.Name), "", row.Unbuilt)
	}
	val := value{expr: a.Expr, name: a.At, at: a.Expr.Range()}
	switch row.Kind {
	case schema.Condition, schema.Text, schema.Number, schema.Fields, schema.Shares, schema.Pipeline:
		val.v = a.Expr
	default:
		val.v = l.convert(row, a.Expr)
	}
	n.attrs[a.Name] = val
}

// convert evaluates now; nil means that an error was reported.
func (l *loader) convert(row *schema.Row, e hclsyntax.Expression) any {
	cv, ok := l.scope.eval(e)
	if !ok {
		return nil
	}
	if cv.IsNull() {
		l.errorf(e.Range(), fmt.Sprintf("%q is null", row.Name), "", "leave the attribute out to get its default")
		return nil
	}
	v, err := row.FromValue(cv)
	if err == nil {
		return v
	}
	var word *schema.WordError
	suggestion := ""
	if errors.As(err, &word) {
		suggestion = schema.DidYouMean(word.Word, word.Allowed)
	}
	l.errorf(e.Range(), err.Error(), "", suggestion)
	return nil
}

func (l *loader) unknownAttr(n *node, a syntax.Attribute) {
	where := n.table.Where(n.label)
	if n.table.Name == "locals" {
		return
	}
	if in := n.table.Inner[a.Name]; in != nil {
		l.errorf(a.At, fmt.Sprintf("%q is a block, not an attribute", a.Name), "", fmt.Sprintf("write %s without \"=\"", blockForm(in)))
		return
	}
	names := n.table.AttrNames()
	suggestion := schema.DidYouMean(a.Name, append(slices.Clone(names), n.table.BlockNames()...))
	switch {
	case a.Name == "quota" && n.table.Name == "cache":
		suggestion = "a route has no share of its own: write quota in the cache block of its vhost or tenant"
	case suggestion == "" && len(names) > 0:
		suggestion = "known here: " + schema.List(names)
	}
	l.errorf(a.At, fmt.Sprintf("%s has no attribute %q", where, a.Name), "", suggestion)
}

func blockForm(t *schema.Table) string {
	if t.Label != "" {
		return fmt.Sprintf("%s %q { … }", t.Name, t.Label)
	}
	return t.Name + " { … }"
}

func (l *loader) decodeBlock(n *node, in syntax.Block) {
	t := n.table.Inner[in.Name]
	if t == nil {
		l.unknownBlock(n, in)
		return
	}
	if t.Name == "locals" {
		return // gathered before
	}
	label, ok := l.label(t, in)
	if t.Unbuilt != "" {
		l.warnf(in.At, fmt.Sprintf("block %q is not built yet", in.Name), "It is read and checked, and has no effect.", t.Unbuilt)
	}
	child := l.decode(in.Body, t, label, in.Label)
	if !ok {
		return
	}
	if !t.Many && len(n.kids[in.Name]) > 0 {
		l.errorf(in.At, fmt.Sprintf("%s already has a block %q at %s", n.table.Where(n.label), in.Name, l.Place(n.kids[in.Name][0].at)), "", "join the two")
		return
	}
	if old := n.seen[[2]string{in.Name, label}]; old != nil {
		l.errorf(in.Label, fmt.Sprintf("%s %q is already written at %s", in.Name, label, l.Place(old.at)), "", "names are unique: rename one")
		return
	}
	n.seen[[2]string{in.Name, label}] = child
	n.add(child)
}

func (n *node) add(child *node) {
	if n.kids == nil {
		n.kids = map[string][]*node{}
	}
	n.kids[child.table.Name] = append(n.kids[child.table.Name], child)
}

// label checks the labels of a block against its table.
func (l *loader) label(t *schema.Table, in syntax.Block) (string, bool) {
	switch {
	case t.Label == "" && len(in.Labels) > 0:
		l.errorf(in.Label, fmt.Sprintf("block %q has no label", t.Name), "", "write "+blockForm(t))
		return "", true
	case t.Label == "":
		return "", true
	case len(in.Labels) == 0:
		l.errorf(in.At, fmt.Sprintf("block %q needs a %s", t.Name, t.Label), "", "write "+blockForm(t))
		return "", false
	case len(in.Labels) > 1:
		l.errorf(in.Label, fmt.Sprintf("block %q has one label, not %d", t.Name, len(in.Labels)), "", "write "+blockForm(t))
	}
	label := in.Labels[0]
	if label == "" {
		l.errorf(in.Label, fmt.Sprintf("the %s of block %q is empty", t.Label, t.Name), "", "")
		return "", false
	}
	if problem := advice.Name(label); problem != "" {
		l.errorf(in.Label, fmt.Sprintf("the %s of block %q %s", t.Label, t.Name, problem), "", "names stand in lists, logs and counters: choose one of a few letters")
		return "", false
	}
	if len(t.Labels) > 0 && !slices.Contains(t.Labels, label) {
		l.errorf(in.Label, fmt.Sprintf("there is no %s %q: %s is allowed", t.Name, label, schema.List(t.Labels)), "", schema.DidYouMean(label, t.Labels))
		return label, false
	}
	return label, true
}

func (l *loader) unknownBlock(n *node, in syntax.Block) {
	if _, ok := n.table.Rows[in.Name]; ok {
		l.errorf(in.At, fmt.Sprintf("%q is an attribute, not a block", in.Name), "", fmt.Sprintf("write %s = …", in.Name))
		return
	}
	names := n.table.BlockNames()
	suggestion := schema.DidYouMean(in.Name, append(slices.Clone(names), n.table.AttrNames()...))
	if suggestion == "" && len(names) > 0 {
		suggestion = "known here: " + schema.List(names)
	}
	l.errorf(in.At, fmt.Sprintf("%s has no block %q", n.table.Where(n.label), in.Name), "", suggestion)
}

func (l *loader) missing(n *node) {
	for i := range n.table.Attrs {
		a := &n.table.Attrs[i]
		if _, ok := n.attrs[a.Name]; a.Required && !ok {
			l.errorf(n.at, fmt.Sprintf("%s needs %q", n.table.Where(n.label), a.Name), a.Doc, "")
		}
	}
}

// has reports whether the attribute was written.
func (n *node) has(name string) bool { _, ok := n.attrs[name]; return ok }

// any is the value, or its default. A name that the table lacks is our bug.
func (n *node) any(name string) any {
	if v, ok := n.attrs[name]; ok && v.v != nil {
		return v.v
	}
	row, ok := n.table.Rows[name]
	if !ok {
		panic("no attribute " + name + " in block " + n.table.Name)
	}
	return row.Value
}

func (n *node) str(name string) string               { s, _ := n.any(name).(string); return s }
func (n *node) words(name string) []string           { s, _ := n.any(name).([]string); return s }
func (n *node) nets(name string) []netip.Prefix      { s, _ := n.any(name).([]netip.Prefix); return s }
func (n *node) dur(name string) time.Duration        { d, _ := n.any(name).(time.Duration); return d }
func (n *node) num(name string) int                  { i, _ := n.any(name).(int64); return int(i) }
func (n *node) size(name string) int64               { i, _ := n.any(name).(int64); return i }
func (n *node) frac(name string) float64             { f, _ := n.any(name).(float64); return f }
func (n *node) flag(name string) bool                { b, _ := n.any(name).(bool); return b }
func (n *node) file(name string) string              { return syntax.Resolve(n.at.Filename, n.str(name)) }
func (n *node) rangeOf(name string) model.Range      { return n.attrs[name].at }
func (n *node) raw(name string) hclsyntax.Expression { return n.attrs[name].expr }

// kid is the one inner block of that name, or an empty one with all defaults.
func (n *node) kid(name string) *node {
	if k := n.find(name); k != nil {
		return k
	}
	return &node{table: n.table.Inner[name], at: n.at}
}

// find is the first inner block of that name, or nil.
func (n *node) find(name string) *node {
	if k := n.kids[name]; len(k) > 0 {
		return k[0]
	}
	return nil
}
