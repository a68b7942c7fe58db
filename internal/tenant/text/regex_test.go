package text

import (
	"errors"
	"strings"
	"testing"

	"fishplate/internal/model"
)

func free(int) error { return nil }

func TestPatternsSayHowTheyAreMatched(t *testing.T) {
	for pattern, want := range map[string]string{
		"a(?=b)": "look-ahead ((?=)", "(?<!a)b": "look-behind", `(a)\1`: "back-reference", "a++": "possessive", "(?>a)": "atomic",
	} {
		var c Cache
		p, known, err := c.Compile(pattern)
		if err != nil || known || !p.Backtracks() || !strings.Contains(p.Why(), want) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	var c Cache
	for _, pattern := range []string{"(", "(?R)(?=a)", `a\K(?=b)`} {
		if _, _, err := c.Compile(pattern); err == nil || !strings.Contains(err.Error(), "compile regex") {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

func TestCachesAreBoundedAndShared(t *testing.T) {
	parent := &Cache{}
	c, d := Cache{Parent: parent}, Cache{Parent: parent}
	for i := range 3 * cachedRegexes {
		if _, _, err := c.Compile(strings.Repeat("a", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.text) > cachedRegexes {
		t.Errorf("%d patterns are kept", len(c.text))
	}
	a, _, _ := c.Compile("x+")
	b, known, _ := d.Compile("x+")
	if a != b || known {
		t.Error("two images compiled the same pattern twice, or were not charged twice")
	}
}

// TestSubstitute has regsub's cases: behind the first match only those count
// that are not empty, and ^ is the beginning of the text.
func TestSubstitute(t *testing.T) {
	for _, c := range []struct {
		re, src, by, want string
		all               bool
	}{
		{"b", "abab", "x", "axab", false}, {"b", "abab", "x", "axax", true}, {"(a)(b)", "ab", `\2\1\0\9`, "baab", false},
		{"z", "abc", "x", "abc", true}, {"", "ab", "-", "-ab", true}, {"a", "a", `\\`, `\`, false},
		{"a*", "baac", "-", "-b-c", true}, {"^a", "aaa", "b", "baa", true}, {"|a", "ba", "-", "-b-", true}, {"$", "ab", "!", "ab!", true},
		{"a(?=b)", "abacab", "<\\0>", "<a>bac<a>b", true}, {"(?!x)", "ab", "-", "-ab", true}, {`(\w)\1`, "aabbc", `\1`, "abc", true},
		{"a", "aa", `x\`, `x\x\`, true}, {"(a)|(b)", "ab", `[\1\2]`, "[a][b]", true},
	} {
		var cache Cache
		p, _, err := cache.Compile(c.re)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := Substitute(p, []byte(c.src), []byte(c.by), c.all, free, free); err != nil || string(got) != c.want {
			t.Errorf("%+v: %q %v", c, got, err)
		}
	}
}

func TestWorkEndsASubstitution(t *testing.T) {
	var c Cache
	p, _, err := c.Compile(`(?=(a*)*)(?:a|aa)+\1b`)
	if err != nil {
		t.Fatal(err)
	}
	over := errors.New("over")
	calls := 0
	_, _, err = Substitute(p, []byte(strings.Repeat("a", 50)), nil, true, func(int) error {
		if calls++; calls > 10 {
			return over
		}
		return nil
	}, free)
	if !errors.Is(err, over) {
		t.Error(err)
	}
}

// TestManyMatchesArePaidFor: whoever replaces thousands of matches is asked for
// each, whatever matches them, and gets the same as for few.
func TestManyMatchesArePaidFor(t *testing.T) {
	p, err := compile("a")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{fewMatches, fewMatches + 1, 1 << 16} {
		paid := 0
		got, _, err := Substitute(p, []byte(strings.Repeat("a", n)), []byte("bc"), true, func(steps int) error { paid += steps; return nil }, free)
		if err != nil || string(got) != strings.Repeat("bc", n) || paid < n {
			t.Errorf("%d matches: %d bytes, %d steps, %v", n, len(got), paid, err)
		}
	}
	over := errors.New("over")
	for _, n := range []int{fewMatches, 1 << 16} {
		if _, _, err := Substitute(p, []byte(strings.Repeat("a", n)), nil, true, func(int) error { return over }, free); !errors.Is(err, over) {
			t.Errorf("%d matches are not ended: %v", n, err)
		}
	}
}

// TestLargeExpressions: counted repetitions make large programs of short texts,
// whose making and matching would be the host's memory and time.
func TestLargeExpressions(t *testing.T) {
	for _, source := range []string{
		"(?:" + strings.Repeat("a", 3200) + "){1000}", "(?:" + strings.Repeat("a?", 1600) + "){1000}",
	} {
		if p, err := compile(source); err == nil && (!p.Backtracks() || p.Size() > model.MaxPattern) {
			t.Errorf("%.20s… is RE2's, or a program of %d instructions", source, p.Size())
		}
	}
	p, err := compile("(?:a?){300}(?:a?){300}b")
	if err != nil {
		t.Fatal(err)
	}
	long := []byte(strings.Repeat("a", 1<<16))
	if !p.Heavy(len(long)) || p.Heavy(100) {
		t.Error("what is heavy is not known")
	}
	stop := errors.New("no more")
	patience := func(n int) Work {
		return func(steps int) error {
			if n -= steps; n < 0 {
				return stop
			}
			return nil
		}
	}
	if _, err := p.Match(long, patience(100_000)); err != stop {
		t.Errorf("a long search ends with %v", err)
	}
	if _, err := p.Find(long, patience(100_000)); err != stop {
		t.Errorf("a long search for groups ends with %v", err)
	}
	if _, _, err := Substitute(p, long, nil, true, patience(100_000), free); err != stop {
		t.Errorf("a long substitution ends with %v", err)
	}
	if found, err := p.Match(append(long[:2000:2000], 'b'), patience(100_000_000)); err != nil || !found {
		t.Errorf("a search that is paid for: %v %v", found, err)
	}
}

// TestCacheIsWeighed: many large expressions do not stay.
func TestCacheIsWeighed(t *testing.T) {
	c := Cache{Parent: new(Cache)}
	for i := range 200 {
		if _, _, err := c.Compile("(?:a" + strings.Repeat("b", i) + "){20}"); err != nil {
			t.Fatal(err)
		}
	}
	if c.size > cachedSize || c.Parent.size > sharedSize || len(c.text) == 0 {
		t.Errorf("%d instructions in %d expressions", c.size, len(c.text))
	}
}

// TestGrowthIsPaidFor: what is read of the substitution, and what is written, is paid
// for before it is done, whether many matches make it or one.
func TestGrowthIsPaidFor(t *testing.T) {
	over := errors.New("over")
	for _, c := range []struct {
		re, by string
		n      int  // bytes of the text
		large  bool // no result
		read   int  // bytes of by
		wrote  int
	}{
		{"a", "xyz", 1000, false, 3000, 3000},
		{"a", "xyz", 5000, false, 15_000, 15_000},
		{"a+", strings.Repeat(`\0`, 100), 60_000, false, 200, 6_000_000},
		{"a+", strings.Repeat(`\0`, 30_000), 60_000, true, 60_000, maxResult},
		{"(a+)", strings.Repeat(`\9`, 30_000), 60_000, false, 60_000, 0},
		{"b", strings.Repeat("x", 10_000), 60_000, false, 0, 60_000},
		{"b", "", maxResult + 1, true, 0, 0},
	} {
		p, err := compile(c.re)
		if err != nil {
			t.Fatal(err)
		}
		src, paid := []byte(strings.Repeat("a", c.n)), 0
		got, _, err := Substitute(p, src, []byte(c.by), c.re == "a", free, func(n int) error { paid += n; return nil })
		if err != nil || (got == nil) != c.large || !c.large && len(got) != c.wrote || paid > c.read+c.wrote || paid < c.read+c.wrote-c.n {
			t.Errorf("%+.40v: %d bytes for %d, %v", c, len(got), paid, err)
		}
		rest := 5000
		if _, _, err := Substitute(p, src, []byte(c.by), c.re == "a", free, func(n int) error {
			if rest -= n; rest < 0 {
				return over
			}
			return nil
		}); c.read+c.wrote > 5000 != errors.Is(err, over) {
			t.Errorf("%+.40v: with 5000 bytes: %v", c, err)
		}
	}
}
