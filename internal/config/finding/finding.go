package finding

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"fishplate/internal/letters"
)

// Severity is how bad a diagnostic is: an error refuses the configuration.
type Severity int

// The two severities.
const (
	Error Severity = iota
	Warning
)

func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Diagnostic is one finding about the text. It always has a range.
type Diagnostic struct {
	Severity   Severity  `json:"-"`
	File       string    `json:"file"`
	Line       int       `json:"line"`
	Column     int       `json:"column"`
	Summary    string    `json:"summary"`
	Detail     string    `json:"detail"`
	Suggestion string    `json:"suggestion"`
	Range      hcl.Range `json:"-"`
}

// Error renders the finding on one line.
func (d Diagnostic) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", d.File, d.Line, d.Column, d.Severity, d.Summary)
}

// Diagnostics is everything found, errors and warnings, ordered by place.
type Diagnostics []Diagnostic

// HasErrors reports whether the configuration must be refused.
func (ds Diagnostics) HasErrors() bool {
	for _, d := range ds {
		if d.Severity == Error {
			return true
		}
	}
	return false
}

// Errors returns the errors alone, in order.
func (ds Diagnostics) Errors() Diagnostics { return ds.only(Error) }

// Warnings returns the warnings alone, in order.
func (ds Diagnostics) Warnings() Diagnostics { return ds.only(Warning) }

func (ds Diagnostics) only(s Severity) Diagnostics {
	out := Diagnostics{}
	for _, d := range ds {
		if d.Severity == s {
			out = append(out, d)
		}
	}
	return out
}

// Error joins the errors, one a line, so that Diagnostics can be returned as an error.
func (ds Diagnostics) Error() string {
	var lines []string
	for _, d := range ds.Errors() {
		lines = append(lines, d.Error())
	}
	return strings.Join(lines, "\n")
}

// MarshalJSON writes the object that `check --json` prints.
func (ds Diagnostics) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Errors   []Diagnostic `json:"errors"`
		Warnings []Diagnostic `json:"warnings"`
	}{ds.Errors(), ds.Warnings()})
}

// Sort orders by file, place and severity; equal findings are kept once.
func (ds Diagnostics) Sort() Diagnostics {
	sort.SliceStable(ds, func(i, j int) bool {
		a, b := ds[i], ds[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		if a.Column != b.Column {
			return a.Column < b.Column
		}
		return a.Severity < b.Severity
	})
	out := ds[:0]
	for i, d := range ds {
		if i > 0 && d == out[len(out)-1] {
			continue
		}
		out = append(out, d)
	}
	return out
}

// Sources maps a file's name, as diagnostics carry it, to its text.
type Sources map[string][]byte

// withSource is how many findings are shown with their line: nobody reads the
// lines of thousands, and to find them all takes minutes.
const withSource = 500

// Format prints every finding, the first of them with the source line and a caret
// under the place, and what to do. With color it uses ANSI escapes.
func (ds Diagnostics) Format(w io.Writer, sources Sources, color bool) error {
	var b bytes.Buffer
	for i, d := range ds {
		if i == withSource {
			sources = nil
		}
		d.format(&b, sources, color)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (d Diagnostic) format(b *bytes.Buffer, sources Sources, color bool) {
	paint := func(code, s string) string {
		if !color {
			return s
		}
		return "\x1b[" + code + "m" + s + "\x1b[0m"
	}
	word := paint("1;31", "error")
	if d.Severity == Warning {
		word = paint("1;33", "warning")
	}
	fmt.Fprintf(b, "%s: %s: %s\n", paint("1", fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)), word, d.Summary)
	if line, ok := sourceLine(sources[d.File], d.Line); ok {
		line, d := d.near(line)
		fmt.Fprintf(b, "%6d | %s\n", d.Line, line)
		fmt.Fprintf(b, "       | %s\n", paint("1;32", d.caret(line)))
	}
	if d.Detail != "" {
		fmt.Fprintf(b, "         %s\n", strings.ReplaceAll(d.Detail, "\n", "\n         "))
	}
	if d.Suggestion != "" {
		fmt.Fprintf(b, "         %s\n", paint("36", d.Suggestion))
	}
}

// sourceLine returns line n, counted from one.
func sourceLine(text []byte, n int) (string, bool) {
	for ; n > 1; n-- {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			return "", false
		}
		text = text[i+1:]
	}
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	line := strings.TrimRight(string(text), "\r")
	return line, line != ""
}

// Of a line longer than longLine bytes no more than aside characters on both
// sides of the place are shown: files that programs write have one line.
const (
	longLine = 400
	aside    = 80
)

// near makes a line fit to be shown, and returns d with its columns in that.
func (d Diagnostic) near(line string) (string, Diagnostic) {
	if len(line) > longLine {
		first, last, column := 0, len(line), 1
		for i := range line {
			switch column {
			case d.Column - aside:
				first = i
			case d.Column + aside:
				last = i
			}
			if column++; last < len(line) {
				break
			}
		}
		if last < len(line) {
			line = line[:last] + "…"
		}
		if first > 0 {
			line = "…" + line[first:]
			moved := d.Column - aside - 2
			d.Column, d.Range.Start.Column, d.Range.End.Column = d.Column-moved, d.Range.Start.Column-moved, d.Range.End.Column-moved
		}
	}
	return letters.Row(strings.ToValidUTF8(line, "?")), d
}

// caret underlines the range on its first line.
func (d Diagnostic) caret(line string) string {
	width := 1
	letters := len([]rune(line))
	if d.Range.End.Line == d.Line && d.Range.End.Column > d.Column {
		width = d.Range.End.Column - d.Column
	} else if d.Range.End.Line > d.Line {
		width = letters - d.Column + 1
	}
	width = max(1, min(width, letters-d.Column+1))
	return strings.Repeat(" ", max(0, d.Column-1)) + strings.Repeat("^", width)
}
