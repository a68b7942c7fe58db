package bans

import (
	"bytes"
	"regexp"
	"unsafe"
)

// kind is the type of a value.
type kind uint8

const (
	kindNone kind = iota
	kindTruth
	kindText
	kindWhole
	kindDuration
	kindSize
	kindNull
)

// name is the kind with its article, for errors.
func (k kind) name() string {
	return [...]string{"nothing", "a truth", "a text", "a number", "a duration", "a size", "null"}[k]
}

type op uint8

const (
	opLiteral op = iota
	opValue      // obj.age
	opHeader     // obj.header("x")
	opTag        // obj.tag("x")
	opNot
	opAnd
	opOr
	opEqual
	opUnequal
	opLess
	opAtMost
	opMore
	opAtLeast
	opPrefix
	opSuffix
	opContains
	opMatch
)

// value is a field of the object.
type value uint8

const (
	valueNone value = iota
	valueStatus
	valueSize
	valueHits
	valueAge
	valueTTL
	valueHost
	valuePath
	valueQuery
	valueURL
	valueTenant
	valueVHost
)

// node is a part of an expression.
type node struct {
	op    op
	kind  kind
	value value
	at    int    // offset in the source
	text  string // literal, name of the field, tag or pattern
	num   int64  // literal; a truth is 0 or 1
	re    *regexp.Regexp
	args  []*node
}

// truth evaluates a node of kindTruth.
func (n *node) truth(o Object, at int64) bool {
	switch n.op {
	case opLiteral:
		return n.num != 0
	case opTag:
		return o.Tag(n.text)
	case opNot:
		return !n.args[0].truth(o, at)
	case opAnd:
		return n.args[0].truth(o, at) && n.args[1].truth(o, at)
	case opOr:
		return n.args[0].truth(o, at) || n.args[1].truth(o, at)
	case opPrefix, opSuffix, opContains, opMatch:
		return n.test(o)
	case opEqual, opUnequal:
		return n.equal(o, at) == (n.op == opEqual)
	}
	a, b := n.args[0].number(o, at), n.args[1].number(o, at)
	switch n.op {
	case opLess:
		return a < b
	case opAtMost:
		return a <= b
	case opMore:
		return a > b
	}
	return a >= b
}

// number evaluates a node that is a number, a duration or a size.
func (n *node) number(o Object, at int64) int64 {
	switch n.value {
	case valueStatus:
		return o.Number(Status)
	case valueSize:
		return o.Number(Size)
	case valueHits:
		return o.Number(Hits)
	case valueAge:
		return at - o.Number(Born)
	case valueTTL:
		return o.Number(Expires) - at
	}
	return n.num
}

// line returns the text of a node and index: a header field has as many as the
// object has lines of that name, everything else has one. Nothing is null.
func (n *node) line(o Object, index int) ([]byte, bool) {
	if n.op == opHeader {
		return o.Header(n.text, index)
	}
	if index > 0 || n.kind == kindNull {
		return nil, false
	}
	switch n.value {
	case valueNone:
		return view(n.text), true
	case valueTenant:
		tenant, _ := o.Owner()
		return view(tenant), true
	case valueVHost:
		_, vhost := o.Owner()
		return view(vhost), true
	}
	return part(o.Key(), n.value)
}

// view is the bytes of a string, which nobody writes to.
func view(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// equal compares two values of one type, or a text with null. A field of
// several lines equals what one of its lines equals.
func (n *node) equal(o Object, at int64) bool {
	a, b := n.args[0], n.args[1]
	switch {
	case a.kind == kindTruth:
		return a.truth(o, at) == b.truth(o, at)
	case a.kind != kindText && a.kind != kindNull:
		return a.number(o, at) == b.number(o, at)
	}
	if a.kind == kindNull || b.kind == kindNull {
		_, some := a.line(o, 0)
		_, other := b.line(o, 0)
		return !some && !other
	}
	for i := 0; ; i++ {
		x, ok := a.line(o, i)
		if !ok {
			return false
		}
		for k := 0; ; k++ {
			y, ok := b.line(o, k)
			if !ok {
				break
			}
			if bytes.Equal(x, y) {
				return true
			}
		}
	}
}

// test evaluates prefix, suffix, contains and match: one line has to fit one of
// the texts.
func (n *node) test(o Object) bool {
	for i := 0; ; i++ {
		line, ok := n.args[0].line(o, i)
		if !ok {
			return false
		}
		if n.op == opMatch && n.re.Match(line) {
			return true
		}
		for _, a := range n.args[1:] {
			if n.fits(line, view(a.text)) {
				return true
			}
		}
	}
}

func (n *node) fits(line, want []byte) bool {
	switch n.op {
	case opPrefix:
		return bytes.HasPrefix(line, want)
	case opSuffix:
		return bytes.HasSuffix(line, want)
	case opContains:
		return bytes.Contains(line, want)
	}
	return false
}

// timeless reports whether the node says the same of an object at all times.
func (n *node) timeless() bool {
	switch n.value {
	case valueAge, valueTTL, valueHits, valueSize:
		return false
	}
	for _, a := range n.args {
		if !a.timeless() {
			return false
		}
	}
	return true
}

// part cuts a piece out of a key: scheme "://" host path ["?" query], and
// behind a line feed what else makes the key. A query that is not there is
// null; a key that is no URL has neither host nor path.
func part(key []byte, v value) ([]byte, bool) {
	if i := bytes.IndexByte(key, '\n'); i >= 0 {
		key = key[:i]
	}
	if v == valueURL {
		return key, true
	}
	i := bytes.Index(key, []byte("://"))
	if i < 0 {
		return nil, false
	}
	rest := key[i+len("://"):]
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if v == valueHost {
		return rest[:end], true
	}
	path, query, found := bytes.Cut(rest[end:], []byte("?"))
	if v == valuePath {
		return path, true
	}
	return query, found
}
