package syntax

import (
	"bytes"
	"iter"
)

// Piece is a part of a text that can be read without the rest.
type Piece struct {
	Text []byte
	Line int // of its first byte in the whole, from 0
	Byte int
}

// Pieces cuts a native text behind each line that begins with a closing brace,
// which is where blocks of the top level end as people write them. A cut may fall
// into a heredoc or a comment; but when every piece is read without an error,
// each began and ended between two items, and all of them together say what the
// whole says.
func Pieces(text []byte) iter.Seq[Piece] {
	return func(yield func(Piece) bool) {
		p := Piece{}
		from, line := 0, 0
		for at := 0; at < len(text); {
			end := len(text)
			if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
				end = at + n + 1
			}
			line++
			if text[at] == '}' && end > at && text[end-1] == '\n' {
				p.Text = text[from:end]
				if !yield(p) {
					return
				}
				from = end
				p = Piece{Line: line, Byte: end}
			}
			at = end
		}
		if from < len(text) {
			p.Text = text[from:]
			yield(p)
		}
	}
}
