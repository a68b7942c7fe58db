package backtrack

import (
	"errors"
	"strings"
	"testing"

	"github.com/dlclark/regexp2/v2"
	"github.com/google/go-cmp/cmp"
)

func free(int) error { return nil }

func TestFind(t *testing.T) {
	for _, c := range []struct {
		re, text string
		want     []int32
	}{
		{"a(?=b)", "aab", []int32{1, 2}},
		{"a(?!b)", "abac", []int32{2, 3}},
		{"(?<!a)b", "abb", []int32{2, 3}},
		{"(?<=ab+)c", "abbc", []int32{3, 4}},
		{`(a+)\1`, "baaaa", []int32{1, 5, 1, 3}},
		{`(?i)(ab)\1`, "abAB", []int32{0, 4, 0, 2}},
		{"a++b", "aaab", []int32{0, 4}},
		{"a++a", "aaaa", nil},
		{"(?>a|ab)c", "abc", nil},
		{"(?>ab|a)c", "abc", []int32{0, 3}},
		{`(x)?(?(1)y|z)`, "xy", []int32{0, 2, 0, 1}},
		{`(x)?(?(1)y|z)`, "z", []int32{0, 1, -1, -1}},
		{`(?:a|b)*?c`, "abac", []int32{0, 4}},
		{`(a*)*`, "b", []int32{0, 0, 0, 0}},
		{`(?=(\w+))\1:`, "abc:", []int32{0, 4, 0, 3}},
		{`^(?:(?=a).)+$`, "aaa", []int32{0, 3}},
		{`\bfoo\b(?=.)`, "xfoo foo bar", []int32{5, 8}},
		{`(?<=é)x`, "éx", []int32{2, 3}},
		{`(?<y>\d{4})-(?<m>\d\d)(?=-)`, "on 2026-11-21", []int32{3, 10, 3, 7, 8, 10}},
	} {
		p, err := Compile(c.re)
		if err != nil {
			t.Fatalf("%s: %v", c.re, err)
		}
		got := make([]int32, 2*p.Groups())
		ok, err := p.Find([]byte(c.text), 0, false, got, free)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			got = nil
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s on %q: %s", c.re, c.text, diff)
		}
	}
}

func TestNotEmpty(t *testing.T) {
	p, err := Compile("|a(?=.)")
	if err != nil {
		t.Fatal(err)
	}
	at := make([]int32, 2)
	if ok, err := p.Find([]byte("bab"), 0, true, at, free); !ok || err != nil || at[0] != 1 || at[1] != 2 {
		t.Error(ok, err, at)
	}
}

// TestCatastropheEnds counts the steps of patterns that would take for ever.
func TestCatastropheEnds(t *testing.T) {
	over := errors.New("over")
	for _, c := range []struct{ re, text string }{
		{`^(?:a+)+(?=b)$`, strings.Repeat("a", 40)},
		{`(x+x+)+y(?=z)`, strings.Repeat("x", 60)},
		{`(?:(?:a*)*)*(?=b)c`, strings.Repeat("a", 100)},
		{`(a|aa)+(?!.)b`, strings.Repeat("a", 80)},
		{`(?=(.*)*)\1x`, strings.Repeat("ab", 1000)},
		{`(?<=(?:a|b|ab)*)c`, strings.Repeat("ab", 1000)},
	} {
		p, err := Compile(c.re)
		if err != nil {
			t.Fatal(err)
		}
		steps := 0
		_, err = p.Find([]byte(c.text), 0, false, nil, func(n int) error {
			if steps += n; steps > 2_000_000 {
				return over
			}
			return nil
		})
		if err != nil && !errors.Is(err, over) && !errors.Is(err, ErrStack) {
			t.Error(err)
		}
		if steps > 2_200_000 {
			t.Errorf("%s made %d steps", c.re, steps)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, re := range []string{"(", "a{2,1}(?=b)", "(?:(?:(?:ab|cd){99}e){99}f){99}g", strings.Repeat("(?:a|b(?=c", 300) + strings.Repeat("))", 300), "(?<a-b>x)", strings.Repeat("(a)", 120)} {
		if _, err := Compile(re); err == nil {
			t.Errorf("%.20s: accepted", re)
		}
	}
}

// FuzzFind compares with the library's own matcher.
func FuzzFind(f *testing.F) {
	for _, s := range []string{"a(?=b)", "(?<!a)b", `(a+)\1`, "a++b", "(?>a|ab)c", `(x)?(?(1)y|z)`, "(?:a|b)*?c", "(a*)*", `\ba|b\B`, "(?m)^a$", "(a{2,3}?b){1,2}", "(?s).(?<=a|bc)", "[^a-c]+?(?!b)"} {
		f.Add(s, "abcab\nxyaab")
	}
	f.Fuzz(func(t *testing.T, re, text string) {
		if len(re) > 60 || len(text) > 40 || strings.ToValidUTF8(text, "") != text || strings.ToValidUTF8(re, "") != re {
			return
		}
		p, err := Compile(re)
		if err != nil {
			return
		}
		over := errors.New("over")
		steps := 0
		at := make([]int32, 2*p.Groups())
		got, err := p.Find([]byte(text), 0, false, at, func(n int) error {
			if steps += n; steps > 200_000 {
				return over
			}
			return nil
		})
		if err != nil {
			return
		}
		ref, err := regexp2.Compile(re, regexp2.OptionMaintainCaptureOrder())
		if err != nil {
			return
		}
		m, err := ref.FindStringMatch(text)
		if err != nil {
			return
		}
		if got != (m != nil) {
			t.Fatalf("%q on %q: %v, the library %v", re, text, got, m != nil)
		}
		if m != nil && string(text[at[0]:at[1]]) != m.String() {
			t.Fatalf("%q on %q: %q, the library %q", re, text, text[at[0]:at[1]], m.String())
		}
	})
}
