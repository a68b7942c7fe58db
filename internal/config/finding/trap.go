package finding

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// Trap explains the mistakes that HCL's own rules invite.
func Trap(d *hcl.Diagnostic) string {
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

// Plain writes a summary of the parser as ours are: without a capital.
func Plain(s string) string {
	if len(s) > 1 && s[1] >= 'a' && s[1] <= 'z' {
		return strings.ToLower(s[:1]) + s[1:]
	}
	return s
}
