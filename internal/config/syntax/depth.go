package syntax

import "fishplate/internal/model"

// TooDeep returns the offset of the bracket of a JSON text that opens one level
// too many, or -1: the library that reads it calls itself for each.
func TooDeep(src []byte) int {
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
