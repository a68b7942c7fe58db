package partial

import (
	"math"
	"strconv"
)

// ContentRange is the value of a Content-Range field (RFC 9110 §14.4). Total is
// -1 for "*". First and Last are -1 in the form that answers an unsatisfiable
// request.
type ContentRange struct{ First, Last, Total int64 }

// ParseContentRange reads a Content-Range field of the unit "bytes". Values
// that contradict themselves, or exceed an int64, are not ok.
func ParseContentRange(v []byte) (c ContentRange, ok bool) {
	const unit = "bytes "
	if len(v) < len(unit) || v[len(unit)-1] != ' ' {
		return c, false
	}
	for i := range len(unit) - 1 {
		if v[i]|0x20 != unit[i] {
			return c, false
		}
	}
	v = v[len(unit):]
	c = ContentRange{-1, -1, -1}
	if len(v) > 0 && v[0] == '*' {
		v = v[1:]
	} else if v, ok = c.positions(v); !ok {
		return c, false
	}
	if len(v) < 2 || v[0] != '/' {
		return c, false
	}
	if string(v[1:]) == "*" {
		return c, c.First >= 0 // "bytes */*" says nothing
	}
	digits, rest := cutNumber(v[1:])
	if c.Total, ok = exact(digits); !ok || len(rest) > 0 {
		return c, false
	}
	return c, c.Last < c.Total || c.First < 0
}

// positions reads "first-last".
func (c *ContentRange) positions(v []byte) (rest []byte, ok bool) {
	first, rest := cutNumber(v)
	if c.First, ok = exact(first); !ok || len(rest) == 0 || rest[0] != '-' {
		return rest, false
	}
	last, rest := cutNumber(rest[1:])
	c.Last, ok = exact(last)
	return rest, ok && c.First <= c.Last
}

// exact reads digits that fit an int64.
func exact(digits []byte) (int64, bool) {
	n := saturated(digits)
	return n, len(digits) > 0 && n < math.MaxInt64
}

// AppendContentRange appends the value of Content-Range for a part of a
// representation; a total of -1 is unknown.
func AppendContentRange(dst []byte, r Range, total int64) []byte {
	dst = append(dst, "bytes "...)
	dst = strconv.AppendInt(dst, r.First, 10)
	dst = append(dst, '-')
	dst = strconv.AppendInt(dst, r.Last, 10)
	dst = append(dst, '/')
	if total < 0 {
		return append(dst, '*')
	}
	return strconv.AppendInt(dst, total, 10)
}

// AppendUnsatisfied appends the value of Content-Range for a 416 (§15.5.17).
func AppendUnsatisfied(dst []byte, total int64) []byte {
	dst = append(dst, "bytes */"...)
	return strconv.AppendInt(dst, max(total, 0), 10)
}
