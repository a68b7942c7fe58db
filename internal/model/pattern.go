package model

import (
	"errors"
	"fmt"
	"regexp/syntax"
)

// What regular expressions may come to, in instructions of RE2's program, each about a
// hundred bytes: counted repetitions make many more than there are characters.
const (
	MaxPattern  = 10_000    // of one
	MaxPatterns = 4_000_000 // of all of a configuration
)

// ErrPattern means that a regular expression is too large.
var ErrPattern = errors.New("the expression is too large")

// MeasurePattern returns about how many instructions a regular expression will have,
// without compiling it.
func MeasurePattern(text string) (int, error) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return 0, err
	}
	n := weigh(tree)
	if n > MaxPattern {
		return 0, fmt.Errorf("%w: it comes to more than %d instructions", ErrPattern, MaxPattern)
	}
	return n, nil
}

// weigh measures a part. It stops growing above the bound.
func weigh(re *syntax.Regexp) int {
	n := 2
	for _, sub := range re.Sub {
		n = min(n+weigh(sub), MaxPattern+1)
	}
	switch re.Op {
	case syntax.OpLiteral:
		n += len(re.Rune)
	case syntax.OpCharClass:
		n += len(re.Rune) / 32
	case syntax.OpRepeat:
		n = min(n*max(re.Max, re.Min+1), MaxPattern+1)
	}
	return n
}

// Patterns counts the instructions of all regular expressions of one configuration.
type Patterns int

// Add counts one more; nil counts nothing. The error says why it must not be compiled.
func (p *Patterns) Add(text string) error {
	n, err := MeasurePattern(text)
	if err != nil || p == nil {
		return err
	}
	if *p += Patterns(n); *p > MaxPatterns {
		return fmt.Errorf("%w: all of this configuration come to more than %d instructions", ErrPattern, MaxPatterns)
	}
	return nil
}
