package rules

import "fishplate/internal/message"

// AppendVary appends to dst the text that tells variants of one key apart: the
// fields that the answer's Vary names and their values in the request, in a
// normal form, so that two requests with equal texts get the same variant.
// It appends nothing when the answer does not vary. ok is false when no request
// can match (Vary: *) or the text would be too long.
func AppendVary(dst []byte, req *message.Request, resp *message.Header, p *Policy) (blob []byte, reason Reason) {
	return dst, Storable
}

// MatchVary reports whether the variant with that text belongs to the request
// (RFC 9111 §4.1).
func MatchVary(blob []byte, req *message.Request, p *Policy) bool {
	return len(blob) == 0
}
