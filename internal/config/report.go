package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"fishplate/internal/config/schema"
	"fishplate/internal/predicate"
)

func (l *loader) errorf(at hcl.Range, summary, detail, suggestion string) {
	l.add(Error, at, summary, detail, suggestion)
}

func (l *loader) warnf(at hcl.Range, summary, detail, suggestion string) {
	l.add(Warning, at, summary, detail, suggestion)
}

func (l *loader) add(s Severity, at hcl.Range, summary, detail, suggestion string) {
	if at.Filename == "" {
		at = start(l.o.Path)
	}
	at.Start.Line, at.Start.Column = max(1, at.Start.Line), max(1, at.Start.Column)
	l.diags = append(l.diags, Diagnostic{
		Severity: s, File: l.show(at.Filename), Line: at.Start.Line, Column: at.Start.Column,
		Summary: summary, Detail: detail, Suggestion: suggestion, Range: at,
	})
}

// take translates what the parser and the evaluator found; at is the place when
// they give none.
func (l *loader) take(diags hcl.Diagnostics, at hcl.Range) {
	for _, d := range diags {
		if d.Subject != nil {
			at = *d.Subject
		}
		severity := Error
		if d.Severity == hcl.DiagWarning {
			severity = Warning
		}
		suggestion, detail := trap(d), d.Detail
		if d.Summary == "Invalid multi-line string" {
			detail = ""
		}
		if hint, ok := d.Extra.(predicate.Hint); ok && hint.Suggestion != "" {
			suggestion = fmt.Sprintf("did you mean %s?", strings.Trim(hint.Suggestion, " "))
			detail, _, _ = strings.Cut(detail, " Did you mean ")
		}
		if e, ok := d.Extra.(hclsyntax.FunctionCallUnknownDiagExtra); ok {
			detail = ""
			suggestion = schema.DidYouMean(e.CalledFunctionName(), []string{"env", "file"})
			if suggestion == "" {
				suggestion = "env(\"NAME\") and file(\"PATH\") are the functions that can be called while the file is read"
			}
			l.add(severity, at, fmt.Sprintf("there is no function %q here", e.CalledFunctionName()), detail, suggestion)
			continue
		}
		if _, cause, ok := strings.Cut(detail, `" failed: `); ok && d.Summary == "Error in function call" {
			l.add(severity, at, strings.TrimSuffix(cause, "."), "", suggestion)
			continue
		}
		l.add(severity, at, lowerFirst(d.Summary), oneLine(detail), suggestion)
	}
}

// trap explains the mistakes that HCL's own rules invite.
func trap(d *hcl.Diagnostic) string {
	switch d.Summary {
	case "Invalid single-argument block definition":
		return "a block on one line holds at most one attribute and no block: put each on a line of its own"
	case "Invalid escape sequence":
		return `in a quoted string a backslash is doubled: "~^/x\\.html$"`
	case "Extra characters after interpolation expression", "Unclosed template interpolation sequence", "Invalid template control keyword", "Invalid template directive":
		return "a literal ${ is written $${, a literal %{ is written %%{"
	case "Invalid multi-line string", "Unterminated template string":
		return "close the quote on the line where it opens"
	case "Invalid expression":
		return "a word is a string and needs quotes"
	case "Attribute redefined", "Duplicate attribute definition":
		return "an attribute is written once; more values are a list: [\"a\", \"b\"]"
	case "Missing newline after argument", "Missing newline after block definition":
		return "each attribute and each block is on a line of its own"
	case "Invalid block definition":
		return `a block is written NAME "LABEL" { on one line, with the brace on the same line`
	case "Argument or block definition required":
		return "here stands NAME = VALUE, or NAME { … }"
	}
	return ""
}

func lowerFirst(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
