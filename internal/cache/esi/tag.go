package esi

import "bytes"

// tag takes the complete tag of n bytes at w's begin. A tag of ours is dropped,
// or yields its event; any other, and one that breaks the syntax, is text.
func (p *Parser) tag(e *Event, n int) bool {
	tag := p.w[:n]
	at := p.at
	end := tag[1] == '/'
	name, attributes, empty := split(tag)
	if p.remove {
		// Nothing is looked at within remove but its end.
		p.remove = !end || name != "remove"
		p.drop(n)
		return false
	}
	*e = Event{At: at, Len: int64(n)}
	verdict := unknown
	switch name {
	case "include":
		verdict = p.include(e, attributes, end)
	case "comment":
		verdict = dropped
	case "remove":
		verdict = dropped
		p.remove = !end && !empty
	case "try":
		verdict = p.bracket(e, Try, end, empty)
	case "attempt":
		verdict = p.bracket(e, Attempt, end, empty)
	case "except":
		verdict = p.bracket(e, Except, end, empty)
	}
	switch verdict {
	case unknown:
		p.counts.Unknown++
		return p.text(e, n)
	case malformed:
		p.counts.Malformed++
		return p.text(e, n)
	}
	p.drop(n)
	return verdict == event
}

// A verdict is what becomes of a tag.
type verdict uint8

const (
	unknown verdict = iota
	malformed
	dropped
	event
)

// split takes a complete tag apart: the name after the prefix, what lies between
// it and the end, and whether it is an empty-element tag.
func split(tag []byte) (name string, attributes []byte, empty bool) {
	b := tag[len(startTag) : len(tag)-1]
	if tag[1] == '/' {
		b = tag[len(endTag) : len(tag)-1]
	} else if len(b) > 0 && b[len(b)-1] == '/' {
		b, empty = b[:len(b)-1], true
	}
	n := 0
	for n < len(b) && isNameByte(b[n]) {
		n++
	}
	return word(b[:n]), b[n:], empty
}

// word returns the name of an element of ours without allocating, "" for others.
func word(b []byte) string {
	for _, w := range [...]string{"include", "remove", "comment", "try", "attempt", "except"} {
		if string(b) == w {
			return w
		}
	}
	return ""
}

// include reads the attributes of an include. Its end tag, for which there is no
// need, is dropped.
func (p *Parser) include(e *Event, attributes []byte, end bool) verdict {
	if end {
		return dropped
	}
	p.values = p.values[:0]
	var src, alt [2]int // places in p.values
	var hasSrc, hasAlt, hasError bool
	for {
		name, value, rest, ok := attribute(attributes)
		if !ok {
			return malformed
		}
		if name == nil {
			break
		}
		attributes = rest
		switch string(name) {
		case "src":
			ok, hasSrc = !hasSrc, true
			src = p.keep(value)
		case "alt":
			ok, hasAlt = !hasAlt, true
			alt = p.keep(value)
		case "onerror":
			ok, hasError = !hasError, true
			e.Continue = string(value) == "continue"
		}
		if !ok {
			return malformed // XML knows no attribute twice
		}
	}
	if src[0] == src[1] {
		return malformed
	}
	e.Kind, e.Src = Include, p.values[src[0]:src[1]:src[1]]
	if alt[0] != alt[1] {
		e.Alt = p.values[alt[0]:alt[1]:alt[1]]
	}
	p.counts.Includes++
	return event
}

// keep appends a value, its entities resolved, to the arena. Offsets are
// returned, as the arena may move.
func (p *Parser) keep(value []byte) [2]int {
	from := len(p.values)
	p.values = unescape(p.values, bytes.Trim(value, " \t\r\n"))
	return [2]int{from, len(p.values)}
}

// attribute takes the first attribute off b. name is nil when there is none.
func attribute(b []byte) (name, value, rest []byte, ok bool) {
	i := skipSpace(b, 0)
	if i == len(b) {
		return nil, nil, nil, true
	}
	from := i
	for i < len(b) && isNameByte(b[i]) {
		i++
	}
	// White space must stand before a name, and a name before the '='.
	if i == from || from == 0 {
		return nil, nil, nil, false
	}
	name = b[from:i]
	i = skipSpace(b, i)
	if i == len(b) || b[i] != '=' {
		return nil, nil, nil, false
	}
	i = skipSpace(b, i+1)
	if i == len(b) || b[i] != '"' && b[i] != '\'' {
		return nil, nil, nil, false
	}
	n := bytes.IndexByte(b[i+1:], b[i])
	if n < 0 {
		return nil, nil, nil, false
	}
	return name, b[i+1 : i+1+n], b[i+n+2:], true
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// tried and excepted stand in Parser.open for a try whose attempt, or whose
// except, has been.
const (
	tried    = TryEnd + 1
	excepted = TryEnd + 2
)

// bracket opens or closes try, attempt and except where they may stand: a try
// has one attempt and after it at most one except, and nothing else.
func (p *Parser) bracket(e *Event, kind Kind, end, empty bool) verdict {
	in := p.innermost()
	if empty {
		return malformed
	}
	if end {
		if in != kind && !(kind == Try && isTry(in)) {
			return malformed
		}
		p.open = p.open[:len(p.open)-1]
		e.Kind = ending(kind)
		return event
	}
	last := len(p.open) - 1
	switch {
	case len(p.open) >= maxOpen:
		return malformed
	case kind == Try && !isTry(in):
	case kind == Attempt && in == Try:
		p.open[last] = tried
	case kind == Except && in == tried:
		p.open[last] = excepted
	default:
		return malformed
	}
	p.open = append(p.open, kind)
	e.Kind = kind
	return event
}

func isTry(k Kind) bool { return k == Try || k == tried || k == excepted }

// innermost is the bracket that is open, Text for none.
func (p *Parser) innermost() Kind {
	if len(p.open) == 0 {
		return Text
	}
	return p.open[len(p.open)-1]
}

// ending is the kind that ends a bracket.
func ending(kind Kind) Kind {
	switch kind {
	case Attempt:
		return AttemptEnd
	case Except:
		return ExceptEnd
	}
	return TryEnd
}
