package esi

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// unescape appends an attribute value with its entities resolved: the five of
// XML and character references. An ampersand that begins none of them stays, as
// pages write queries so. White space characters become spaces (XML 1.0 §3.3.3);
// those written as references stay what they are, and Resolve refuses them.
func unescape(dst, value []byte) []byte {
	for i := 0; i < len(value); {
		c := value[i]
		switch {
		case isSpace(c):
			dst = append(dst, ' ')
		case c == '&':
			if r, n := reference(value[i:]); n > 0 {
				dst = utf8.AppendRune(dst, r)
				i += n
				continue
			}
			dst = append(dst, c)
		default:
			dst = append(dst, c)
		}
		i++
	}
	return dst
}

// reference reads the entity or character reference that begins b; n is its
// length, 0 when there is none.
func reference(b []byte) (r rune, n int) {
	end := bytes.IndexByte(b[:min(len(b), 12)], ';')
	if end < 0 {
		return 0, 0
	}
	name := b[1:end]
	switch string(name) {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, 0
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	v, err := strconv.ParseUint(string(digits), base, 21)
	if err != nil || !utf8.ValidRune(rune(v)) {
		return 0, 0
	}
	return rune(v), end + 1
}
