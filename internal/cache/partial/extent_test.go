package partial

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fishplate/internal/message"
)

func TestJudge206(t *testing.T) {
	asked := &Range{100, 199}
	for _, c := range []struct {
		what, fields string
		asked        *Range
		length       int64 // -1: chunked
		want         Trouble
	}{
		{"as asked", "Content-Range: bytes 100-199/1000", asked, 100, Fine},
		{"as asked, chunked", "Content-Range: bytes 100-199/1000", asked, -1, Fine},
		{"total unknown", "Content-Range: bytes 100-199/*", asked, 100, Fine},
		{"the representation ends there", "Content-Range: bytes 100-149/150", asked, 50, Fine},
		{"nobody asked", "Content-Range: bytes 0-99/1000", nil, 100, NotAsked},
		{"no field", "", asked, 100, NoContentRange},
		{"two fields", "Content-Range: bytes 100-199/1000\nContent-Range: bytes 100-199/1000", asked, 100, NoContentRange},
		{"senseless", "Content-Range: bytes 199-100/1000", asked, 100, BadContentRange},
		{"behind the end", "Content-Range: bytes 100-199/150", asked, 100, BadContentRange},
		{"of a 416", "Content-Range: bytes */1000", asked, 100, BadContentRange},
		{"the body is longer", "Content-Range: bytes 100-199/1000", asked, 101, OtherLength},
		{"the body is shorter", "Content-Range: bytes 100-199/1000", asked, 99, OtherLength},
		{"other bytes", "Content-Range: bytes 101-199/1000", asked, 99, OtherRange},
		{"more bytes", "Content-Range: bytes 100-200/1000", asked, 101, OtherRange},
		{"fewer bytes", "Content-Range: bytes 100-198/1000", asked, 99, OtherRange},
		{"fewer bytes of nobody knows how many", "Content-Range: bytes 100-198/*", asked, 99, OtherRange},
		{"several parts", "Content-Type: Multipart/ByteRanges; boundary=x", asked, 100, SeveralParts},
	} {
		resp := &message.Response{Status: 206, Framing: message.Length, Length: c.length}
		if c.length < 0 {
			resp.Framing, resp.Length = message.Chunked, 0
		}
		for _, f := range strings.Split(c.fields, "\n") {
			if name, value, ok := strings.Cut(f, ": "); ok {
				resp.Add(name, value)
			}
		}
		var e Extent
		if got := Judge206(resp, c.asked, stampS*second, &e); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

// TestSameStrong compares a kept run with the 206 that would be joined with it.
func TestSameStrong(t *testing.T) {
	for _, c := range []struct {
		what, fields string
		kept         Extent
		same         bool
	}{
		{"same tag", "ETag: \"a\"\nContent-Range: bytes 100-199/1000", Extent{Total: 1000, ETag: []byte(`"a"`)}, true},
		{"other tag", "ETag: \"b\"\nContent-Range: bytes 100-199/1000", Extent{Total: 1000, ETag: []byte(`"a"`)}, false},
		{"weak tag", "ETag: W/\"a\"\nContent-Range: bytes 100-199/1000", Extent{Total: 1000, ETag: []byte(`W/"a"`)}, false},
		{"no tag any more", "Content-Range: bytes 100-199/1000", Extent{Total: 1000, ETag: []byte(`"a"`)}, false},
		{"other total", "ETag: \"a\"\nContent-Range: bytes 100-199/1001", Extent{Total: 1000, ETag: []byte(`"a"`)}, false},
		{"same date, long ago", "Last-Modified: " + stamp + "\nDate: " + late + "\nContent-Range: bytes 100-199/1000", Extent{Total: 1000, LastModified: []byte(stamp), Date: (stampS + 9) * second}, true},
		{"same date, just now", "Last-Modified: " + stamp + "\nDate: " + stamp + "\nContent-Range: bytes 100-199/1000", Extent{Total: 1000, LastModified: []byte(stamp), Date: (stampS + 9) * second}, false},
		{"no validator at all", "Content-Range: bytes 100-199/1000", Extent{Total: 1000}, false},
	} {
		resp := &message.Response{Status: 206, Framing: message.Length, Length: 100}
		for _, f := range strings.Split(c.fields, "\n") {
			if name, value, ok := strings.Cut(f, ": "); ok {
				resp.Add(name, value)
			}
		}
		var e Extent
		if got := Judge206(resp, &Range{100, 199}, stampS*second, &e); got != Fine {
			t.Errorf("%s: %v", c.what, got)
		}
		if got := SameStrong(&c.kept, &e); got != c.same {
			t.Errorf("%s: %t, want %t", c.what, got, c.same)
		}
	}
}

// TestCombine joins runs of one body, byte by byte (RFC 9111 §3.4).
func TestCombine(t *testing.T) {
	body := whole(300)
	rapid.Check(t, func(t *rapid.T) {
		run := func(name string) Extent {
			first := rapid.Int64Range(0, 299).Draw(t, name+" first")
			last := rapid.Int64Range(first, 299).Draw(t, name+" last")
			return Extent{Range: Range{first, last}, Total: 300, ETag: []byte(`"a"`)}
		}
		old, add := run("old"), run("new")
		bytesOf := func(e Extent) []byte { return body[e.First : e.Last+1] }
		var joined []byte
		first := old.First
		how, skip := Combine(&old, &add)
		switch how {
		case Apart:
			if old.Last+1 >= add.First && add.Last+1 >= old.First {
				t.Fatalf("%v and %v touch", old.Range, add.Range)
			}
			return
		case Inside:
			joined = bytesOf(old)
		case Around:
			joined, first = bytesOf(add), add.First
		case After:
			joined = append(append(joined, bytesOf(old)...), bytesOf(add)[skip:]...)
		case Before:
			joined, first = append(append(joined, bytesOf(add)[:skip]...), bytesOf(old)...), add.First
		}
		want := Range{min(old.First, add.First), max(old.Last, add.Last)}
		if got := (Range{first, first + int64(len(joined)) - 1}); got != want || string(joined) != string(body[want.First:want.Last+1]) {
			t.Fatalf("%v and %v: %d, skip %d, gives %v", old.Range, add.Range, how, skip, got)
		}
		add.ETag = []byte(`"b"`)
		if how, _ := Combine(&old, &add); how != Apart {
			t.Fatal("two representations are joined")
		}
	})
}

// TestSlicesCoverTheRange fetches by slices and compares with the whole.
func TestSlicesCoverTheRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := whole(rapid.Int64Range(1, 2000).Draw(t, "length"))
		g := Grid{rapid.Int64Range(1, 700).Draw(t, "size"), int64(len(body))}
		first := rapid.Int64Range(0, g.Total-1).Draw(t, "first")
		want := Range{first, rapid.Int64Range(first, g.Total-1).Draw(t, "last")}
		var got []byte
		for i := g.Index(want.First); i <= g.Index(want.Last); i++ {
			r := g.Range(i)
			slice := body[r.First : r.Last+1]
			within, ok := g.Cut(i, want)
			if !ok || i >= g.Count() {
				t.Fatalf("slice %d of %d has nothing of %v", i, g.Count(), want)
			}
			got = append(got, slice[within.First:within.Last+1]...)
		}
		if diff := cmp.Diff(body[want.First:want.Last+1], got); diff != "" {
			t.Fatal(diff)
		}
		if _, ok := g.Cut(g.Index(want.Last)+1, want); ok && g.Index(want.Last)+1 < g.Count() {
			t.Fatal("the next slice has some of it too")
		}
		n := rapid.IntRange(0, 4).Draw(t, "ahead")
		from, to := g.Ahead(g.Index(first), n)
		if from != g.Index(first)+1 || to >= g.Count() || to-from+1 > int64(n) {
			t.Fatalf("ahead of %d: %d to %d of %d", g.Index(first), from, to, g.Count())
		}
	})
}

func TestSlicesBeforeTheLengthIsKnown(t *testing.T) {
	g := Grid{Size: 100, Total: -1}
	for value, want := range map[string]int64{
		"bytes=250-": 2, "bytes=0-": 0, "bytes=99-100": 0, "bytes=100-": 1, "bytes=-5": 0, "bytes=500-501,100-": 5, "nonsense": 0, "": 0,
	} {
		if got := g.FirstSlice([]byte(value)); got != want {
			t.Errorf("%q begins with slice %d, want %d", value, got, want)
		}
	}
	if from, to := g.Ahead(0, 3); to >= from {
		t.Errorf("fetches %d to %d of nobody knows how many", from, to)
	}
	if got := string(g.AppendSliceKey([]byte("k"), 3)); got != "k\nslice 100/3" {
		t.Errorf("key %q", got)
	}
	if r := g.Range(2); r != (Range{200, 299}) || g.Count() != -1 {
		t.Error(r)
	}
}

func TestExtentIsComplete(t *testing.T) {
	for _, c := range []struct {
		e    Extent
		want bool
	}{
		{Extent{Range: Range{0, 9}, Total: 10}, true}, {Extent{Range: Range{0, 8}, Total: 10}, false},
		{Extent{Range: Range{1, 9}, Total: 10}, false}, {Extent{Range: Range{0, 9}, Total: -1}, false},
	} {
		if c.e.Complete() != c.want {
			t.Errorf("%+v", c.e)
		}
	}
}
