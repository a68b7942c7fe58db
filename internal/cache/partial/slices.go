package partial

import "strconv"

// Grid divides a representation into slices of Size bytes, the last one
// shorter. Total is -1 while the length is unknown.
type Grid struct{ Size, Total int64 }

// Index returns the number of the slice that holds byte at.
func (g Grid) Index(at int64) int64 { return at / g.Size }

// Range returns the bytes of slice i, cut at the end when that is known. The
// slice must exist.
func (g Grid) Range(i int64) Range {
	r := Range{i * g.Size, (i+1)*g.Size - 1}
	if g.Total >= 0 {
		r.Last = min(r.Last, g.Total-1)
	}
	return r
}

// Count returns the number of slices, -1 while the length is unknown.
func (g Grid) Count() int64 {
	if g.Total < 0 {
		return -1
	}
	return (g.Total + g.Size - 1) / g.Size
}

// Cut returns the part of slice i that r wants, as positions in the slice; ok
// is false when it wants none.
func (g Grid) Cut(i int64, r Range) (within Range, ok bool) {
	s := g.Range(i)
	first, last := max(s.First, r.First), min(s.Last, r.Last)
	return Range{first - s.First, last - s.First}, first <= last
}

// Ahead returns the slices to fetch before they are asked for, when slice i is
// being read: at most n, from and to both included. There are none when to is
// below from, or while the length is unknown.
func (g Grid) Ahead(i int64, n int) (from, to int64) {
	return i + 1, min(i+int64(n), g.Count()-1)
}

// FirstSlice returns the slice that a request begins with when the length is
// not known yet: the one that holds the first byte of its first range. The
// answer for it tells the length, which the end of a representation needs: for
// such ranges, and when the field is not heeded, it is slice 0.
func (g Grid) FirstSlice(value []byte) int64 {
	var space [MaxRanges]Spec
	specs, ok := ParseSpecs(value, space[:0])
	if !ok || specs[0].First < 0 {
		return 0
	}
	return g.Index(specs[0].First)
}

// AppendSliceKey appends what makes the key of a slice out of that of its
// representation. The size is part of it, since a change of it moves all borders.
func (g Grid) AppendSliceKey(dst []byte, i int64) []byte {
	dst = append(dst, "\nslice "...)
	dst = strconv.AppendInt(dst, g.Size, 10)
	dst = append(dst, '/')
	return strconv.AppendInt(dst, i, 10)
}
