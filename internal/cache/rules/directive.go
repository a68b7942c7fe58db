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

// next takes the first directive off a list. After something that the grammar
// does not allow, such as a semicolon or a quote that is never closed, it goes on
// as after a comma: so "max-age=60; private" is heard to say private, as is
// no-cache="a, private.
func next(list []byte) (d directive, rest []byte, ok bool) {
	i := 0
	for i < len(list) && !message.IsTokenByte(list[i]) {
		i++
	}
	list = list[i:]
	if len(list) == 0 {
		return d, nil, false
	}
	i = tokenEnd(list)
	d.name, list = list[:i], list[i:]
	if len(list) > 0 && list[0] == '=' {
		list = argument(&d, list[1:])
	}
	list = skipSpace(list)
	if len(list) > 0 && list[0] != ',' {
		d.form = broken
	}
	return d, list, true
}

// argument reads what follows the equals sign and returns the rest.
func argument(d *directive, list []byte) []byte {
	if len(list) == 0 || list[0] != '"' {
		i := tokenEnd(list)
		d.arg, d.form = list[:i], token
		if i == 0 {
			d.form = broken
		}
		return list[i:]
	}
	list = list[1:]
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case '"':
			d.arg, d.form = list[:i], quoted
			return list[i+1:]
		case '\\':
			i++
		}
	}
	d.form = broken
	return list
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
