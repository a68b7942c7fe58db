package esi

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestFinder is the property that a page in which nothing is found passes
// unchanged, and that cuts do not matter.
func TestFinder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		page := []byte(strings.Join(rapid.SliceOfN(rapid.SampledFrom(append(fragments(), "<e", "si:", "<!", "--e", "si")), 0, 8).Draw(t, "page"), ""))
		var f Finder
		found := false
		for rest := page; len(rest) > 0 && !found; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "cut")
			found = f.Find(rest[:n])
			rest = rest[n:]
		}
		if found != opens(page) {
			t.Fatalf("%q: found %v", page, found)
		}
		if got, _ := read(Options{}, page, whole); !found && len(page) > 0 && got != fmt.Sprintf("text %q\n", page) {
			t.Fatalf("%q: nothing found, and it becomes %s", page, got)
		}
	})
}

func BenchmarkFinder(b *testing.B) {
	page := bytes.Repeat([]byte(`<tr class="row"><td>1</td><td><a href="/item/1">An item of some length</a></td></tr>`+"\n"), 600)
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		var f Finder
		f.Find(page)
	}
}
