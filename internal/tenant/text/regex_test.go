package text

import (
	"strings"
	"testing"
)

func TestRegexErrorsNameTheConstruct(t *testing.T) {
	for pattern, want := range map[string]string{
		"a(?=b)": "look-ahead", "(?<!a)b": "look-behind", `(a)\1`: "back-reference", "a++": "possessive", "(?>a)": "atomic", "(": "missing",
	} {
		var c Cache
		if _, _, err := c.Compile(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	var c Cache
	for i := range 3 * cachedRegexes {
		if _, _, err := c.Compile(strings.Repeat("a", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.text) > cachedRegexes {
		t.Errorf("%d patterns are kept", len(c.text))
	}
}

func TestSubstitute(t *testing.T) {
	for _, c := range []struct {
		re, src, by, want string
		all               bool
	}{
		{"b", "abab", "x", "axab", false}, {"b", "abab", "x", "axax", true}, {"(a)(b)", "ab", `\2\1\0\9`, "baab", false},
		{"z", "abc", "x", "abc", true}, {"", "ab", "-", "-a-b-", true}, {"a", "a", `\\`, `\`, false},
	} {
		var cache Cache
		p, _, err := cache.Compile(c.re)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := Substitute(p.RE, []byte(c.src), []byte(c.by), c.all); string(got) != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
