package syntax

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"fishplate/internal/model"
)

// tooMuch says what of a JSON text is more than the library can take that reads it:
// it makes some hundred bytes of each sign, and calls itself for each bracket.
func tooMuch(src []byte, filename string) hcl.Diagnostics {
	if len(src) > model.MaxText {
		s := Source{Name: filename}
		return hcl.Diagnostics{complaint(s.Place(0, 1), fmt.Sprintf("this text has %d bytes, and %d are read at once at most", len(src), model.MaxText),
			"part it into files: include names them")}
	}
	if at := tooDeep(src); at >= 0 {
		s := Source{Name: filename, Text: src}
		return hcl.Diagnostics{complaint(s.Place(at, 1), fmt.Sprintf("brackets are nested deeper than %d", model.MaxBrackets),
			"one of them is not closed, or this is no configuration")}
	}
	return nil
}

// tooDeep returns the offset of the bracket that opens one level too many, or -1.
func tooDeep(src []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(src); i++ {
		switch c := src[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > model.MaxBrackets {
				return i
			}
		case c == '}' || c == ']':
			depth = max(0, depth-1)
		}
	}
	return -1
}
