package esi

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// read parses a page cut into pieces of the sizes that cut returns, and writes
// its events down; neighbouring texts are joined.
func read(o Options, page []byte, cut func(left int) int) (string, Counts) {
	var p Parser
	p.Reset(o)
	var w writer
	var e Event
	for rest := page; len(rest) > 0; {
		n := min(max(1, cut(len(rest))), len(rest))
		// A copy shows events that would point into an earlier piece.
		piece := bytes.Clone(rest[:n])
		p.Feed(piece)
		for p.Next(&e) {
			w.event(page, &e)
		}
		for i := range piece {
			piece[i] = '#'
		}
		rest = rest[n:]
	}
	p.Finish()
	for p.Next(&e) {
		w.event(page, &e)
	}
	return w.text(), p.Counts()
}

func whole(left int) int { return left }

// writer writes events as lines and checks their places.
type writer struct {
	out  strings.Builder
	run  []byte
	at   int64
	fail string
}

func (w *writer) event(page []byte, e *Event) {
	if e.At < w.at {
		w.fail += fmt.Sprintf("event at %d behind %d\n", e.At, w.at)
	}
	w.at = e.At + e.Len
	if e.Kind == Text {
		if e.Len != int64(len(e.Text)) || !bytes.Equal(page[e.At:e.At+e.Len], e.Text) {
			w.fail += fmt.Sprintf("text %q is not at %d\n", e.Text, e.At)
		}
		w.run = append(w.run, e.Text...)
		return
	}
	w.flush()
	fmt.Fprintf(&w.out, "%s", e.Kind)
	if e.Kind == Include {
		fmt.Fprintf(&w.out, " src=%q", e.Src)
		if e.Alt != nil {
			fmt.Fprintf(&w.out, " alt=%q", e.Alt)
		}
		if e.Continue {
			w.out.WriteString(" continue")
		}
	}
	w.out.WriteString("\n")
}

func (w *writer) flush() {
	if len(w.run) > 0 {
		fmt.Fprintf(&w.out, "text %q\n", w.run)
		w.run = w.run[:0]
	}
}

func (w *writer) text() string {
	w.flush()
	return w.out.String() + w.fail
}

func TestEvents(t *testing.T) {
	const inc = `<esi:include src="/a"/>`
	tests := []struct{ name, page, want string }{
		{"empty", "", ""},
		{"plain", "<html><em>a</em><!-- c --><![if]></html>", `text "<html><em>a</em><!-- c --><![if]></html>"` + "\n"},
		{"include", "x" + inc + "y", "text \"x\"\ninclude src=\"/a\"\ntext \"y\"\n"},
		{"attributes", `<esi:include src='/a?x=1&amp;y=&#x41;&z' alt = "/b" onerror="continue" ttl="5"/>`,
			"include src=\"/a?x=1&y=A&z\" alt=\"/b\" continue\n"},
		{"on two lines", "<esi:include\n\tsrc=\" /a\n\"\n/>", "include src=\"/a\"\n"},
		{"with an end tag", `<esi:include src="/a"></esi:include>b`, "include src=\"/a\"\ntext \"b\"\n"},
		{"end in a value", `<esi:include src="/a>b"/>`, "include src=\"/a>b\"\n"},
		{"upper case is not ESI", `<ESI:include src="/a"/>`, `text "<ESI:include src=\"/a\"/>"` + "\n"},
		{"without src", `<esi:include alt="/a"/>`, `text "<esi:include alt=\"/a\"/>"` + "\n"},
		{"src twice", `<esi:include src="/a" src="/b"/>`, `text "<esi:include src=\"/a\" src=\"/b\"/>"` + "\n"},
		{"without quotes", `<esi:include src=/a/>`, `text "<esi:include src=/a/>"` + "\n"},
		{"never closed", `<esi:include src="/a ` + inc, `text "<esi:include src=\"/a "` + "\ninclude src=\"/a\"\n"},
		{"cut off", `a<esi:include src="/a"`, `text "a<esi:include src=\"/a\""` + "\n"},
		{"cut opening", `a<esi`, `text "a<esi"` + "\n"},
		{"unknown element", `<esi:vars>$(X)</esi:vars>`, `text "<esi:vars>$(X)</esi:vars>"` + "\n"},
		{"comment", `a<esi:comment text="no"/>b`, `text "ab"` + "\n"},
		{"remove", `a<esi:remove><p>` + inc + `<esi:remove></esi:remove>b`, `text "ab"` + "\n"},
		{"remove open", `a<esi:remove>b`, `text "a"` + "\n"},
		{"remove empty", `a<esi:remove/>b`, `text "ab"` + "\n"},
		{"commented", "a<!--esi b" + inc + " c-->d", "text \"a b\"\ninclude src=\"/a\"\ntext \" cd\"\n"},
		{"commented dashes", "<!--esi a-b--c-->d-->", `text " a-b--cd-->"` + "\n"},
		{"commented at once", "<!--esi-->a", `text "a"` + "\n"},
		{"other comment", "<!--esides-->", `text "<!--esides-->"` + "\n"},
		{"cut comment", "a<!--esi", `text "a<!--esi"` + "\n"},
		{"comment open", "a<!--esi b", `text "a b"` + "\n"},
		{"in a comment", "<!-- " + inc + "-->", "text \"<!-- \"\ninclude src=\"/a\"\ntext \"-->\"\n"},
		{"CDATA", "<![CDATA[ " + inc + "]] ]]>" + inc, "text \"<![CDATA[ <esi:include src=\\\"/a\\\"/>]] ]]>\"\ninclude src=\"/a\"\n"},
		{"CDATA open", "<![CDATA[ " + inc + "]]", "text \"<![CDATA[ <esi:include src=\\\"/a\\\"/>]]\"\n"},
		{"CDATA in remove", "<esi:remove><![CDATA[</esi:remove>a", `text "a"` + "\n"},
		{"try", "<esi:try> <esi:attempt>a" + inc + "</esi:attempt> x <esi:except>b</esi:except></esi:try>c",
			"try\nattempt\ntext \"a\"\ninclude src=\"/a\"\n/attempt\nexcept\ntext \"b\"\n/except\n/try\ntext \"c\"\n"},
		{"try in an attempt", "<esi:try><esi:attempt><esi:try><esi:attempt>a</esi:attempt></esi:try></esi:attempt></esi:try>",
			"try\nattempt\ntry\nattempt\ntext \"a\"\n/attempt\n/try\n/attempt\n/try\n"},
		{"try open", "<esi:try><esi:attempt>a", "try\nattempt\ntext \"a\"\n/attempt\n/try\n"},
		{"except first", "<esi:try><esi:except>a</esi:except></esi:try>", "try\n/try\n"},
		{"attempt alone", "<esi:attempt>a</esi:attempt>", `text "<esi:attempt>a</esi:attempt>"` + "\n"},
		{"ends crossed", "<esi:try><esi:attempt>a</esi:try></esi:attempt></esi:try>",
			"try\nattempt\ntext \"a</esi:try>\"\n/attempt\n/try\n"},
		{"bytes that are no text", "\x00\xff<esi:include src=\"/\xc3\xa4\"/>\xfe", "text \"\\x00\\xff\"\ninclude src=\"/ä\"\ntext \"\\xfe\"\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{len(tt.page), 1, 2, 3, 7} {
				got, _ := read(Options{}, []byte(tt.page), func(int) int { return size })
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Fatalf("pieces of %d (-want +got):\n%s", size, diff)
				}
			}
		})
	}
}

// TestLongTag shows that a tag that exceeds the bound is text, and that what
// follows is read again.
func TestLongTag(t *testing.T) {
	long := `<esi:include src="/` + strings.Repeat("a", 100) + `"/>`
	page := []byte("x" + long + `<esi:include src="/b"/>y`)
	want := fmt.Sprintf("text %q\ninclude src=\"/b\"\ntext \"y\"\n", "x"+long)
	for size := 1; size <= len(page); size++ {
		got, counts := read(Options{MaxTag: 50}, page, func(int) int { return size })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("pieces of %d:\n%s", size, diff)
		}
		if counts.Long != 1 || counts.Includes != 1 {
			t.Fatalf("pieces of %d: counts %+v", size, counts)
		}
	}
}

func TestCounts(t *testing.T) {
	page := `<esi:include src="/a"/><esi:include/><esi:vars><esi:remove>abc`
	_, got := read(Options{}, []byte(page), whole)
	want := Counts{Includes: 1, Malformed: 1, Unknown: 1, Unclosed: 1, Removed: int64(len(`<esi:include src="/a"/><esi:remove>abc`))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}

// TestGolden reads whole pages.
func TestGolden(t *testing.T) {
	pages, err := filepath.Glob("testdata/*.html")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	for _, name := range pages {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got, counts := read(Options{}, page, whole)
		got += fmt.Sprintf("%+v\n", counts)
		golden := strings.TrimSuffix(name, ".html") + ".events"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// fragments are what pages of the properties are made of.
func fragments() []string {
	return []string{
		"text ", "<", ">", "-", "]", "\"", "<p>", "</p>", "<esi:", "</esi:", "/>", "<!--esi ", "<!--esi", "-->", "<!-- ", "<![CDATA[", "]]>",
		`<esi:include src="/a"/>`, `<esi:include src='/b' alt="/c" onerror="continue"/>`, `<esi:include src="/`, "<esi:remove>", "</esi:remove>",
		`<esi:comment text="x"/>`, "<esi:try>", "<esi:attempt>", "</esi:attempt>", "<esi:except>", "</esi:except>", "</esi:try>", "<esi:vars>", "&amp;",
	}
}

// TestSplitsDoNotMatter is the property that a page cut anywhere yields the same.
func TestSplitsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments()), 0, 30).Draw(t, "page"), ""))
		o := Options{MaxTag: rapid.SampledFrom([]int{0, 16, 24, 40}).Draw(t, "max")}
		want, wantCounts := read(o, page, whole)
		got, gotCounts := read(o, page, func(int) int { return rapid.IntRange(1, 9).Draw(t, "cut") })
		if want != got || wantCounts != gotCounts {
			t.Fatalf("%q\nwhole:  %s%+v\npieces: %s%+v", page, want, wantCounts, got, gotCounts)
		}
	})
}

// TestBrackets is the property that the brackets of try are balanced.
func TestBrackets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := strings.Join(rapid.SliceOfN(rapid.SampledFrom(fragments()), 0, 40).Draw(t, "page"), "")
		got, _ := read(Options{}, []byte(page), whole)
		var open []string
		for _, line := range strings.Split(got, "\n") {
			switch line {
			case "try", "attempt", "except":
				open = append(open, line)
			case "/try", "/attempt", "/except":
				if len(open) == 0 || open[len(open)-1] != line[1:] {
					t.Fatalf("%q: %s does not close %v", page, line, open)
				}
				open = open[:len(open)-1]
			}
		}
		if len(open) > 0 {
			t.Fatalf("%q: %v stay open", page, open)
		}
	})
}

func FuzzParser(f *testing.F) {
	for _, s := range fragments() {
		f.Add([]byte(s+s), uint8(3), uint8(0))
	}
	f.Add([]byte(strings.Join(fragments(), "")), uint8(7), uint8(30))
	f.Fuzz(func(t *testing.T, page []byte, size, bound uint8) {
		o := Options{MaxTag: int(bound)}
		want, wantCounts := read(o, page, whole)
		got, gotCounts := read(o, page, func(int) int { return int(size) })
		if want != got || wantCounts != gotCounts {
			t.Fatalf("whole:  %s%+v\npieces: %s%+v", want, wantCounts, got, gotCounts)
		}
		if !bytes.Contains(page, []byte("esi")) && len(page) > 0 && want != fmt.Sprintf("text %q\n", page) {
			t.Fatalf("a page without a tag became %s", want)
		}
	})
}

func TestParserAllocates(t *testing.T) {
	page := []byte(strings.Repeat("<p>text</p>\n", 50) + `<esi:include src="/a?b&amp;c" alt="/b"/>` + strings.Repeat("<em>x</em>", 9))
	var p Parser
	var e Event
	run := func() {
		p.Reset(Options{})
		for rest := page; len(rest) > 0; {
			n := min(len(rest), 100)
			p.Feed(rest[:n])
			rest = rest[n:]
			for p.Next(&e) {
			}
		}
		p.Finish()
		for p.Next(&e) {
		}
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkParser(b *testing.B) {
	row := `<tr class="row"><td>1</td><td><a href="/item/1">An item of some length, as lists have them</a></td></tr>` + "\n"
	page := []byte(strings.Repeat(row, 300) + `<esi:include src="/a"/>` + strings.Repeat(row, 300))
	b.Run("page", func(b *testing.B) { benchmark(b, page) })
	b.Run("text", func(b *testing.B) { benchmark(b, bytes.Repeat([]byte("just words "), 6000)) })
	b.Run("adverse", func(b *testing.B) { benchmark(b, bytes.Repeat([]byte("<esi:x <esi"), 6000)) })
}

func benchmark(b *testing.B, page []byte) {
	var p Parser
	var e Event
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		p.Reset(Options{})
		p.Feed(page)
		for p.Next(&e) {
		}
		p.Finish()
		for p.Next(&e) {
		}
	}
}
