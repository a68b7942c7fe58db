package control

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Problem is one reason why a configuration is refused, or one warning. Line
// and Column are 0 when the trouble has no place in a file.
type Problem struct {
	File       string `json:"file"`
	Line       int    `json:"line"`
	Column     int    `json:"column"`
	Summary    string `json:"summary"`
	Detail     string `json:"detail"`
	Suggestion string `json:"suggestion"`
	// Text is the problem as people read it, with the source line and a caret
	// under it; it ends with a newline. Empty when there is no source to show.
	Text string `json:"text,omitempty"`
}

// String returns the problem in one line.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.place() + ": ")
	}
	b.WriteString(p.Summary)
	if p.Detail != "" {
		b.WriteString(": " + p.Detail)
	}
	if p.Suggestion != "" {
		b.WriteString(" (" + p.Suggestion + ")")
	}
	return b.String()
}

// place is where the problem stands. The text of a change is no file that an editor
// could open there.
func (p Problem) place() string {
	switch {
	case p.Line == 0:
		return p.File
	case strings.HasPrefix(p.File, "change "):
		return fmt.Sprintf("%s, line %d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// unsaid are the warnings that were not told when this state was committed: who
// edits one part has no use for those of others. Each is taken as often as it was
// told, wherever it stands by now.
func (s *state) unsaid(list []Problem) (fresh []Problem) {
	if s == nil {
		return list
	}
	told := map[[2]string]int{}
	for _, p := range s.noted {
		told[p.words()]++
	}
	for _, p := range s.prepared {
		told[p.words()]++
	}
	for _, p := range list {
		if told[p.words()]--; told[p.words()] < 0 {
			fresh = append(fresh, p)
		}
	}
	return fresh
}

// places finds where things stand, in what is said of them.
var places = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(` at (change \d+, line |[^\s"]+:)\d+`)
})

// words are what a problem says, without places.
func (p Problem) words() [2]string {
	at := places()
	return [2]string{at.ReplaceAllString(p.Summary, " there"), at.ReplaceAllString(p.Detail, " there")}
}

// Placeless returns the problems without the places where they stand, for who may
// know what is wrong but not how the operator's files are named.
func Placeless(list []Problem) []Problem {
	bare := make([]Problem, len(list))
	for i, p := range list {
		words := p.words()
		bare[i] = Problem{Summary: paths().ReplaceAllString(words[0], "$1 …:"), Detail: paths().ReplaceAllString(words[1], "$1 …:")}
	}
	return bare
}

// paths finds the files that errors of the system name: "open /etc/x: …".
var paths = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b([a-z]+) /[^\s"]*:`)
})

// Refusal is the error form of the problems that refused a configuration.
type Refusal []Problem

// Error joins the problems, one a line.
func (r Refusal) Error() string {
	lines := make([]string, len(r))
	for i, p := range r {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// problemsOf turns an error of the Builder into problems. A Builder that knows
// several, or their places, returns a Refusal.
func problemsOf(err error) []Problem {
	if r, ok := err.(Refusal); ok {
		return r
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var list []Problem
		for _, e := range many.Unwrap() {
			list = append(list, problemsOf(e)...)
		}
		return list
	}
	return []Problem{{Summary: err.Error()}}
}
