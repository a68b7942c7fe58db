package advice

import (
	"fmt"
	"strings"
	"unicode"
)

// MaxName is the longest name of a thing, in bytes: that of a server or a tenant may
// be the longest name of a host, with a port.
const MaxName = 260

// Name returns what is wrong with the name of a block, or "".
func Name(s string) string {
	switch {
	case len(s) > MaxName:
		return fmt.Sprintf("has %d bytes, and may have %d at most", len(s), MaxName)
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }):
		return "holds a character that cannot be printed"
	}
	return ""
}
