package partial

import "fishplate/internal/message"

// Fields says which of the fields that this package is about a request has.
type Fields uint8

// The fields. Conditions are those of RFC 9110 §13.1.1 to §13.1.4.
const (
	IfMatch Fields = 1 << iota
	IfNoneMatch
	IfModifiedSince
	IfUnmodifiedSince
	IfRange
	RangeField

	Conditions = IfMatch | IfNoneMatch | IfModifiedSince | IfUnmodifiedSince
)

// The names that have no well-known number.
const (
	ifMatchName           = "If-Match"
	ifUnmodifiedSinceName = "If-Unmodified-Since"
	ifRangeName           = "If-Range"
	contentRangeName      = "Content-Range"
)

// Scan finds out in one pass which of the fields are there; most requests have
// none, and need nothing else of this package.
func Scan(h *message.Header) Fields {
	var f Fields
	for i := range h.Len() {
		f |= fieldOf(h, i)
	}
	return f
}

func fieldOf(h *message.Header, i int) Fields {
	switch h.ID(i) {
	case message.IfNoneMatch:
		return IfNoneMatch
	case message.IfModifiedSince:
		return IfModifiedSince
	case message.Range:
		return RangeField
	case message.Other:
	default:
		return 0
	}
	name := h.Name(i)
	switch len(name) {
	case len(ifMatchName):
		if message.EqualFold(name, ifMatchName) {
			return IfMatch
		}
		if message.EqualFold(name, ifRangeName) {
			return IfRange
		}
	case len(ifUnmodifiedSinceName):
		if message.EqualFold(name, ifUnmodifiedSinceName) {
			return IfUnmodifiedSince
		}
	}
	return 0
}

// Strip removes the fields of the set given. A cache that fetches for its store
// asks for the whole representation without the client's conditions, since the
// answer to those would be of no use to anybody else.
func Strip(h *message.Header, set Fields) {
	for i := h.Len() - 1; i >= 0; i-- {
		if fieldOf(h, i)&set != 0 {
			h.RemoveAt(i)
		}
	}
}

// Revalidate makes the request ask whether the stored answer with these
// validators is still good (RFC 9111 §4.3.1): its own conditions are replaced.
// It reports whether there was any validator to ask with.
func Revalidate(h *message.Header, etag, lastModified []byte) bool {
	Strip(h, Conditions|IfRange|RangeField)
	if len(etag) > 0 {
		h.AddBytes([]byte("If-None-Match"), etag)
	}
	if len(lastModified) > 0 {
		h.AddBytes([]byte("If-Modified-Since"), lastModified)
	}
	return len(etag)+len(lastModified) > 0
}

// only returns the value of the field when there is exactly one of that name:
// two lines of a field that is no list are no valid value (RFC 9110 §5.3).
func only(h *message.Header, name string) ([]byte, bool) {
	i := h.Find(name)
	if i < 0 || h.FindFrom(name, i+1) >= 0 {
		return nil, false
	}
	return h.Value(i), true
}
