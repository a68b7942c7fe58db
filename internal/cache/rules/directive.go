package rules

import "fishplate/internal/message"

// form says how a directive's argument was written.
type form uint8

const (
	bare   form = iota // no argument
	token              // name=token
	quoted             // name="text"
	broken             // something that the grammar of RFC 9111 §5.2 does not allow
)

// A directive is one element of Cache-Control.
type directive struct {
	name []byte
	arg  []byte // of a quoted one what stands between the quotes, not unescaped
	form form
}

// directives goes through the elements of one line of Cache-Control.
//
// After something that the grammar does not allow, such as a semicolon, it goes
// on with what follows, but calls everything broken up to the next comma; after a
// quote that is never closed, up to the end. So "max-age=60; private" is heard to
// say private, and nothing that cannot be read makes an answer fresh.
type directives struct {
	rest  []byte
	doubt bool // up to the next comma
	lost  bool // up to the end
}

// next reads the next directive into d; false at the end.
func (l *directives) next(d *directive) bool {
	for len(l.rest) > 0 && !message.IsTokenByte(l.rest[0]) {
		switch c := l.rest[0]; {
		case c == ',':
			l.doubt = false
		case !isSpace(c):
			l.doubt = true
		}
		l.rest = l.rest[1:]
	}
	if len(l.rest) == 0 {
		return false
	}
	i := tokenEnd(l.rest)
	*d = directive{name: l.rest[:i]}
	l.rest = l.rest[i:]
	if len(l.rest) > 0 && l.rest[0] == '=' {
		l.rest = l.rest[1:]
		l.argument(d)
	}
	l.rest = skipSpace(l.rest)
	l.doubt = l.doubt || len(l.rest) > 0 && l.rest[0] != ','
	if l.doubt || l.lost {
		d.form = broken
	}
	return true
}

// argument reads what follows the equals sign.
func (l *directives) argument(d *directive) {
	if len(l.rest) == 0 || l.rest[0] != '"' {
		i := tokenEnd(l.rest)
		d.arg, d.form = l.rest[:i], token
		if i == 0 {
			d.form = broken
		}
		l.rest = l.rest[i:]
		return
	}
	l.rest = l.rest[1:]
	for i := 0; i < len(l.rest); i++ {
		switch l.rest[i] {
		case '"':
			d.arg, d.form = l.rest[:i], quoted
			l.rest = l.rest[i+1:]
			return
		case '\\':
			i++
		}
	}
	l.lost = true
}

func tokenEnd(s []byte) int {
	i := 0
	for i < len(s) && message.IsTokenByte(s[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

func skipSpace(s []byte) []byte {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

func trimSpace(s []byte) []byte {
	s = skipSpace(s)
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// is reports whether the directive has that name; names are case-insensitive.
func (d *directive) is(name string) bool { return message.EqualFold(d.name, name) }

// seconds returns the argument of a directive that takes delta-seconds. A quoted
// number is accepted, as RFC 9111 §5.2 asks of recipients.
func (d *directive) seconds() (n int64, ok bool) {
	if d.form != token && d.form != quoted {
		return 0, false
	}
	return parseSeconds(d.arg)
}

// maxSeconds is what greater numbers count as (RFC 9111 §1.2.2).
const maxSeconds = 1 << 31

const second = int64(1e9) // in the unit of Times

// parseSeconds reads delta-seconds: digits and nothing else.
func parseSeconds(s []byte) (n int64, ok bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int64(c-'0'), maxSeconds)
	}
	return n, len(s) > 0
}
