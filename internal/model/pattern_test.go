package model

import (
	"errors"
	"regexp/syntax"
	"strings"
	"testing"
)

// TestPatternsAreMeasured: what is measured is no less than what compiles, and what
// repetitions multiply is refused without being made.
func TestPatternsAreMeasured(t *testing.T) {
	for _, text := range []string{"", "a", "^/a/[^/]+/b$", "(?i)abc|def", "(ab){3,7}", "a{100}", `\pL+\d*?`, "(((a?)*)+)", "(ab{5}){6,}", "x{0}", "((a|b|c){10}d){20}"} {
		n, err := MeasurePattern(text)
		if err != nil {
			t.Fatal(text, err)
		}
		tree, err := syntax.Parse(text, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		program, err := syntax.Compile(tree.Simplify())
		if err != nil {
			t.Fatal(err)
		}
		if real := len(program.Inst); n+2 < real || n > 20*real {
			t.Errorf("%q: %d instructions measured, there are %d", text, n, real)
		}
	}
	for _, text := range []string{"(" + strings.Repeat("a", 3000) + "){1000}", strings.Repeat("x", MaxPattern), strings.Repeat(`\pL`, MaxPattern/10), "(" + strings.Repeat("(a{100}b)", 100) + "){10}"} {
		if _, err := MeasurePattern(text); !errors.Is(err, ErrPattern) || !strings.Contains(err.Error(), "10000") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if _, err := MeasurePattern("("); err == nil || errors.Is(err, ErrPattern) {
		t.Error(err)
	}
}

func TestPatternsAreCounted(t *testing.T) {
	var all Patterns
	text, n := strings.Repeat("a", 9000), 0
	for ; all.Add(text) == nil; n++ {
	}
	if err := all.Add("a"); n != MaxPatterns/9002 || !errors.Is(err, ErrPattern) || !strings.Contains(err.Error(), "4000000") {
		t.Errorf("%d were taken, %v", n, err)
	}
	if err := (*Patterns)(nil).Add(text); err != nil {
		t.Error(err)
	}
}
