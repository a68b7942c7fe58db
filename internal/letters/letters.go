package letters

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// steers reports whether a character does something to a terminal: a control, one of
// those that set the direction of writing, or one that ends a line unseen. Ends of
// lines and tabs are letters here.
func steers(c rune) bool {
	return unicode.IsControl(c) && c != '\n' && c != '\t' || unicode.Is(unicode.Bidi_Control, c) || c == '\u2028' || c == '\u2029'
}

// Only is a text with a replacement character for each that steers.
func Only(s string) string {
	return strings.Map(func(c rune) rune {
		if steers(c) {
			return unicode.ReplacementChar
		}
		return c
	}, s)
}

// Row is a text as one line, character for character: what steers is replaced as by
// Only, and ends of lines and tabs are blanks.
func Row(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(Only(s))
}

// Line is Only in one line, its words a blank apart.
func Line(s string) string { return strings.Join(strings.Fields(Only(s)), " ") }

// JSON is a document with characters that steer written as escapes: an encoder does
// so with the oldest of them alone.
func JSON(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	for rest := doc; len(rest) > 0; {
		c, n := utf8.DecodeRune(rest)
		if steers(c) { // in a string: outside of them there are ends of lines alone
			out = fmt.Appendf(out, `\u%04x`, c)
		} else {
			out = append(out, rest[:n]...)
		}
		rest = rest[n:]
	}
	return out
}
