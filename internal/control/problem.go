package control

import (
	"fmt"
	"strings"
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
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
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
