package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"fishplate/internal/config/advice"
	"fishplate/internal/config/finding"
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
	at = l.standing(at)
	at.Start.Line, at.Start.Column = max(1, at.Start.Line), max(1, at.Start.Column)
	l.diags = append(l.diags, Diagnostic{
		Severity: s, File: l.Show(at.Filename), Line: at.Start.Line, Column: at.Start.Column,
		Summary: summary, Detail: detail, Suggestion: suggestion, Range: at,
	})
}

// standing is where a place is in a file: tenants that are written inline, with a
// folder of their own, are read as if they stood in a file there, and pieces of a
// file count from their own beginning.
func (l *loader) standing(at hcl.Range) hcl.Range {
	if name, ok := l.inline[at.Filename]; ok {
		at.Filename = name
	}
	return l.cfg.Places.Range(at)
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
		suggestion, detail := finding.Trap(d), d.Detail
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
		l.add(severity, at, finding.Plain(d.Summary), strings.Join(strings.Fields(detail), " "), suggestion)
	}
}

// address reports what is no address; only a listener may leave the host out.
func (l *loader) address(a string, at hcl.Range, listen bool) {
	if problem, suggestion := advice.Address(a, listen); problem != "" {
		l.errorf(at, problem, "", suggestion)
	}
}
