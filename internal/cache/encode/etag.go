package encode

import (
	"bytes"

	"fishplate/internal/message"
)

// AppendTag appends the entity tag of a stored variant: a strong tag gets a
// suffix that names the coding (identity too, when the base is coded), so that
// each representation has its own (RFC 9110 §8.8.3.3); a weak one stays, since it
// names all that are alike.
func AppendTag(dst, tag []byte, c Coding) []byte {
	if !strong(tag) || c >= Other {
		return append(dst, tag...)
	}
	dst = append(dst, tag[:len(tag)-1]...)
	dst = append(dst, '-', '-')
	dst = append(dst, c.String()...)
	return append(dst, '"')
}

// AppendWeakTag appends the tag of a representation that is coded on the way and
// nowhere kept: its bytes may differ each time, so the tag is weak.
func AppendWeakTag(dst, tag []byte) []byte {
	if !strong(tag) {
		return append(dst, tag...)
	}
	return append(append(dst, "W/"...), tag...)
}

func strong(tag []byte) bool {
	return len(tag) >= 2 && tag[0] == '"' && tag[len(tag)-1] == '"'
}

// AddVary says in a response's Vary field that Accept-Encoding chose it. That is
// due on every representation of a resource that has variants, identity too.
func AddVary(h *message.Header) {
	first := -1
	for i := h.Index(message.Vary, 0); i >= 0; i = h.Index(message.Vary, i+1) {
		if first < 0 {
			first = i
		}
		for rest := h.Value(i); len(rest) > 0; {
			var member []byte
			member, rest, _ = bytes.Cut(rest, []byte(","))
			member = bytes.Trim(member, " \t")
			if string(member) == "*" || message.EqualFold(string(member), "Accept-Encoding") {
				return
			}
		}
	}
	if first < 0 || len(h.Value(first)) == 0 {
		h.Set("Vary", "Accept-Encoding")
		return
	}
	h.SetValue(first, string(h.Value(first))+", Accept-Encoding")
}

// Describe makes the head of a representation that of its variant in coding c, of
// that length (-1 when it is not known, and the head says none):
// Content-Encoding, Content-Length, ETag and Vary. kept says that the coded bytes
// are stored and will be the same next time.
func Describe(resp *message.Response, c Coding, length int64, kept bool, scratch []byte) []byte {
	h := &resp.Header
	h.RemoveID(message.ContentLength)
	h.RemoveID(message.ContentEncoding)
	if c != Identity {
		h.Add("Content-Encoding", c.String())
	}
	if i := h.Index(message.ETag, 0); i >= 0 {
		if kept {
			scratch = AppendTag(scratch[:0], h.Value(i), c)
		} else {
			scratch = AppendWeakTag(scratch[:0], h.Value(i))
		}
		h.SetValueBytes(i, scratch)
	}
	if !kept {
		h.Remove("Accept-Ranges")
	}
	resp.Length, resp.Framing = length, message.Length
	if length < 0 {
		resp.Framing = message.Chunked
	}
	AddVary(h)
	return scratch
}

// DeriveKey appends to a base's key text what makes it the key of its variant in
// coding c. A line break cannot stand in the text of a base's URL, and its parts
// never begin so.
func DeriveKey(dst, text []byte, c Coding) []byte {
	dst = append(append(dst, text...), "\n\ncoding "...)
	return append(dst, c.String()...)
}
