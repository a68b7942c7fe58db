package text

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
)

// Flags of base64.
const (
	URLAlphabet = 1
	NoPadding   = 2
)

func coding(flags uint64) *base64.Encoding {
	switch flags {
	case URLAlphabet:
		return base64.URLEncoding
	case NoPadding:
		return base64.RawStdEncoding
	case URLAlphabet | NoPadding:
		return base64.RawURLEncoding
	}
	return base64.StdEncoding
}

// AppendBase64 appends src in base64 (RFC 4648).
func AppendBase64(dst, src []byte, flags uint64) []byte {
	return coding(flags).AppendEncode(dst, src)
}

// UnBase64 appends what src stands for. Line breaks, and bits behind the data
// that are not zero, are errors: one text has one reading.
func UnBase64(dst, src []byte, flags uint64) ([]byte, bool) {
	if broken(src) {
		return dst, false
	}
	out, err := coding(flags).Strict().AppendDecode(dst, src)
	return out, err == nil
}

// DecodeBase64 decodes padded base64 of the standard alphabet (RFC 4648 §4); bits
// behind the data are ignored.
func DecodeBase64(src []byte) ([]byte, bool) {
	if broken(src) {
		return nil, false
	}
	out, err := base64.StdEncoding.AppendDecode(nil, src)
	return out, err == nil
}

// broken reports line breaks, which the library would skip.
func broken(src []byte) bool { return bytes.ContainsAny(src, "\r\n") }

// AppendHex appends src in hexadecimal digits.
func AppendHex(dst, src []byte, upper bool) []byte {
	at := len(dst)
	dst = hex.AppendEncode(dst, src)
	if upper {
		for i, c := range dst[at:] {
			if c >= 'a' {
				dst[at+i] = c - 0x20
			}
		}
	}
	return dst
}

// UnHex appends what src stands for.
func UnHex(dst, src []byte) ([]byte, bool) {
	out, err := hex.AppendDecode(dst, src)
	return out, err == nil
}

const upperHex = "0123456789ABCDEF"

// AppendPercent appends src with all but the unreserved characters of RFC 3986
// encoded; in a form a space becomes a plus.
func AppendPercent(dst, src []byte, form bool) []byte {
	for _, c := range src {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
			dst = append(dst, c)
		case form && c == ' ':
			dst = append(dst, '+')
		default:
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return dst
}

// UnPercent appends what src stands for; false when a % is not followed by two
// hexadecimal digits.
func UnPercent(dst, src []byte, form bool) ([]byte, bool) {
	for i := 0; i < len(src); i++ {
		c := src[i]
		switch {
		case c == '%':
			if i+2 >= len(src) {
				return dst, false
			}
			high, ok1 := digit(src[i+1])
			low, ok2 := digit(src[i+2])
			if !ok1 || !ok2 {
				return dst, false
			}
			dst = append(dst, high<<4|low)
			i += 2
		case form && c == '+':
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
	}
	return dst, true
}

func digit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// lenient decodes like a browser's form: what is no escape stays as it is.
func lenient(dst, src []byte, form bool) []byte {
	at := len(dst)
	if out, ok := UnPercent(dst, src, form); ok {
		return out
	}
	return append(dst[:at], src...)
}

// same reports whether an encoded name of a parameter is name.
func same(encoded, name []byte) bool {
	i := 0
	for j := 0; j < len(encoded); j++ {
		c := encoded[j]
		if c == '+' {
			c = ' '
		} else if c == '%' && j+2 < len(encoded) {
			high, ok1 := digit(encoded[j+1])
			low, ok2 := digit(encoded[j+2])
			if ok1 && ok2 {
				c, j = high<<4|low, j+2
			}
		}
		if i == len(name) || name[i] != c {
			return false
		}
		i++
	}
	return i == len(name)
}

// parameter cuts the first parameter off a query.
func parameter(query []byte) (whole, name, value, rest []byte) {
	end := 0
	for end < len(query) && query[end] != '&' {
		end++
	}
	whole, rest = query[:end], query[min(end+1, len(query)):]
	for i, c := range whole {
		if c == '=' {
			return whole, whole[:i], whole[i+1:], rest
		}
	}
	return whole, whole, nil, rest
}

// QueryValue appends the decoded value of the first parameter of that name.
func QueryValue(dst, query, name []byte) ([]byte, bool) {
	for len(query) > 0 {
		var key, value []byte
		_, key, value, query = parameter(query)
		if same(key, name) {
			return lenient(dst, value, true), true
		}
	}
	return dst, false
}

// EditQuery appends query without the parameters of that name; with set, one
// takes the first one's place, or the last. begin is where in dst the query
// begins. count is how many there were.
func EditQuery(dst []byte, begin int, query, name, value []byte, set bool) (out []byte, count int) {
	add := func(part ...[]byte) {
		if len(dst) > begin {
			dst = append(dst, '&')
		}
		for _, p := range part {
			dst = append(dst, p...)
		}
	}
	put := func() {
		add()
		dst = AppendPercent(dst, name, true)
		dst = append(dst, '=')
		dst = AppendPercent(dst, value, true)
	}
	for len(query) > 0 {
		var whole, key []byte
		whole, key, _, query = parameter(query)
		if !same(key, name) || len(whole) == 0 {
			add(whole)
			continue
		}
		if count++; set && count == 1 {
			put()
		}
	}
	if set && count == 0 {
		put()
	}
	return dst, count
}

// PathSegment appends segment i of a path, decoded, negative ones counted from
// the end.
func PathSegment(dst, path []byte, i int) ([]byte, bool) {
	if len(path) == 0 || path[0] != '/' {
		return dst, false
	}
	n := 0
	for _, c := range path {
		if c == '/' {
			n++
		}
	}
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		return dst, false
	}
	for path = path[1:]; ; i-- {
		end := 0
		for end < len(path) && path[end] != '/' {
			end++
		}
		if i == 0 {
			return lenient(dst, path[:end], false), true
		}
		path = path[end+1:]
	}
}

// Glob matches the whole text: * any bytes, ? one byte, sets in brackets. steps
// is how much work it was; it grows at most as the product of the lengths.
func Glob(pattern, s []byte, work Work) (matched, ok bool, err error) {
	if !validGlob(pattern) {
		return false, false, nil
	}
	p, i, star, mark, steps := 0, 0, -1, 0, 0
	for i < len(s) || p < len(pattern) {
		if steps++; steps%4096 == 0 {
			if err := work(4096); err != nil {
				return false, true, err
			}
		}
		if p < len(pattern) {
			if pattern[p] == '*' {
				star, mark = p, i
				p++
				continue
			}
			if i < len(s) {
				if n, hit := globOne(pattern[p:], s[i]); hit {
					p, i = p+n, i+1
					continue
				}
			}
		}
		if star < 0 || mark >= len(s) {
			return false, true, work(steps % 4096)
		}
		mark++
		p, i = star+1, mark
	}
	return true, true, work(steps % 4096)
}

func validGlob(p []byte) bool {
	for len(p) > 0 {
		n := globLen(p)
		if n == 0 {
			return false
		}
		p = p[n:]
	}
	return true
}

// globLen returns how long the first element of a pattern is, 0 when it is
// malformed.
func globLen(p []byte) int {
	switch p[0] {
	case '\\':
		if len(p) < 2 {
			return 0
		}
		return 2
	case '[':
		i := 1
		if i < len(p) && (p[i] == '!' || p[i] == '^') {
			i++
		}
		for first := true; i < len(p) && (p[i] != ']' || first); first = false {
			if p[i] == '\\' {
				i++
			}
			i++
		}
		if i >= len(p) {
			return 0
		}
		return i + 1
	}
	return 1
}

// globOne matches one byte with the first element, which is well-formed.
func globOne(p []byte, c byte) (n int, hit bool) {
	switch p[0] {
	case '?':
		return 1, true
	case '\\':
		return 2, p[1] == c
	case '[':
		n = globLen(p)
		set := p[1 : n-1]
		not := set[0] == '!' || set[0] == '^'
		if not {
			set = set[1:]
		}
		for len(set) > 0 {
			from, rest := globByte(set)
			to := from
			if len(rest) > 1 && rest[0] == '-' {
				to, rest = globByte(rest[1:])
			}
			hit = hit || c >= from && c <= to
			set = rest
		}
		return n, hit != not
	}
	return 1, p[0] == c
}

func globByte(set []byte) (byte, []byte) {
	if set[0] == '\\' && len(set) > 1 {
		return set[1], set[2:]
	}
	return set[0], set[1:]
}
