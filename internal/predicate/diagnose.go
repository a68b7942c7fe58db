package predicate

import (
	"slices"
	"strings"

	"fishplate/internal/model"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Hint rides in the Extra of the diagnostics of this room.
type Hint struct {
	Suggestion string // what was probably meant; "" when nothing comes close
}

// fail reports an error at x; suggestion may be empty.
func (c *compiler) fail(x hclsyntax.Expression, summary, detail, suggestion string) *node {
	c.failAt(x.Range(), summary, detail, suggestion)
	return nil
}

func (c *compiler) failAt(at hcl.Range, summary, detail, suggestion string) {
	c.report(hcl.DiagError, at, summary, detail, suggestion)
}

func (c *compiler) report(s hcl.DiagnosticSeverity, at hcl.Range, summary, detail, suggestion string) {
	if suggestion != "" {
		detail += " Did you mean " + suggestion + "?"
	}
	c.diags = append(c.diags, &hcl.Diagnostic{
		Severity: s, Summary: summary, Detail: detail, Subject: &at, Extra: Hint{Suggestion: suggestion},
	})
}

// notTruth explains how a value becomes a truth.
func (c *compiler) notTruth(n *node) {
	text, suggestion := render(n.expr), ""
	switch {
	case n.constant && n.kind == kindText:
		suggestion = unquoted(n.expr.Range(), text)
	case n.kind != kindNull && n.kind != kindList:
		suggestion = text + " != null"
	}
	c.fail(n.expr, n.kind.a()+" is neither true nor false",
		text+" is "+n.kind.a()+"; a truth is wanted here: a comparison, or one of "+listOf(truthFunctions())+".", suggestion)
}

// unquoted says how the expression is written that a quoted text was meant to
// be: JSON knows no other form than a text, elsewhere the quotes are dropped if
// what they hold is an expression. It may be "".
func unquoted(at hcl.Range, quoted string) string {
	if strings.HasSuffix(at.Filename, ".json") {
		return `"${…}" (in JSON an expression is written so)`
	}
	bare := strings.Trim(quoted, `"`)
	if _, diags := model.ParseExpression(bare, at.Filename); diags.HasErrors() {
		return ""
	}
	return bare
}

// closest returns the candidate that a misspelt word most likely is, or "".
func closest(word string, candidates []string) string {
	best, bound := "", max(1, len(word)/3)+1
	for _, c := range candidates {
		if d := levenshtein.Distance(word, c, nil); d < bound {
			best, bound = c, d
		}
	}
	return best
}

func listOf(words []string) string {
	words = slices.Clone(words)
	slices.Sort(words)
	text := ""
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += w
	}
	return text
}
