package partial

import (
	"math"
	"slices"
	"strconv"
)

// Range is a run of bytes; both ends belong to it.
type Range struct{ First, Last int64 }

// Len returns the number of bytes.
func (r Range) Len() int64 { return r.Last - r.First + 1 }

// Result is what a Range field asks for, given the representation's length.
type Result uint8

// The results.
const (
	Ignore        Result = iota // answer as without the field
	Satisfiable                 // the ranges returned
	Unsatisfiable               // 416
)

// Bounds against requests that cost more than the whole would (RFC 9110
// §14.2, §17.15): a field with more ranges than this is ignored, and ranges
// that overlap or lie closer than the head of a part is long become one.
const (
	MaxRanges = 32
	mergeGap  = 80
)

// Spec is one range as asked for, before the length is known. First is -1 for
// the last Last bytes; Last is -1 for everything from First.
type Spec struct{ First, Last int64 }

// ParseSpecs reads a Range field of the unit "bytes" (§14.1.2, §14.2) and
// appends its ranges to dst. Another unit, a syntax error, a range whose end
// lies before its beginning, and more than MaxRanges are not ok: the field is to
// be ignored. Positions beyond what an int64 holds are taken for the largest.
func ParseSpecs(value []byte, dst []Spec) (specs []Spec, ok bool) {
	rest, ok := cutUnit(value)
	if !ok {
		return dst, false
	}
	begin := len(dst)
	for {
		rest = skipEmpty(rest)
		if len(rest) == 0 {
			return dst, len(dst) > begin
		}
		var s Spec
		if s, rest, ok = cutSpec(rest); !ok || len(dst)-begin == MaxRanges {
			return dst, false
		}
		dst = append(dst, s)
	}
}

// cutUnit passes over "bytes=".
func cutUnit(v []byte) ([]byte, bool) {
	const unit = "bytes="
	if len(v) < len(unit) {
		return v, false
	}
	for i := range len(unit) - 1 {
		if v[i]|0x20 != unit[i] {
			return v, false
		}
	}
	return v[len(unit):], v[len(unit)-1] == '='
}

// cutSpec reads one range and what separates it from the next.
func cutSpec(v []byte) (s Spec, rest []byte, ok bool) {
	s = Spec{-1, -1}
	first, rest := cutNumber(v)
	if len(first) > 0 {
		s.First = saturated(first)
	}
	if len(rest) == 0 || rest[0] != '-' {
		return s, rest, false
	}
	last, rest := cutNumber(rest[1:])
	if len(last) > 0 {
		s.Last = saturated(last)
	}
	rest = skipSpace(rest)
	if len(rest) > 0 && rest[0] != ',' {
		return s, rest, false
	}
	return s, rest, len(first)+len(last) > 0 && (s.First < 0 || s.Last < 0 || s.First <= s.Last)
}

func cutNumber(v []byte) (digits, rest []byte) {
	n := 0
	for n < len(v) && v[n] >= '0' && v[n] <= '9' {
		n++
	}
	return v[:n], v[n:]
}

// saturated reads digits, as the largest number when they mean a larger one.
func saturated(digits []byte) int64 {
	var n int64
	for _, c := range digits {
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			return math.MaxInt64
		}
		n = n*10 + d
	}
	return n
}

// Resolve turns what was asked for into ranges of a representation of that
// length, in the order of the request, each run of bytes once.
func Resolve(specs []Spec, length int64, dst []Range) ([]Range, Result) {
	if length < 0 {
		return dst, Ignore
	}
	begin, nothing := len(dst), false
	for _, s := range specs {
		r, ok := s.Within(length)
		if ok {
			dst = insert(dst, begin, r)
		}
		// The end of an empty representation can be had, but has no Content-Range.
		nothing = nothing || length == 0 && s.First < 0 && s.Last > 0
	}
	switch {
	case len(dst) > begin:
		return dst, Satisfiable
	case nothing:
		return dst, Ignore
	}
	return dst, Unsatisfiable
}

// Within returns the bytes that the range has of a representation of that
// length; ok is false when it has none.
func (s Spec) Within(length int64) (Range, bool) {
	switch {
	case s.First < 0:
		n := min(s.Last, length)
		return Range{length - n, length - 1}, n > 0
	case s.Last < 0:
		return Range{s.First, length - 1}, s.First < length
	}
	return Range{s.First, min(s.Last, length-1)}, s.First < length
}

// insert adds r to the ranges from begin on, joined with all that it touches;
// the joined range stands where the first of them stood.
func insert(list []Range, begin int, r Range) []Range {
	at := len(list)
	for i := begin; i < len(list); i++ {
		if list[i].apart(r) {
			continue
		}
		r = Range{min(r.First, list[i].First), max(r.Last, list[i].Last)}
		list = slices.Delete(list, i, i+1)
		at, i = min(at, i), begin-1 // what r did not touch before, it may now
	}
	return slices.Insert(list, at, r)
}

func (r Range) apart(o Range) bool {
	return r.First-mergeGap > o.Last || o.First-mergeGap > r.Last
}

// AppendRange appends the value of a Range field that asks for r.
func AppendRange(dst []byte, r Range) []byte {
	dst = append(dst, "bytes="...)
	dst = strconv.AppendInt(dst, r.First, 10)
	dst = append(dst, '-')
	return strconv.AppendInt(dst, r.Last, 10)
}
