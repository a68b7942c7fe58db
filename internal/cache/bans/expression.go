package bans

import (
	"fmt"
	"strings"
)

// Number chooses what Object.Number returns.
type Number uint8

// The numbers of an object.
const (
	Status  Number = iota // status code of the answer
	Size                  // bytes of the body, or what is known of them
	Hits                  // answers it has given
	Born                  // when its age was 0, unix nanoseconds
	Expires               // when its freshness ends, unix nanoseconds
	Passed                // number of the newest ban it has passed
)

// Object is what an expression asks about. Byte slices are views that are valid
// during one call of Match.
type Object interface {
	// Header returns the field line of that lower-case name and index; ok is
	// false behind the last one.
	Header(name string, index int) (value []byte, ok bool)
	// Tag reports whether the object carries the tag.
	Tag(tag string) bool
	// Key is the text of its key, which begins with its URL.
	Key() []byte
	// Owner is the tenant and the virtual host whose partition it lies in.
	Owner() (tenant, vhost string)
	Number(n Number) int64
}

// Bounds of an expression.
const (
	MaxText  = 4096 // bytes
	maxNodes = 256
	maxDepth = 64
	maxRegex = 1024 // bytes of one pattern
)

// Expression is a compiled ban. It is immutable.
type Expression struct {
	root     *node
	text     string
	timeless bool // its truth about an object never changes
}

// Compile reads an expression. The error is an *Error.
func Compile(text string) (*Expression, error) {
	if len(text) > MaxText {
		return nil, &Error{Source: text[:MaxText], Offset: MaxText, Summary: fmt.Sprintf("the expression is longer than %d bytes", MaxText)}
	}
	return compile(text, 0)
}

// compile reads an expression that may have slack more parts and levels than
// somebody may write: a canonical text that was limited to a tenant.
func compile(text string, slack int) (*Expression, error) {
	p := parser{source: text, nodes: -slack, depth: -slack}
	p.advance()
	root := p.whole()
	if p.err != nil {
		return nil, p.err
	}
	return newExpression(root), nil
}

func newExpression(root *node) *Expression {
	var b strings.Builder
	root.write(&b, 0)
	return &Expression{root: root, text: b.String(), timeless: root.timeless()}
}

// Within returns the expression limited to the objects of one tenant.
func (e *Expression) Within(tenant string) *Expression { return e.of(valueTenant, tenant) }

// WithinHost returns the expression limited to the objects of one virtual host,
// by its name.
func (e *Expression) WithinHost(vhost string) *Expression { return e.of(valueVHost, vhost) }

func (e *Expression) of(which value, name string) *Expression {
	owner := &node{op: opEqual, kind: kindTruth, args: []*node{
		{op: opValue, kind: kindText, value: which}, {op: opLiteral, kind: kindText, text: name},
	}}
	return newExpression(&node{op: opAnd, kind: kindTruth, args: []*node{owner, e.root}})
}

// String is the canonical text: equal expressions that differ in spaces,
// parentheses or units have the same, and it compiles to the same expression.
func (e *Expression) String() string { return e.text }

// Match reports whether the expression is true of the object. Ages are those
// at the time given, in unix nanoseconds.
func (e *Expression) Match(o Object, at int64) bool { return e.root.truth(o, at) }

// Error says where an expression is wrong, and why.
type Error struct {
	Source     string
	Offset     int // in bytes
	Summary    string
	Suggestion string // what was probably meant; "" when nothing comes close
}

// Error implements error: one line, with the column in characters from 1.
func (e *Error) Error() string {
	text := fmt.Sprintf("compile ban: column %d: %s", e.column()+1, e.Summary)
	if e.Suggestion != "" {
		text += ": did you mean " + e.Suggestion + "?"
	}
	return text
}

// Detail is the error with the expression and a caret below it.
func (e *Error) Detail() string {
	line := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, e.Source)
	return e.Error() + "\n  " + line + "\n  " + strings.Repeat(" ", e.column()) + "^"
}

func (e *Error) column() int { return len([]rune(e.Source[:min(e.Offset, len(e.Source))])) }
