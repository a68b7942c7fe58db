package message

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// parsed builds a header as a codec does: texts in one buffer, by offset.
func parsed(lines ...string) *Header {
	var h Header
	buf := []byte(strings.Join(lines, "\r\n"))
	h.Reset(buf)
	at := 0
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		h.ParsedField(LookupName([]byte(name)), at, len(name), at+len(name)+1, len(value))
		at += len(line) + 2
	}
	return &h
}

func text(h *Header) (lines []string) {
	for i := range h.Len() {
		lines = append(lines, string(h.Name(i))+":"+string(h.Value(i)))
	}
	return lines
}

func TestHeaderEdits(t *testing.T) {
	start := []string{"Host:a", "X-A:1", "Cookie:k=v", "x-a:2", "X-B:3"}
	tests := []struct {
		name string
		edit func(*Header)
		want []string
	}{
		{"untouched", func(*Header) {}, start},
		{"set replaces all, at the first place", func(h *Header) { h.Set("X-a", "9") }, []string{"Host:a", "X-A:9", "Cookie:k=v", "X-B:3"}},
		{"set of an absent name appends", func(h *Header) { h.Set("New", "n") }, append(start[:5:5], "New:n")},
		{"add keeps what is there", func(h *Header) { h.Add("X-A", "4") }, append(start[:5:5], "X-A:4")},
		{"remove takes all, any case", func(h *Header) { h.Remove("x-A") }, []string{"Host:a", "Cookie:k=v", "X-B:3"}},
		{"remove by id", func(h *Header) { h.RemoveID(Cookie) }, []string{"Host:a", "X-A:1", "x-a:2", "X-B:3"}},
		{"remove at shifts", func(h *Header) { h.RemoveAt(0) }, start[1:]},
		{"replace name and value", func(h *Header) { h.Replace(4, "Y", "y") }, []string{"Host:a", "X-A:1", "Cookie:k=v", "x-a:2", "Y:y"}},
		{"empty value", func(h *Header) { h.SetValue(1, "") }, []string{"Host:a", "X-A:", "Cookie:k=v", "x-a:2", "X-B:3"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := parsed(start...)
			test.edit(h)
			if diff := cmp.Diff(test.want, text(h)); diff != "" {
				t.Error(diff)
			}
			for i := range h.Len() {
				if want := LookupName(h.Name(i)); h.ID(i) != want {
					t.Errorf("field %d (%s) has id %d, want %d", i, h.Name(i), h.ID(i), want)
				}
			}
		})
	}
}

// TestHeaderLikeAList compares random edits with the same edits on a slice.
func TestHeaderLikeAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"Host", "X-A", "x-a", "Via", "B"}
		var h Header
		var list [][2]string
		for range rapid.IntRange(0, 40).Draw(t, "edits") {
			name := rapid.SampledFrom(names).Draw(t, "name")
			value := rapid.StringMatching(`[a-z]{0,5}`).Draw(t, "value")
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				h.Add(name, value)
				list = append(list, [2]string{name, value})
			case 1:
				h.Remove(name)
				list = without(list, name)
			case 2:
				h.Set(name, value)
				list = replaced(list, name, value)
			}
		}
		var want []string
		for _, f := range list {
			want = append(want, f[0]+":"+f[1])
		}
		if diff := cmp.Diff(want, text(&h)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func without(list [][2]string, name string) (kept [][2]string) {
	for _, f := range list {
		if !strings.EqualFold(f[0], name) {
			kept = append(kept, f)
		}
	}
	return kept
}

func replaced(list [][2]string, name, value string) [][2]string {
	for i, f := range list {
		if strings.EqualFold(f[0], name) {
			head := append(list[:i:i], [2]string{f[0], value})
			return append(head, without(list[i+1:], name)...)
		}
	}
	return append(list, [2]string{name, value})
}

func TestCopyFromIsIndependent(t *testing.T) {
	src := parsed("Host:a", "X-A:1")
	var dst Header
	dst.CopyFrom(src)
	copy(src.buf, "XXXXXXXXXXXXX")
	src.Reset(nil)
	if diff := cmp.Diff([]string{"Host:a", "X-A:1"}, text(&dst)); diff != "" {
		t.Error(diff)
	}
}

func TestLookupName(t *testing.T) {
	for n := Other + 1; n < numNames; n++ {
		for _, form := range []string{n.String(), strings.ToLower(n.String()), strings.ToUpper(n.String())} {
			if got := LookupName([]byte(form)); got != n {
				t.Errorf("%q is %v, want %v", form, got, n)
			}
		}
	}
	for _, s := range []string{"", "H", "Hos", "Hostt", "H\x4fsu", "\x8fost", "-ost", strings.Repeat("a", 40)} {
		if got := LookupName([]byte(s)); got != Other {
			t.Errorf("%q is %v, want none", s, got)
		}
	}
}

func TestEqualFold(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"", "", true}, {"Host", "hOST", true}, {"a", "b", false}, {"ab", "a", false},
		{"[", "{", false}, {"@", "`", false}, {"K", "\u212a", false}, {"k-1", "K-1", true},
	} {
		if got := EqualFold(test.a, test.b); got != test.want {
			t.Errorf("%q, %q: %v", test.a, test.b, got)
		}
	}
}

func TestValidNameAndValue(t *testing.T) {
	for s, want := range map[string]bool{"X-A": true, "": false, "a b": false, "a:": false, "é": false, "!#$%&'*+-.^_`|~09azAZ": true, "a\x00": false} {
		if got := ValidName(s); got != want {
			t.Errorf("name %q: %v", s, got)
		}
	}
	for s, want := range map[string]bool{"": true, "a b\tc": true, " a": false, "a\t": false, "a\r": false, "a\nb": false, "\x00": false, "\x7f": false, "\xff\x80": true} {
		if got := ValidValue(s); got != want {
			t.Errorf("value %q: %v", s, got)
		}
	}
}

func TestCookieValue(t *testing.T) {
	var r Request
	r.Header = *parsed("Cookie:a=1; b=\"2\";c=; ab=3 ;a=9", "X:y", "Cookie:d=4; =5; e")
	for name, want := range map[string]string{"a": "1", "b": `"2"`, "c": "", "ab": "3", "d": "4"} {
		if got, ok := r.CookieValue(name); !ok || string(got) != want {
			t.Errorf("cookie %s: %q, %v; want %q", name, got, ok, want)
		}
	}
	for _, name := range []string{"A", "e", "z", "Cookie"} {
		if got, ok := r.CookieValue(name); ok {
			t.Errorf("cookie %s is %q, want none", name, got)
		}
	}
}

func TestQueryValue(t *testing.T) {
	r := Request{Query: []byte("a=1&b&c=&ab=2&a=9&d=x%20y&=z"), HasQuery: true}
	for name, want := range map[string]string{"a": "1", "b": "", "c": "", "ab": "2", "d": "x%20y"} {
		if got, ok := r.QueryValue(name); !ok || string(got) != want {
			t.Errorf("query %s: %q, %v; want %q", name, got, ok, want)
		}
	}
	if got, ok := r.QueryValue("z"); ok {
		t.Errorf("query z is %q, want none", got)
	}
}

func TestLookUpsDoNotAllocate(t *testing.T) {
	r := Request{Query: []byte("a=1&b=2")}
	r.Header = *parsed("Host:a", "Cookie:k=v; s=t", "X-A:1")
	if n := testing.AllocsPerRun(100, func() {
		r.Find("x-a")
		r.GetID(Host)
		r.CookieValue("s")
		r.QueryValue("b")
	}); n != 0 {
		t.Errorf("look-ups allocate %v times", n)
	}
}

func TestFaultText(t *testing.T) {
	f := &Fault{Side: SideOrigin, Step: "fetch", Cause: "connect-refused"}
	if got := f.Error(); got != "origin fetch: connect-refused" {
		t.Error(got)
	}
}
