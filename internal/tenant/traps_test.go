package tenant

import (
	"strings"
	"testing"
)

// TestTraps lets a guest check what unmodified programs rely on.
func TestTraps(t *testing.T) {
	m := guestModel("traps")
	m.Instructions = 20_000_000
	tn := start(t, m)
	for range 2 {
		req := request("/")
		if _, f := recv(t, tn, req, ""); f != nil {
			t.Fatal(f)
		}
		for i := req.Header.FindFrom("X-Failed", 0); i >= 0; i = req.Header.FindFrom("X-Failed", i+1) {
			t.Errorf("%s", req.Header.Value(i))
		}
		if got := value(&req.Header, "X-Checked"); got != "062" {
			t.Errorf("%s checks were made", got)
		}
	}
}

func TestRegexErrorsNameTheConstruct(t *testing.T) {
	for pattern, want := range map[string]string{
		"a(?=b)": "look-ahead", "(?<!a)b": "look-behind", `(a)\1`: "back-reference", "a++": "possessive", "(?>a)": "atomic", "(": "missing",
	} {
		var c regexCache
		if _, err := c.compile(pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	var c regexCache
	for i := range 3 * cachedRegexes {
		if _, err := c.compile(strings.Repeat("a", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.text) > cachedRegexes {
		t.Errorf("%d patterns are kept", len(c.text))
	}
}

func TestSplitTarget(t *testing.T) {
	for target, ok := range map[string]bool{
		"/": true, "/a/b?c=d&e": true, "/a%20b": true, "/a//b": true, "/.hidden": true, "/a?../x": true,
		"": false, "a": false, "*": false, "/..": false, "/a/./b": false, "/a/../b": false, "/%2e%2e/x": false,
		"/a%2": false, "/a%zz": false, "/a%00": false, "/a%0d": false, "/a b": false, "/a#b": false, "/\x80": false, "/a\x00": false,
	} {
		if _, _, _, got := splitTarget([]byte(target)); got != ok {
			t.Errorf("%q: %v", target, got)
		}
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
		var cache regexCache
		p, err := cache.compile(c.re)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := substitute(p.re, []byte(c.src), []byte(c.by), c.all); string(got) != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
