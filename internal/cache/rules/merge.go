package rules

import (
	"bytes"
	"strconv"

	"fishplate/internal/message"
)

// Confirms reports whether a 304 speaks of the stored answer (RFC 9111 §4.3.4).
// One that does not must not be used: the caller fetches without conditions. A
// 304 without any validator is believed, since the request named one answer.
func Confirms(stored, fresh *message.Header) bool {
	if tag, ok := fresh.GetID(message.ETag); ok {
		own, ok := stored.GetID(message.ETag)
		if isWeak(tag) {
			return ok && bytes.Equal(opaqueTag(own), opaqueTag(tag))
		}
		return ok && bytes.Equal(own, tag)
	}
	if date, ok := fresh.GetID(message.LastModified); ok {
		own, ok := stored.GetID(message.LastModified)
		return ok && bytes.Equal(own, date)
	}
	return true
}

func isWeak(tag []byte) bool { return len(tag) > 2 && tag[0] == 'W' && tag[1] == '/' }

func opaqueTag(tag []byte) []byte {
	if isWeak(tag) {
		return tag[2:]
	}
	return tag
}

// Merge304 fills out with the stored answer's fields as a 304 to its revalidation
// updates them (RFC 9111 §3.2, §4.3.4). The result is given to Judge with the
// stored status, like an answer that just came. Not taken over is what describes
// the stored content and not the 304 (Content-Length, Content-Encoding,
// Content-Range), what ends at this hop, and Set-Cookie unless one was stored.
// Age, Date and Warning are never those of the stored answer.
func Merge304(stored, fresh, out *message.Header) {
	out.Reset(nil)
	for i := range stored.Len() {
		switch id := stored.ID(i); {
		case neverStored(stored, i), id == message.Date:
		case id == message.Other && message.EqualFold(stored.Name(i), "Warning"):
		case replaced(stored, fresh, i):
		default:
			out.AddBytes(stored.Name(i), stored.Value(i))
		}
	}
	for i := range fresh.Len() {
		if updates(stored, fresh, i) || fresh.ID(i) == message.Age {
			out.AddBytes(fresh.Name(i), fresh.Value(i))
		}
	}
}

// replaced reports whether the 304 has fields that stand in place of field i of
// the stored answer.
func replaced(stored, fresh *message.Header, i int) bool {
	at := nextField(fresh, stored.ID(i), stored.Name(i), 0)
	return at >= 0 && updates(stored, fresh, at)
}

// updates reports whether field i of a 304 is taken over.
func updates(stored, h *message.Header, i int) bool {
	switch h.ID(i) {
	case message.ContentLength, message.ContentEncoding:
		return false
	case message.SetCookie:
		return stored.Index(message.SetCookie, 0) >= 0
	case message.Other:
		if message.EqualFold(h.Name(i), "Content-Range") {
			return false
		}
	}
	return !neverStored(h, i) && !namedByConnection(h, i)
}

// namedByConnection reports whether Connection says that field i ends here.
func namedByConnection(h *message.Header, i int) bool {
	for at := h.Index(message.Connection, 0); at >= 0; at = h.Index(message.Connection, at+1) {
		for rest := h.Value(at); len(rest) > 0; {
			var name []byte
			name, rest = member(rest)
			if message.EqualFold(name, h.Name(i)) {
				return true
			}
		}
	}
	return false
}

// HeadConfirms reports whether a 200 to HEAD shows the stored answer to GET to be
// the present one (RFC 9111 §4.3.5): the validators that it has are the same, and
// so is the length, of which length is the stored one's. Otherwise the stored
// answer counts as stale.
func HeadConfirms(stored, head *message.Header, length int64) bool {
	for _, id := range [...]message.Name{message.ETag, message.LastModified} {
		if value, ok := head.GetID(id); ok {
			own, ok := stored.GetID(id)
			if !ok || !bytes.Equal(own, value) {
				return false
			}
		}
	}
	if value, ok := head.GetID(message.ContentLength); ok {
		n, err := strconv.ParseInt(string(value), 10, 64)
		return err == nil && n == length
	}
	return true
}
