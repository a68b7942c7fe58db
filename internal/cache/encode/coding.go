package encode

import "fishplate/internal/message"

// A Coding is a content coding.
type Coding uint8

// The codings. Other is any that is not ours: a body in it passes as it is.
const (
	Identity Coding = iota
	Gzip
	Brotli
	Zstd
	Other
	codings = int(Other)
)

// String returns the coding's token; "" for Other.
func (c Coding) String() string {
	return [...]string{"identity", "gzip", "br", "zstd", ""}[c]
}

// ParseCoding returns the coding of a token; case does not matter, and x-gzip is
// gzip (RFC 9110 §8.4.1.3).
func ParseCoding[S ~string | ~[]byte](token S) Coding {
	for c := Identity; c < Other; c++ {
		if message.EqualFold(string(token), c.String()) {
			return c
		}
	}
	if message.EqualFold(string(token), "x-gzip") {
		return Gzip
	}
	return Other
}

// CodingOf returns the coding of a response: Identity without Content-Encoding,
// Other when it names more than one or one that is not ours.
func CodingOf(h *message.Header) Coding {
	i := h.Index(message.ContentEncoding, 0)
	if i < 0 {
		return Identity
	}
	if h.Index(message.ContentEncoding, i+1) >= 0 {
		return Other
	}
	if len(h.Value(i)) == 0 {
		return Identity
	}
	return ParseCoding(h.Value(i))
}
