package bans

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/agext/levenshtein"

	"fishplate/internal/message"
	"fishplate/internal/model"
)

// parser reads one expression. Its methods return nil once err is set; the
// first error is the one that is told.
type parser struct {
	source string
	pos    int
	token  token
	nodes  int
	depth  int
	err    *Error
}

func (p *parser) fail(at int, summary, suggestion string) *node {
	if p.err == nil {
		p.err = &Error{Source: p.source, Offset: at, Summary: summary, Suggestion: suggestion}
	}
	return nil
}

// node counts a new node against the bound.
func (p *parser) node(n node) *node {
	if p.nodes++; p.nodes > maxNodes {
		return p.fail(n.at, fmt.Sprintf("the expression has more than %d parts", maxNodes), "")
	}
	return &n
}

// skip reads over a mark if it is next.
func (p *parser) skip(mark string) bool {
	if p.token.kind != tokenMark || p.token.text != mark {
		return false
	}
	p.advance()
	return true
}

// whole reads the expression to its end.
func (p *parser) whole() *node {
	if p.token.kind == tokenEnd {
		return p.fail(0, "the expression is empty", `obj.host == "example.com"`)
	}
	n := p.truth(p.binary(bindOr))
	if n != nil && p.token.kind != tokenEnd {
		return p.unexpected()
	}
	return n
}

// unexpected reports the token that cannot stand here.
func (p *parser) unexpected() *node {
	switch p.token.kind {
	case tokenEnd:
		return p.fail(p.token.at, "the expression ends too early", "")
	case tokenText:
		return p.fail(p.token.at, "unexpected text", "")
	case tokenWord:
		return p.fail(p.token.at, fmt.Sprintf("unexpected %q", p.token.text), map[string]string{"and": "&&", "or": "||", "not": "!"}[p.token.text])
	}
	return p.fail(p.token.at, fmt.Sprintf("unexpected %q", p.token.text), "")
}

// binary reads operators that bind at least as strong as bind.
func (p *parser) binary(bind int) *node {
	if bind == bindNot {
		return p.unary()
	}
	left := p.binary(bind + 1)
	for left != nil && p.token.kind == tokenMark {
		row, ok := p.operator(bind)
		if !ok {
			break
		}
		at := p.token.at
		p.advance()
		right := p.binary(bind + 1)
		if right == nil {
			return nil
		}
		if bind == bindCompare {
			return p.compare(row.op, at, left, right)
		}
		if p.truth(left) == nil || p.truth(right) == nil {
			return nil
		}
		left = p.node(node{op: row.op, kind: kindTruth, at: at, args: []*node{left, right}})
	}
	return left
}

func (p *parser) operator(bind int) (operator, bool) {
	for _, row := range operators() {
		if row.bind == bind && row.text == p.token.text {
			return row, true
		}
	}
	return operator{}, false
}

// unary reads !x, (x) or a single value.
func (p *parser) unary() *node {
	if p.depth++; p.depth > maxDepth {
		return p.fail(p.token.at, fmt.Sprintf("parentheses and negations are nested deeper than %d", maxDepth), "")
	}
	defer func() { p.depth-- }()
	at := p.token.at
	switch {
	case p.skip("!"):
		n := p.truth(p.unary())
		if n == nil {
			return nil
		}
		return p.node(node{op: opNot, kind: kindTruth, at: at, args: []*node{n}})
	case p.skip("("):
		n := p.binary(bindOr)
		if n == nil || p.close(at) {
			return n
		}
		return nil
	}
	return p.single()
}

// close reads the parenthesis that belongs to the one at open.
func (p *parser) close(open int) bool {
	if p.skip(")") {
		return true
	}
	if p.token.kind == tokenEnd {
		p.fail(open, "the parenthesis is not closed", "")
	} else {
		p.unexpected()
	}
	return false
}

// single reads a literal, a field or a call.
func (p *parser) single() *node {
	t := p.token
	switch t.kind {
	case tokenText:
		p.advance()
		return p.node(node{kind: kindText, at: t.at, text: t.text})
	case tokenNumber:
		v, k, ok := number(t.text)
		if !ok {
			return p.fail(t.at, fmt.Sprintf("%q is no number, duration (60s, 1h30m, 2d) or size (10KiB, 1MB)", t.text), "")
		}
		p.advance()
		return p.node(node{kind: k, at: t.at, num: v})
	case tokenWord:
		p.advance()
		return p.word(t)
	}
	return p.unexpected()
}

func (p *parser) word(t token) *node {
	switch t.text {
	case "true", "false":
		n := node{kind: kindTruth, at: t.at}
		if t.text == "true" {
			n.num = 1
		}
		return p.node(n)
	case "null":
		return p.node(node{kind: kindNull, at: t.at})
	}
	known := []string{"true", "false", "null"}
	for _, f := range fields() {
		if known = append(known, "obj."+f.name); known[len(known)-1] == t.text {
			return p.node(node{op: opValue, kind: f.kind, value: f.value, at: t.at})
		}
	}
	for _, row := range operators() {
		if row.bind > 0 || row.op == opNot {
			continue
		}
		if known = append(known, row.text); row.text == t.text {
			return p.call(row, t)
		}
	}
	return p.fail(t.at, fmt.Sprintf("there is no %s", t.text), closest(t.text, known))
}

// call reads the arguments of a function.
func (p *parser) call(row operator, t token) *node {
	open := p.token.at
	if !p.skip("(") {
		return p.fail(t.at, row.text+" wants arguments in parentheses", form(row.op))
	}
	var args []*node
	for {
		n := p.unary()
		if n == nil {
			return nil
		}
		if args = append(args, n); !p.skip(",") {
			break
		}
	}
	if !p.close(open) {
		return nil
	}
	if row.op == opHeader || row.op == opTag {
		return p.named(row, t, args)
	}
	if len(args) < 2 || row.op == opMatch && len(args) > 2 {
		return p.fail(t.at, fmt.Sprintf("%s is called with %d arguments", row.text, len(args)), form(row.op))
	}
	for i, a := range args {
		if a.kind != kindText {
			return p.fail(a.at, a.kind.name()+" stands where a text is wanted", form(row.op))
		}
		if i > 0 && a.op != opLiteral {
			return p.fail(a.at, "a text in quotes is wanted here", form(row.op))
		}
	}
	n := node{op: row.op, kind: kindTruth, at: t.at, args: args}
	if row.op == opMatch {
		if n.re = p.pattern(args[1]); n.re == nil {
			return nil
		}
	}
	return p.node(n)
}

// named makes obj.header("X") or obj.tag("x").
func (p *parser) named(row operator, t token, args []*node) *node {
	if len(args) != 1 || args[0].op != opLiteral || args[0].kind != kindText {
		return p.fail(t.at, row.text+" wants one text in quotes", form(row.op))
	}
	name := args[0].text
	if row.op == opTag {
		return p.node(node{op: opTag, kind: kindTruth, at: t.at, text: name})
	}
	if !message.ValidName(name) {
		return p.fail(args[0].at, fmt.Sprintf("%q cannot be the name of a header field", name), "")
	}
	return p.node(node{op: opHeader, kind: kindText, at: t.at, text: strings.ToLower(name)})
}

func (p *parser) pattern(n *node) *regexp.Regexp {
	if len(n.text) > maxRegex {
		p.fail(n.at, fmt.Sprintf("the pattern is longer than %d bytes", maxRegex), "")
		return nil
	}
	_, err := model.MeasurePattern(n.text)
	var re *regexp.Regexp
	if err == nil {
		re, err = regexp.Compile(n.text)
	}
	if err != nil {
		p.fail(n.at, strings.TrimPrefix(err.Error(), "error parsing regexp: "), "")
		return nil
	}
	return re
}

// truth returns n if it is one, and else reports what it is instead.
func (p *parser) truth(n *node) *node {
	if n == nil || n.kind == kindTruth {
		return n
	}
	suggestion := ""
	if n.op == opHeader {
		suggestion = render(n) + " != null"
	}
	return p.fail(n.at, fmt.Sprintf("%s is %s and neither true nor false: compare it with something", render(n), n.kind.name()), suggestion)
}

// compare checks that two values can be compared by that operator.
func (p *parser) compare(o op, at int, a, b *node) *node {
	if p.token.kind == tokenMark {
		if _, ok := p.operator(bindCompare); ok {
			return p.fail(p.token.at, "comparisons cannot be chained: put && between them", "")
		}
	}
	adapt(a, b)
	adapt(b, a)
	ordered := o != opEqual && o != opUnequal
	null := a.kind == kindNull || b.kind == kindNull
	switch {
	case null && !ordered && (a.kind == b.kind || a.kind == kindText || b.kind == kindText):
	case a.kind != b.kind:
		return p.fail(b.at, fmt.Sprintf("%s is %s, and %s is %s", render(a), a.kind.name(), render(b), b.kind.name()), p.instead(a, b))
	case ordered && (a.kind == kindText || a.kind == kindTruth || a.kind == kindNull):
		return p.fail(at, fmt.Sprintf("%s compares numbers, durations and sizes, and %s is %s", operatorOf(o).text, render(a), a.kind.name()), "")
	}
	return p.node(node{op: o, kind: kindTruth, at: at, args: []*node{a, b}})
}

// adapt lets a plain number be a size in bytes, and 0 a duration.
func adapt(n, other *node) {
	if n.op == opLiteral && n.kind == kindWhole && (other.kind == kindSize || other.kind == kindDuration && n.num == 0) {
		n.kind = other.kind
	}
}

// instead guesses what was meant by a literal of the wrong type.
func (p *parser) instead(a, b *node) string {
	if a.op == opLiteral {
		a, b = b, a
	}
	if b.op != opLiteral {
		return ""
	}
	switch {
	case a.kind == kindDuration && b.kind == kindWhole:
		return render(b) + "s"
	case a.kind == kindText && (b.kind == kindWhole || b.kind == kindDuration || b.kind == kindSize):
		return `"` + render(b) + `"`
	case b.kind == kindText:
		if _, k, ok := number(b.text); ok && (k == a.kind) {
			return b.text + " without quotes"
		}
	}
	return ""
}

func render(n *node) string {
	var b strings.Builder
	n.write(&b, 0)
	return b.String()
}

// form is how a function is written.
func form(o op) string {
	switch o {
	case opHeader:
		return `obj.header("Name")`
	case opTag:
		return `obj.tag("name")`
	case opMatch:
		return `match(obj.path, "^/img/")`
	}
	return operatorOf(o).text + `(obj.path, "/a", "/b")`
}

// closest returns the candidate that a misspelt word most likely is, or "".
func closest(word string, candidates []string) string {
	best, bound := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		for _, form := range []string{c, strings.TrimPrefix(c, "obj.")} {
			if d := levenshtein.Distance(word, form, nil); d < bound {
				best, bound = c, d
			}
		}
	}
	return best
}
