package partial

import (
	"testing"
)

func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-499", "bytes=-500", "bytes=9500-", "bytes=0-0,-1", "bytes= 0-999, 4500-5499, -1000", "bytes=500-700,601-999", "bytes=5-4", "bytes=,", "bytes=99999999999999999999-"} {
		f.Add([]byte(s), int64(10000))
	}
	f.Fuzz(func(t *testing.T, value []byte, length int64) {
		ranges, result := parseRanges(value, length, nil)
		if (result == Satisfiable) != (len(ranges) > 0) || len(ranges) > MaxRanges {
			t.Fatalf("result %d with %d ranges", result, len(ranges))
		}
		var sum int64
		for i, r := range ranges {
			if r.First < 0 || r.First > r.Last || r.Last >= length {
				t.Fatalf("%v of %d", r, length)
			}
			sum += r.Len()
			for _, o := range ranges[:i] {
				if !o.apart(r) {
					t.Fatalf("%v and %v overlap", o, r)
				}
			}
		}
		if sum < 0 || sum > max(length, 0) {
			t.Fatalf("%d bytes of %d", sum, length)
		}
	})
}

func FuzzETagList(f *testing.F) {
	for _, s := range []string{`"xyzzy"`, `W/"xyzzy"`, `"xyzzy", "r2d2xxxx", "c3piozzzz"`, `W/"xyzzy", W/"r2d2xxxx"`, `*`, `"a,b", c`, `"`, `W/`} {
		f.Add([]byte(s), []byte(`"xyzzy"`))
	}
	f.Fuzz(func(t *testing.T, list, tag []byte) {
		weak, strong := MatchList(list, tag, Weak), MatchList(list, tag, Strong)
		if strong && !weak {
			t.Fatal("strong matches where weak does not")
		}
		if kind, _ := opaque(tag); kind == strongTag && !MatchList(append(append(append([]byte(nil), list...), ", "...), tag...), tag, Strong) {
			// An open quote swallows what follows, and so does a member that is none.
			if _, rest, ok := cutTag(tag); !ok || len(rest) > 0 {
				t.Fatal("a strong tag that is none")
			}
			for _, c := range list {
				if c == '"' {
					return
				}
			}
			t.Fatalf("%q is not found at the end of %q", tag, list)
		}
	})
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 42-1233/1234", "bytes 42-1233/*", "bytes */1234", "bytes 0-0/1", "bytes */*"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		c, ok := ParseContentRange(value)
		if !ok {
			return
		}
		if c.First < 0 {
			if c.First != -1 || c.Last != -1 || c.Total < 0 {
				t.Fatalf("%+v", c)
			}
			return
		}
		if c.Last < c.First || c.Total >= 0 && c.Last >= c.Total || c.Total < -1 {
			t.Fatalf("%+v", c)
		}
		again, ok := ParseContentRange(AppendContentRange(nil, Range{c.First, c.Last}, c.Total))
		if !ok || again != c {
			t.Fatalf("%+v became %+v", c, again)
		}
	})
}
