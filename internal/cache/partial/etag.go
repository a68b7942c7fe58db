package partial

import "fishplate/internal/message"

// Comparison is one of the two ways to compare entity tags (RFC 9110 §8.8.3.2).
type Comparison bool

// The comparisons.
const (
	Weak   Comparison = false // the opaque parts are equal
	Strong Comparison = true  // and neither is weak
)

// SameTag compares two entity tags. What is no entity tag equals nothing,
// except that an unquoted one, as some origins send, is weakly equal to the
// same bytes.
func SameTag(a, b []byte, how Comparison) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	ta, oa := opaque(a)
	tb, ob := opaque(b)
	if how == Strong && (ta != strongTag || tb != strongTag) {
		return false
	}
	return (ta == noTag) == (tb == noTag) && string(oa) == string(ob)
}

type tagKind uint8

const (
	noTag tagKind = iota
	weakTag
	strongTag
)

// opaque classifies v and returns its opaque part with the quotes, or v itself
// when it is no entity tag.
func opaque(v []byte) (tagKind, []byte) {
	tag, rest, ok := cutTag(v)
	switch {
	case !ok || len(rest) > 0:
		return noTag, v
	case tag[0] == 'W':
		return weakTag, tag[2:]
	}
	return strongTag, tag
}

// cutTag splits an entity tag off the beginning of v (§8.8.3).
func cutTag(v []byte) (tag, rest []byte, ok bool) {
	at := 0
	if len(v) >= 2 && v[0] == 'W' && v[1] == '/' {
		at = 2
	}
	if at >= len(v) || v[at] != '"' {
		return nil, v, false
	}
	for i := at + 1; i < len(v); i++ {
		c := v[i]
		if c == '"' {
			return v[:i+1], v[i+1:], true
		}
		if c < 0x21 || c == 0x7f {
			break
		}
	}
	return nil, v, false
}

// matches reports whether the list of that field, over all its lines, names the
// tag. "*" names every representation there is; without a tag only that does.
func matches(h *message.Header, name string, etag []byte, how Comparison) bool {
	for i := h.Find(name); i >= 0; i = h.FindFrom(name, i+1) {
		if MatchList(h.Value(i), etag, how) {
			return true
		}
	}
	return false
}

// MatchList reports whether one value of If-Match or If-None-Match names the
// tag. Members that are no entity tags are passed over up to the next comma.
func MatchList(list, etag []byte, how Comparison) bool {
	if string(list) == "*" {
		return true
	}
	for {
		list = skipEmpty(list)
		if len(list) == 0 {
			return false
		}
		member, rest, ok := cutTag(list)
		if end := skipSpace(rest); !ok || len(end) > 0 && end[0] != ',' {
			member, rest = cutMember(list)
		}
		if SameTag(member, etag, how) {
			return true
		}
		list = rest
	}
}

// cutMember splits at the next comma; space before it is not the member's.
func cutMember(list []byte) (member, rest []byte) {
	end := 0
	for end < len(list) && list[end] != ',' {
		end++
	}
	member, rest = list[:end], list[end:]
	for len(member) > 0 && isSpace(member[len(member)-1]) {
		member = member[:len(member)-1]
	}
	return member, rest
}

// skipEmpty passes over the empty members that a recipient allows (§5.6.1.2).
func skipEmpty(b []byte) []byte {
	for len(b) > 0 && (b[0] == ',' || isSpace(b[0])) {
		b = b[1:]
	}
	return b
}

func skipSpace(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
