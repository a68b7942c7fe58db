package rules

import "fishplate/internal/message"

// kindOf is the type of a bare item of structured fields (RFC 9651 §3.3).
type kindOf uint8

const (
	sfBoolean kindOf = iota
	sfInteger
	sfDecimal
	sfString
	sfToken
	sfBytes
	sfDate
	sfDisplay
	sfList // an inner list
)

// item is one parsed value; what is not needed here is checked and dropped.
type item struct {
	kind kindOf
	n    int64  // of an integer or a boolean
	text []byte // between the quotes of a string, escapes as they are; a token
}

// scanner reads structured fields by the algorithms of RFC 9651 §4.2. The first
// thing that the syntax does not allow makes bad true, and what was read before
// must then be forgotten too.
type scanner struct {
	s   []byte
	bad bool
}

func (s *scanner) peek() byte {
	if len(s.s) == 0 {
		return 0
	}
	return s.s[0]
}

func (s *scanner) take(c byte) bool {
	if len(s.s) == 0 || s.s[0] != c {
		return false
	}
	s.s = s.s[1:]
	return true
}

func (s *scanner) fail() { s.bad, s.s = true, nil }

// more goes to the next member of a list or dictionary; false at the end.
func (s *scanner) more() bool {
	s.s = skipSpace(s.s)
	if s.bad || len(s.s) == 0 {
		return false
	}
	if !s.take(',') {
		s.fail()
		return false
	}
	s.s = skipSpace(s.s)
	if len(s.s) == 0 {
		s.fail() // a comma that nothing follows
		return false
	}
	return true
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isAlpha(c byte) bool { return isLower(c | 0x20) }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// key reads a key of a dictionary or of parameters (§4.2.3.3).
func (s *scanner) key() []byte {
	if c := s.peek(); !isLower(c) && c != '*' {
		s.fail()
		return nil
	}
	i := 0
	for i < len(s.s) && (isLower(s.s[i]) || isDigit(s.s[i]) || s.s[i] == '_' || s.s[i] == '-' || s.s[i] == '.' || s.s[i] == '*') {
		i++
	}
	key := s.s[:i]
	s.s = s.s[i:]
	return key
}

// member reads one member of a dictionary (§4.2.2).
func (s *scanner) member() (key []byte, v item) {
	key = s.key()
	if s.take('=') {
		return key, s.value()
	}
	s.parameters()
	return key, item{kind: sfBoolean, n: 1}
}

// value reads an item or an inner list, with its parameters (§4.2.1.1).
func (s *scanner) value() (v item) {
	if s.peek() != '(' {
		v = s.bareItem()
		s.parameters()
		return v
	}
	s.take('(')
	for {
		for s.take(' ') {
		}
		if s.take(')') {
			s.parameters()
			return item{kind: sfList}
		}
		s.bareItem()
		s.parameters()
		if c := s.peek(); s.bad || c != ' ' && c != ')' {
			s.fail()
			return v
		}
	}
}

func (s *scanner) parameters() {
	for s.take(';') {
		for s.take(' ') {
		}
		s.key()
		if s.take('=') {
			s.bareItem()
		}
	}
}

// bareItem reads an item without parameters (§4.2.3.1).
func (s *scanner) bareItem() item {
	switch c := s.peek(); {
	case c == '-' || isDigit(c):
		return s.number()
	case c == '"':
		return s.str()
	case c == '*' || isAlpha(c):
		i := 1
		for i < len(s.s) && (message.IsTokenByte(s.s[i]) || s.s[i] == ':' || s.s[i] == '/') {
			i++
		}
		v := item{kind: sfToken, text: s.s[:i]}
		s.s = s.s[i:]
		return v
	case c == ':':
		return s.bytes()
	case c == '?':
		return s.boolean()
	case c == '@':
		s.take('@')
		v := s.number()
		if v.kind != sfInteger {
			s.fail()
		}
		return item{kind: sfDate}
	case c == '%':
		return s.display()
	}
	s.fail()
	return item{}
}

// number reads an integer of at most 15 digits or a decimal of at most 12 and 3
// (§4.2.4).
func (s *scanner) number() (v item) {
	v.kind = sfInteger
	negative := s.take('-')
	digits := 0
	for ; isDigit(s.peek()); digits++ {
		if digits < 15 {
			v.n = v.n*10 + int64(s.s[0]-'0')
		}
		s.s = s.s[1:]
	}
	if negative {
		v.n = -v.n
	}
	most := 15
	if s.take('.') {
		v.kind, most = sfDecimal, 12
		fraction := 0
		for ; isDigit(s.peek()); fraction++ {
			s.s = s.s[1:]
		}
		if fraction == 0 || fraction > 3 {
			s.fail()
		}
	}
	if digits == 0 || digits > most {
		s.fail()
	}
	return v
}

// str reads a string (§4.2.5).
func (s *scanner) str() item {
	b := s.s[1:]
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			s.s = b[i+1:]
			return item{kind: sfString, text: b[:i]}
		case c == '\\':
			i++
			if i == len(b) || b[i] != '"' && b[i] != '\\' {
				s.fail()
				return item{}
			}
		case c < 0x20 || c > 0x7e:
			s.fail()
			return item{}
		}
	}
	s.fail()
	return item{}
}

// bytes reads a byte sequence (§4.2.7); its base64 is not decoded.
func (s *scanner) bytes() item {
	for i, c := range s.s[1:] {
		switch {
		case c == ':':
			s.s = s.s[i+2:]
			return item{kind: sfBytes}
		case !isAlpha(c) && !isDigit(c) && c != '+' && c != '/' && c != '=':
			s.fail()
			return item{}
		}
	}
	s.fail()
	return item{}
}

// boolean reads ?0 or ?1 (§4.2.8).
func (s *scanner) boolean() item {
	if len(s.s) < 2 || s.s[1] != '0' && s.s[1] != '1' {
		s.fail()
		return item{}
	}
	v := item{kind: sfBoolean, n: int64(s.s[1] - '0')}
	s.s = s.s[2:]
	return v
}

// display reads a display string (§4.2.10); that its bytes are UTF-8 is not
// checked, as none is used.
func (s *scanner) display() item {
	if len(s.s) < 2 || s.s[1] != '"' {
		s.fail()
		return item{}
	}
	for i := 2; i < len(s.s); i++ {
		switch c := s.s[i]; {
		case c == '"':
			s.s = s.s[i+1:]
			return item{kind: sfDisplay}
		case c < 0x20 || c > 0x7e:
			s.fail()
			return item{}
		case c == '%':
			if i+2 >= len(s.s) || !isLowerHex(s.s[i+1]) || !isLowerHex(s.s[i+2]) {
				s.fail()
				return item{}
			}
			i += 2
		}
	}
	s.fail()
	return item{}
}

func isLowerHex(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' }

// unescaped appends a string's text without its escapes.
func (v *item) unescaped(dst []byte) []byte {
	for i := 0; i < len(v.text); i++ {
		if v.text[i] == '\\' {
			i++
		}
		dst = append(dst, v.text[i])
	}
	return dst
}

// combined returns the value of a structured field that may have several lines
// (§4.2); nil when there is none. The codec took the spaces around lines off.
func combined(h *message.Header, name string) []byte {
	i := h.Find(name)
	if i < 0 {
		return nil
	}
	value := h.Value(i)
	for i = h.FindFrom(name, i+1); i >= 0; i = h.FindFrom(name, i+1) {
		// A fresh slice: the first line lies in the head's own buffer.
		value = append(append(value[:len(value):len(value)], ", "...), h.Value(i)...)
	}
	return value
}
