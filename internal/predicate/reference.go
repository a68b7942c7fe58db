package predicate

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

const preface = `# Predicates and values

An expression is written in HCL and compiled when the configuration is read; nothing of it can fail later. Where a text is wanted it may be a
template: ` + "`\"/v2${path}\"`" + `. In the JSON twin an expression is a string that holds one: ` + "`\"${path == \\\"/x\\\"}\"`" + `.

Types are text, number, truth, address and time. ` + "`== !=`" + ` compare two of one type, ` + "`< <= > >=`" + ` two numbers, texts (byte by byte) or times,
` + "`&& || !`" + ` join truths, ` + "`+ - * / %`" + ` work on numbers, ` + "`?:`" + ` chooses. An address equals a text that is one.

What is absent is null. Null equals only null, and is neither less nor greater than anything. A function that yields a truth is false for null;
a text, number or template with a part that is null is null, and so is a division by zero. A header edit whose value is null removes the field.
`

// Reference writes the page docs/reference/predicates.md.
func Reference(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\n## Values\n\n| value | type | where | what |\n|---|---|---|---|\n", preface)
	for _, n := range Names() {
		where := map[string]string{"": "everywhere", "response": "response edits, log filters", "log": "log filters"}[n.Where]
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", n.Name, n.Type, where, cell(n.Doc))
	}
	fmt.Fprint(b, "\n## Functions\n\n| function | yields | what |\n|---|---|---|\n")
	for _, f := range Functions() {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", f.Form, f.Type, cell(f.Doc))
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write reference: %w", err)
	}
	return nil
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
