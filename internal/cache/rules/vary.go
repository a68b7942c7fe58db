package rules

import (
	"encoding/binary"

	"fishplate/internal/message"
)

// The text of a variant is a row of fields in the order of their names:
//
//	class, length of name, name in lower case, length of value (2 bytes), value
//
// It says how its values were brought to a normal form, so that it can be matched
// after a reload that changed the policy.
const (
	maxVaryNames = 16
	maxVaryText  = 8 << 10 // bytes
	absent       = 0xffff  // length of the value of a field that the request lacks
)

// class is a normal form of values: values with the same one mean the same.
type class uint8

const (
	opaque   class = iota // as it came, several lines joined
	list                  // lower case, no spaces around separators
	encoding              // the set of codings that are accepted
)

// AppendVary appends to dst the text that tells variants of one key apart: the
// fields that the answer's Vary names and their values in the request, in a
// normal form, so that two requests with equal texts get the same variant. It
// appends nothing when the answer does not vary. The reason is Storable, or says
// why the answer is for no other request; Judge has found the same.
func AppendVary(dst []byte, req *message.Request, resp *message.Header, p *Policy) (blob []byte, reason Reason) {
	names, n, reason := varyNames(resp, p)
	if reason != Storable {
		return dst, reason
	}
	start := len(dst)
	for _, name := range names[:n] {
		c := classOf(name, p)
		dst = append(dst, byte(c), byte(len(name)))
		for _, b := range name {
			dst = append(dst, lower(b))
		}
		at := len(dst)
		s := sink{dst: append(dst, 0, 0)}
		if !s.field(&req.Header, message.LookupName(name), name, c) {
			binary.BigEndian.PutUint16(s.dst[at:], absent)
		} else if size := len(s.dst) - at - 2; size < absent {
			binary.BigEndian.PutUint16(s.dst[at:], uint16(size))
		}
		if dst = s.dst; len(dst)-start > maxVaryText {
			return dst[:start], ReasonVaryLong
		}
	}
	return dst, Storable
}

// varies returns the reason of AppendVary without its text.
func varies(req *message.Request, resp *message.Header, p *Policy) Reason {
	names, n, reason := varyNames(resp, p)
	if reason != Storable {
		return reason
	}
	size := 0
	for _, name := range names[:n] {
		s := sink{mode: counting}
		s.field(&req.Header, message.LookupName(name), name, classOf(name, p))
		if size += 4 + len(name) + s.size; size > maxVaryText {
			return ReasonVaryLong
		}
	}
	return Storable
}

// MatchVary reports whether the variant with that text belongs to the request
// (RFC 9111 §4.1).
func MatchVary(blob []byte, req *message.Request, p *Policy) bool {
	for len(blob) > 0 {
		if len(blob) < 4 || len(blob) < 4+int(blob[1]) {
			return false
		}
		c, name := class(blob[0]), blob[2:2+int(blob[1])]
		blob = blob[2+len(name):]
		size := int(binary.BigEndian.Uint16(blob))
		blob = blob[2:]
		present := size != absent
		if !present {
			size = 0
		}
		if len(blob) < size {
			return false
		}
		value := blob[:size]
		blob = blob[size:]
		if len(p.VaryIgnore) > 0 && ignored(p, name) {
			continue
		}
		id := message.AcceptEncoding
		if c != encoding {
			id = message.LookupName(name)
		}
		s := sink{mode: comparing, want: value}
		found := s.field(&req.Header, id, name, c)
		if found != present || s.differs || len(s.want) > 0 {
			return false
		}
	}
	return true
}

// varyNames collects what Vary names, sorted, each once, without what the policy
// ignores.
func varyNames(h *message.Header, p *Policy) (names [maxVaryNames][]byte, n int, reason Reason) {
	for at := h.Index(message.Vary, 0); at >= 0; at = h.Index(message.Vary, at+1) {
		for rest := h.Value(at); len(rest) > 0; {
			var name []byte
			name, rest = member(rest)
			if len(name) == 0 {
				continue
			}
			if !message.ValidName(name) || len(name) > 255 || string(name) == "*" {
				return names, 0, ReasonVaryStar
			}
			if ignored(p, name) {
				continue
			}
			i, same := place(names[:n], name)
			if same {
				continue
			}
			if n == maxVaryNames {
				return names, 0, ReasonVaryLong
			}
			copy(names[i+1:n+1], names[i:n])
			names[i] = name
			n++
		}
	}
	return names, n, Storable
}

// ignored reports whether the policy says that the field tells no variants apart.
func ignored(p *Policy, name []byte) bool {
	for _, n := range p.VaryIgnore {
		if message.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// member takes the first member of a comma-separated list off, without spaces.
func member(s []byte) (first, rest []byte) {
	for i, c := range s {
		if c == ',' {
			return trimSpace(s[:i]), s[i+1:]
		}
	}
	return trimSpace(s), nil
}

// place finds where a name belongs among sorted ones.
func place(names [][]byte, name []byte) (i int, same bool) {
	for i = len(names); i > 0; i-- {
		switch order := compareFold(names[i-1], name); {
		case order == 0:
			return i - 1, true
		case order < 0:
			return i, false
		}
	}
	return 0, false
}

func compareFold(a, b []byte) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// classOf returns the normal form of a field's values. White space may only be
// dropped where the field's definition makes it a list (RFC 9111 §4.1).
func classOf(name []byte, p *Policy) class {
	switch {
	case message.EqualFold(name, "accept-encoding"):
		if p.NormaliseCoding {
			return encoding
		}
		return list
	case message.EqualFold(name, "accept-language"), message.EqualFold(name, "accept-charset"):
		return list
	}
	return opaque
}
