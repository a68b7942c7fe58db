package encode

import (
	"bytes"
	"strings"

	"fishplate/internal/message"
)

// A Policy says which answers are worth a variant. It is immutable.
type Policy struct {
	// Types are media types without parameters in lower case: "text/html",
	// "text/*", "*/*", or a suffix such as "+json".
	Types []string
	// Codings are those on offer, in the order of our liking.
	Codings []Coding
	// Min is the smallest body in bytes that is worth it.
	Min int64
}

// A Reason says why an answer is not encoded. Its text is a word of explain.
type Reason uint8

// The reasons, in the order in which they are looked for.
const (
	Worth Reason = iota
	BadStatus
	HasCoding
	NoTransform
	HasDigest
	BadType
	TooSmall
)

// String returns the word.
func (r Reason) String() string {
	return [...]string{"worth", "status", "coded", "no-transform", "digest", "type", "small"}[r]
}

// Judge says whether an answer is worth encoding. length is that of its body, -1
// when it is not known. Whether the client takes a coding is not asked here.
func (p *Policy) Judge(resp *message.Response, length int64) Reason {
	switch {
	case !wholeStatus(resp.Status) || has(&resp.Header, "Content-Range"):
		return BadStatus
	case CodingOf(&resp.Header) != Identity:
		return HasCoding
	case NoTransformed(&resp.Header):
		return NoTransform
	case has(&resp.Header, "Repr-Digest"), has(&resp.Header, "Content-Digest"),
		has(&resp.Header, "Digest"), has(&resp.Header, "Content-MD5"):
		return HasDigest // it is of the bytes that we would change
	case !p.wantsType(&resp.Header):
		return BadType
	case length >= 0 && length < p.Min:
		return TooSmall
	}
	return Worth
}

// wholeStatus reports whether a status comes with a whole representation that is
// worth the work.
func wholeStatus(status int) bool {
	switch status {
	case 200, 203, 300, 400, 401, 403, 404, 410, 422, 451, 500, 502, 503:
		return true
	}
	return false
}

func has(h *message.Header, name string) bool { return h.Find(name) >= 0 }

// NoTransformed reports whether Cache-Control forbids to change the content
// (RFC 9110 §7.7, RFC 9111 §5.2.2.6).
func NoTransformed(h *message.Header) bool {
	for i := h.Index(message.CacheControl, 0); i >= 0; i = h.Index(message.CacheControl, i+1) {
		for rest := h.Value(i); len(rest) > 0; {
			var member []byte
			member, rest, _ = bytes.Cut(rest, []byte(","))
			if message.EqualFold(string(bytes.Trim(member, " \t")), "no-transform") {
				return true
			}
		}
	}
	return false
}

// wantsType matches the media type with Types.
func (p *Policy) wantsType(h *message.Header) bool {
	value, ok := h.GetID(message.ContentType)
	if !ok {
		return false
	}
	value, _, _ = bytes.Cut(value, []byte(";"))
	value = bytes.TrimRight(value, " \t")
	for _, t := range p.Types {
		if matchType(t, value) {
			return true
		}
	}
	return false
}

func matchType(pattern string, value []byte) bool {
	switch {
	case pattern == "*/*":
		return true
	case strings.HasPrefix(pattern, "+"):
		n := len(value) - len(pattern)
		return n > 0 && message.EqualFold(string(value[n:]), pattern)
	case strings.HasSuffix(pattern, "/*"):
		n := len(pattern) - 1
		return len(value) >= n && message.EqualFold(string(value[:n]), pattern[:n])
	}
	return message.EqualFold(string(value), pattern)
}
