package bans

import "strings"

// Binding strengths, from the weakest.
const (
	bindOr = iota + 1
	bindAnd
	bindCompare
	bindNot
)

// operator is how an op is written: between its arguments if bind is above 0,
// else before them.
type operator struct {
	op   op
	text string
	bind int
}

func operators() []operator {
	return []operator{
		{opOr, "||", bindOr}, {opAnd, "&&", bindAnd},
		{opEqual, "==", bindCompare}, {opUnequal, "!=", bindCompare},
		{opLess, "<", bindCompare}, {opAtMost, "<=", bindCompare},
		{opMore, ">", bindCompare}, {opAtLeast, ">=", bindCompare},
		{opNot, "!", 0},
		{opPrefix, "prefix", 0}, {opSuffix, "suffix", 0}, {opContains, "contains", 0}, {opMatch, "match", 0},
		{opHeader, "obj.header", 0}, {opTag, "obj.tag", 0},
	}
}

func operatorOf(o op) operator {
	for _, row := range operators() {
		if row.op == o {
			return row
		}
	}
	return operator{}
}

// field is a value of the object as it is written.
type field struct {
	name  string
	value value
	kind  kind
}

func fields() []field {
	return []field{
		{"age", valueAge, kindDuration}, {"hits", valueHits, kindWhole}, {"host", valueHost, kindText},
		{"path", valuePath, kindText}, {"query", valueQuery, kindText}, {"size", valueSize, kindSize},
		{"status", valueStatus, kindWhole}, {"tenant", valueTenant, kindText}, {"ttl", valueTTL, kindDuration},
		{"url", valueURL, kindText}, {"vhost", valueVHost, kindText},
	}
}

// write writes the canonical text; outer is the binding strength around it.
func (n *node) write(b *strings.Builder, outer int) {
	row := operatorOf(n.op)
	switch {
	case n.op == opLiteral:
		n.writeLiteral(b)
	case n.op == opValue:
		for _, f := range fields() {
			if f.value == n.value {
				b.WriteString("obj." + f.name)
			}
		}
	case n.op == opNot:
		b.WriteByte('!')
		n.args[0].write(b, bindNot)
	case row.bind > 0:
		n.writeBetween(b, row, outer)
	default:
		b.WriteString(row.text + "(")
		if n.op == opHeader || n.op == opTag {
			quote(b, n.text)
		}
		for i, a := range n.args {
			if i > 0 {
				b.WriteString(", ")
			}
			a.write(b, 0)
		}
		b.WriteByte(')')
	}
}

// writeBetween writes an operator between its arguments. Comparisons have no
// order among themselves, so one inside another stands in parentheses.
func (n *node) writeBetween(b *strings.Builder, row operator, outer int) {
	inner := row.bind
	if inner == bindCompare {
		inner++
	}
	if row.bind < outer {
		b.WriteByte('(')
	}
	n.args[0].write(b, inner)
	b.WriteString(" " + row.text + " ")
	n.args[1].write(b, inner)
	if row.bind < outer {
		b.WriteByte(')')
	}
}

func (n *node) writeLiteral(b *strings.Builder) {
	switch n.kind {
	case kindTruth:
		b.WriteString([...]string{"false", "true"}[n.num])
	case kindNull:
		b.WriteString("null")
	case kindText:
		quote(b, n.text)
	default:
		writeNumber(b, n.num, n.kind)
	}
}
