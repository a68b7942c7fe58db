package syntax

// MaxDepth is how deep brackets may be nested in a source. The libraries that read
// sources take time that grows with the square of it, and memory.
const MaxDepth = 500

// TooDeep returns the offset of the bracket that opens one level too many, or -1.
// Brackets in strings and comments count too: what closes there makes up for what
// opens, and prose does not leave hundreds open.
func TooDeep(src []byte) int {
	depth := 0
	for i, c := range src {
		switch c {
		case '{', '[', '(':
			if depth++; depth > MaxDepth {
				return i
			}
		case '}', ']', ')':
			depth = max(0, depth-1)
		}
	}
	return -1
}
