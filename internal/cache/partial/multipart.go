package partial

import (
	"math/rand/v2"
	"strconv"
)

// frame writes the frame of a multipart/byteranges body (RFC 9110 §14.6).
// The boundary is random, so that nobody can put it into a body beforehand.
type frame struct {
	boundary [32]byte
	kind     []byte // Content-Type of the parts
	total    int64  // of the representation
}

func (m *frame) begin(kind []byte, total int64) {
	const digits = "0123456789abcdef"
	for at := 0; at < len(m.boundary); at += 16 {
		n := rand.Uint64()
		for i := range 16 {
			m.boundary[at+i] = digits[n>>(4*i)&15]
		}
	}
	m.kind, m.total = kind, total
}

func (m *frame) appendType(dst []byte) []byte {
	dst = append(dst, "multipart/byteranges; boundary="...)
	return append(dst, m.boundary[:]...)
}

// appendHead appends the delimiter and the fields of part i.
func (m *frame) appendHead(dst []byte, r Range, i int) []byte {
	if i > 0 {
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, "--"...)
	dst = append(dst, m.boundary[:]...)
	if len(m.kind) > 0 {
		dst = append(dst, "\r\nContent-Type: "...)
		dst = append(dst, m.kind...)
	}
	dst = append(dst, "\r\nContent-Range: "...)
	dst = AppendContentRange(dst, r, m.total)
	return append(dst, "\r\n\r\n"...)
}

func (m *frame) appendTail(dst []byte) []byte {
	dst = append(dst, "\r\n--"...)
	dst = append(dst, m.boundary[:]...)
	return append(dst, "--\r\n"...)
}

// length is that of the whole body.
func (m *frame) length(ranges []Range) int64 {
	fixed := len("--") + len(m.boundary) + len("\r\nContent-Range: bytes -/\r\n\r\n") + digits(m.total)
	if len(m.kind) > 0 {
		fixed += len("\r\nContent-Type: ") + len(m.kind)
	}
	n := int64(len("\r\n--") + len(m.boundary) + len("--\r\n"))
	for i, r := range ranges {
		n += int64(fixed+digits(r.First)+digits(r.Last)) + r.Len()
		if i > 0 {
			n += int64(len("\r\n"))
		}
	}
	return n
}

// digits is the length of a number that is not negative.
func digits(n int64) int {
	var space [20]byte
	return len(strconv.AppendInt(space[:0], n, 10))
}
