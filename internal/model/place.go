package model

// Places says where pieces of a configuration's files stand. A range in a piece
// carries the piece's name instead of a file's, and counts from where the piece
// begins: nouns that are taken over from an earlier configuration are right
// wherever their text has moved to.
type Places map[string]Place

// Place is where a piece begins.
type Place struct {
	File string
	Line int // lines before it
	Byte int
}

// Range is where something stands in a file.
func (p Places) Range(at Range) Range {
	if in, ok := p[at.Filename]; ok {
		at.Filename = in.File
		at.Start.Line, at.End.Line = at.Start.Line+in.Line, at.End.Line+in.Line
		at.Start.Byte, at.End.Byte = at.Start.Byte+in.Byte, at.End.Byte+in.Byte
	}
	return at
}
