package partial

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// parseRanges is ParseSpecs and Resolve.
func parseRanges(value []byte, length int64, dst []Range) ([]Range, Result) {
	var space [MaxRanges]Spec
	specs, ok := ParseSpecs(value, space[:0])
	if !ok {
		return dst, Ignore
	}
	return Resolve(specs, length, dst)
}

func TestParseRanges(t *testing.T) {
	many := strings.Repeat("0-0,", MaxRanges-1)
	for _, c := range []struct {
		section, value string
		length         int64
		want           []Range
		result         Result
	}{
		// RFC 9110 §14.1.2, its examples, of a representation of 10000 bytes
		{"14.1.2 first 500", "bytes=0-499", 10000, []Range{{0, 499}}, Satisfiable},
		{"14.1.2 second 500", "bytes=500-999", 10000, []Range{{500, 999}}, Satisfiable},
		{"14.1.2 last 500", "bytes=-500", 10000, []Range{{9500, 9999}}, Satisfiable},
		{"14.1.2 from 9500", "bytes=9500-", 10000, []Range{{9500, 9999}}, Satisfiable},
		{"14.1.2 first and last", "bytes=0-0,-1", 10000, []Range{{0, 0}, {9999, 9999}}, Satisfiable},
		{"14.1.2 first, middle, last", "bytes= 0-999, 4500-5499, -1000", 10000, []Range{{0, 999}, {4500, 5499}, {9000, 9999}}, Satisfiable},
		{"14.1.2 adjacent ones are one", "bytes=500-600,601-999", 10000, []Range{{500, 999}}, Satisfiable},
		{"14.1.2 overlapping ones are one", "bytes=500-700,601-999", 10000, []Range{{500, 999}}, Satisfiable},
		// §14.1.2
		{"14.1.2 beyond the end", "bytes=0-99999", 10, []Range{{0, 9}}, Satisfiable},
		{"14.1.2 suffix longer than all", "bytes=-99999", 10, []Range{{0, 9}}, Satisfiable},
		{"14.1.1 unit without case", "BYTES=1-2", 10, []Range{{1, 2}}, Satisfiable},
		{"14.1.2 large numerals do not overflow", "bytes=0-99999999999999999999999999", 10, []Range{{0, 9}}, Satisfiable},
		{"14.1.2 large first", "bytes=99999999999999999999999999-", 10, nil, Unsatisfiable},
		{"14.1.2 largest", "bytes=9223372036854775807-9223372036854775807", 10, nil, Unsatisfiable},
		{"14.1.2 first behind the end", "bytes=10-", 10, nil, Unsatisfiable},
		{"14.1.2 one of two satisfiable", "bytes=10-20,3-4", 10, []Range{{3, 4}}, Satisfiable},
		{"14.1.2 suffix of nothing", "bytes=-0", 10, nil, Unsatisfiable},
		{"14.1.2 an empty representation", "bytes=0-", 0, nil, Unsatisfiable},
		{"14.1.2 the end of an empty one can be had", "bytes=-5", 0, nil, Ignore},
		{"14.1.1 last below first", "bytes=5-4", 10, nil, Ignore},
		{"14.1.1 one invalid makes all invalid", "bytes=0-1,5-4", 10, nil, Ignore},
		{"14.2 unknown unit", "lines=0-1", 10, nil, Ignore},
		{"14.1.1 no unit", "0-1", 10, nil, Ignore},
		{"14.1.1 no set", "bytes=", 10, nil, Ignore},
		{"14.1.1 only commas", "bytes=, ,", 10, nil, Ignore},
		{"14.1.2 bare dash", "bytes=-", 10, nil, Ignore},
		{"14.1.2 no dash", "bytes=5", 10, nil, Ignore},
		{"14.1.2 sign", "bytes=+1-2", 10, nil, Ignore},
		{"14.1.2 two dashes", "bytes=1--2", 10, nil, Ignore},
		{"14.1.2 space within", "bytes=1 -2", 10, nil, Ignore},
		{"14.1.2 hexadecimal", "bytes=0x1-2", 10, nil, Ignore},
		{"14.1.1 space before =", "bytes =1-2", 10, nil, Ignore},
		{"14.1.1 semicolon", "bytes=1-2;3-4", 10, nil, Ignore},
		{"5.6.1.2 empty members", "bytes=,1-2,,\t, 5-6 ,", 1000, []Range{{1, 6}}, Satisfiable},
		{"empty", "", 10, nil, Ignore},
		{"14.4 length not known", "bytes=0-1", -1, nil, Ignore},
		// §14.2, §17.15
		{"14.2 as many as allowed", "bytes=" + many + "500-500", 1000, []Range{{0, 0}, {500, 500}}, Satisfiable},
		{"14.2 one too many", "bytes=" + many + "1-1,500-500", 1000, nil, Ignore},
		{"15.3.7.2 a gap shorter than a part's head", "bytes=0-9,89-99", 1000, []Range{{0, 99}}, Satisfiable},
		{"15.3.7.2 a larger gap", "bytes=0-9,90-99", 1000, []Range{{0, 9}, {90, 99}}, Satisfiable},
		{"15.3.7.2 the order of the request", "bytes=900-909,0-9,500-509", 1000, []Range{{900, 909}, {0, 9}, {500, 509}}, Satisfiable},
		{"15.3.7.2 a late one joins all before it", "bytes=900-909,0-9,500-509,0-999", 1000, []Range{{0, 999}}, Satisfiable},
		{"15.3.7.2 a late one bridges two", "bytes=700-709,0-9,500-509,400-699", 1000, []Range{{400, 709}, {0, 9}}, Satisfiable},
	} {
		got, result := parseRanges([]byte(c.value), c.length, nil)
		if diff := cmp.Diff(c.want, got); diff != "" || result != c.result {
			t.Errorf("%s: %q: result %d\n%s", c.section, c.value, result, diff)
		}
	}
}

// TestRangesAreASliceOfTheWhole compares with a set of bytes: what was asked for
// is there, nothing twice, in bounds, and nothing that lies far from it.
func TestRangesAreASliceOfTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.Int64Range(0, 600).Draw(t, "length")
		specs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Spec {
			first := rapid.Int64Range(-1, 700).Draw(t, "first")
			if first < 0 {
				return Spec{-1, rapid.Int64Range(0, 700).Draw(t, "suffix")}
			}
			if rapid.Bool().Draw(t, "open") {
				return Spec{first, -1}
			}
			return Spec{first, first + rapid.Int64Range(0, 100).Draw(t, "more")}
		}), 1, MaxRanges).Draw(t, "specs")

		wanted := make([]bool, length)
		var texts []string
		for _, s := range specs {
			from, to := s.First, s.Last
			switch {
			case from < 0:
				texts = append(texts, fmt.Sprintf("-%d", to))
				from, to = max(0, length-to), length-1
			case to < 0:
				texts = append(texts, fmt.Sprintf("%d-", from))
				to = length - 1
			default:
				texts = append(texts, fmt.Sprintf("%d-%d", from, to))
			}
			for i := from; i <= to && i < length; i++ {
				wanted[i] = true
			}
		}
		ranges, result := parseRanges([]byte("bytes="+strings.Join(texts, ", ")), length, nil)
		if (result == Satisfiable) != (len(ranges) > 0) {
			t.Fatalf("result %d with %v", result, ranges)
		}
		have := make([]bool, length)
		for i, r := range ranges {
			if r.First < 0 || r.Last >= length || r.First > r.Last {
				t.Fatalf("%v of %d bytes", r, length)
			}
			for j := r.First; j <= r.Last; j++ {
				if have[j] {
					t.Fatalf("byte %d twice in %v", j, ranges)
				}
				have[j] = true
			}
			for _, o := range ranges[:i] {
				if !o.apart(r) {
					t.Fatalf("%v and %v could be one", o, r)
				}
			}
			if !wanted[r.First] || !wanted[r.Last] {
				t.Fatalf("%v begins or ends with what nobody asked for", r)
			}
		}
		gap := 0
		for i := range wanted {
			switch {
			case wanted[i] && !have[i]:
				t.Fatalf("byte %d is missing in %v", i, ranges)
			case wanted[i]:
				gap = 0
			case have[i]:
				if gap++; gap > mergeGap {
					t.Fatalf("more than %d bytes in vain in %v", mergeGap, ranges)
				}
			}
		}
	})
}

func TestContentRange(t *testing.T) {
	for _, c := range []struct {
		value string
		want  ContentRange
		ok    bool
	}{
		// RFC 9110 §14.4
		{"bytes 42-1233/1234", ContentRange{42, 1233, 1234}, true},
		{"bytes 42-1233/*", ContentRange{42, 1233, -1}, true},
		{"bytes */1234", ContentRange{-1, -1, 1234}, true},
		{"bytes 0-0/1", ContentRange{0, 0, 1}, true},
		{"Bytes 0-0/1", ContentRange{0, 0, 1}, true},
		{"bytes */0", ContentRange{-1, -1, 0}, true},
		{value: "bytes 0-1/1"}, {value: "bytes 1-0/5"}, {value: "bytes */*"}, {value: "bytes=0-1/2"}, {value: "bytes 0-1"},
		{value: "bytes 0-1/"}, {value: "bytes -1/2"}, {value: "bytes 0-/2"}, {value: "bytes  0-1/2"}, {value: "bytes 0 - 1/2"}, {value: "lines 0-1/2"},
		{value: "bytes 0-1/2x"}, {value: "bytes 0-1/2, bytes 0-1/2"}, {value: ""}, {value: "bytes "}, {value: "bytes */"}, {value: "bytes *"},
		{value: "bytes 0-99999999999999999999/*"}, {value: "bytes 0-1/99999999999999999999"}, {value: "bytes 9223372036854775807-9223372036854775807/*"},
	} {
		got, ok := ParseContentRange([]byte(c.value))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %+v, %v", c.value, got, ok)
		}
	}
}

// TestContentRangeRoundTrip reads back what is written.
func TestContentRangeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Int64Range(0, math.MaxInt64-2).Draw(t, "first")
		last := rapid.Int64Range(first, math.MaxInt64-2).Draw(t, "last")
		total := int64(-1)
		if rapid.Bool().Draw(t, "known") {
			total = rapid.Int64Range(last+1, math.MaxInt64-1).Draw(t, "total")
		}
		text := AppendContentRange(nil, Range{first, last}, total)
		if got, ok := ParseContentRange(text); !ok || got != (ContentRange{first, last, total}) {
			t.Fatalf("%s: %+v", text, got)
		}
		if specs, ok := ParseSpecs(AppendRange(nil, Range{first, last}), nil); !ok || specs[0] != (Spec{first, last}) {
			t.Fatalf("%v", specs)
		}
	})
	if got, ok := ParseContentRange(AppendUnsatisfied(nil, 7)); !ok || got.Total != 7 || got.First >= 0 {
		t.Error(got)
	}
}
