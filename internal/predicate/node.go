package predicate

import (
	"net/netip"
	"strconv"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// kind is the type of an expression.
type kind uint8

const (
	kindNull   kind = iota // the literal null
	kindBool               // never null
	kindText               // or null
	kindNumber             // or null
	kindAddr               // an IP address, or null
	kindTime               // seconds since 1970 as number, RFC 3339 as text, or null
	kindList               // only an argument of functions
)

var kindWords = [...]string{"null", "a truth", "a text", "a number", "an address", "a time", "a list"}

// a returns the kind's word with its article.
func (k kind) a() string { return kindWords[k] }

type (
	truthFunc  func(*Env) bool
	textFunc   func(*Env) (string, bool)
	numberFunc func(*Env) (float64, bool)
	addrFunc   func(*Env) (netip.Addr, bool)
)

// node is one part of a compiled expression. The closure of its kind is set: a
// time has number and text. The closures of a constant ignore their argument,
// so that compilation reads a constant by calling them with nil.
type node struct {
	kind     kind
	constant bool
	expr     hclsyntax.Expression
	kids     []*node
	truth    truthFunc
	text     textFunc
	number   numberFunc
	addr     addrFunc
	parts    []textFunc // of a template, in order
	head     string     // the constant text that a template begins with
	items    []*node    // of a list
	file     *list      // of a file_set
}

func truthNode(x hclsyntax.Expression, f truthFunc, kids ...*node) *node {
	return (&node{kind: kindBool, expr: x, truth: f, kids: kids}).fold()
}

func textNode(x hclsyntax.Expression, f textFunc, kids ...*node) *node {
	return (&node{kind: kindText, expr: x, text: f, kids: kids}).fold()
}

func numberNode(x hclsyntax.Expression, f numberFunc, kids ...*node) *node {
	return (&node{kind: kindNumber, expr: x, number: f, kids: kids}).fold()
}

func constTruth(x hclsyntax.Expression, b bool) *node {
	return &node{kind: kindBool, constant: true, expr: x, truth: func(*Env) bool { return b }}
}

func constText(x hclsyntax.Expression, s string, ok bool) *node {
	return &node{kind: kindText, constant: true, expr: x, text: func(*Env) (string, bool) { return s, ok }}
}

func constNumber(x hclsyntax.Expression, f float64, ok bool) *node {
	return &node{kind: kindNumber, constant: true, expr: x, number: func(*Env) (float64, bool) { return f, ok }}
}

// fold replaces a node whose operands are all constant by its value. Nodes
// without operands are the request's values and stay.
func (n *node) fold() *node {
	if len(n.kids) == 0 {
		return n
	}
	for _, k := range n.kids {
		if !k.constant {
			return n
		}
	}
	e := &Env{BodySize: -1}
	switch n.kind {
	case kindBool:
		return constTruth(n.expr, n.truth(e))
	case kindText:
		s, ok := n.text(e)
		return constText(n.expr, s, ok) // the text may lie in e.Scratch, which nothing else uses
	case kindNumber:
		f, ok := n.number(e)
		return constNumber(n.expr, f, ok)
	}
	return n
}

// asText returns n's value written as text.
func (n *node) asText() textFunc {
	switch n.kind {
	case kindText, kindTime:
		return n.text
	case kindBool:
		f := n.truth
		return func(e *Env) (string, bool) { return strconv.FormatBool(f(e)), true }
	case kindNumber:
		if f := n.number; n.constant {
			v, ok := f(nil)
			s := string(appendNumber(nil, v))
			return func(*Env) (string, bool) { return s, ok }
		}
		return numberText(n.number)
	case kindAddr:
		return addrText(n.addr)
	}
	return func(*Env) (string, bool) { return "", false }
}

func numberText(f numberFunc) textFunc {
	return func(e *Env) (string, bool) {
		v, ok := f(e)
		if !ok {
			return "", false
		}
		start := len(e.Scratch)
		e.Scratch = appendNumber(e.Scratch, v)
		return e.since(start), true
	}
}

func addrText(f addrFunc) textFunc {
	return func(e *Env) (string, bool) {
		ip, ok := f(e)
		if !ok {
			return "", false
		}
		start := len(e.Scratch)
		e.Scratch = ip.AppendTo(e.Scratch)
		return e.since(start), true
	}
}

func appendNumber(dst []byte, v float64) []byte { return strconv.AppendFloat(dst, v, 'f', -1, 64) }

// asAddr returns n's value as an address; a text that is none is null.
func (n *node) asAddr() addrFunc {
	if n.kind == kindAddr {
		return n.addr
	}
	f := n.asText()
	return func(e *Env) (netip.Addr, bool) {
		s, ok := f(e)
		if !ok {
			return netip.Addr{}, false
		}
		return parseAddr(s)
	}
}

// parseAddr reads an address without a zone. Bytes that no address has are
// refused before netip, whose errors allocate and whose zones are kept.
func parseAddr(s string) (netip.Addr, bool) {
	if len(s) < 2 || len(s) > 45 {
		return netip.Addr{}, false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '.' && c != ':' && !isHex(c) {
			return netip.Addr{}, false
		}
	}
	ip, err := netip.ParseAddr(s)
	return ip.Unmap(), err == nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// absent returns a test for n being null.
func (n *node) absent() truthFunc {
	switch n.kind {
	case kindText:
		f := n.text
		return func(e *Env) bool { _, ok := f(e); return !ok }
	case kindNumber, kindTime:
		f := n.number
		return func(e *Env) bool { _, ok := f(e); return !ok }
	case kindAddr:
		f := n.addr
		return func(e *Env) bool { _, ok := f(e); return !ok }
	}
	return func(*Env) bool { return n.kind == kindNull }
}

// parseNumberOf reads a decimal number out of a text: digits with an optional
// sign and fraction, nothing else. Any other text is null.
func parseNumberOf(f textFunc) numberFunc {
	return func(e *Env) (float64, bool) {
		s, ok := f(e)
		if !ok {
			return 0, false
		}
		return parseNumber(s)
	}
}

func parseNumber(s string) (float64, bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	v, scale, digits := 0.0, 0.0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			v, scale, digits = v*10+float64(c-'0'), scale*10, digits+1
		case c == '.' && scale == 0 && digits > 0:
			scale, digits = 1, 0
		default:
			return 0, false
		}
	}
	if digits == 0 || len(s) > 32 {
		return 0, false
	}
	if scale > 1 {
		v /= scale
	}
	if neg {
		v = -v
	}
	return v, true
}
