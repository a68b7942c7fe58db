package esi

import "bytes"

// A construct is what stands at a place that text cannot.
type construct uint8

const (
	nothing construct = iota // text after all
	partial                  // cannot be told yet
	element                  // a tag of ours, from '<' to '>'
	openCDATA
	openComment
	closeComment
)

// The openings. XML is case-sensitive, and the note binds the prefix "esi".
const (
	startTag     = "<esi:"
	endTag       = "</esi:"
	cdataBegin   = "<![CDATA["
	commentBegin = "<!--esi"
	commentEnd   = "-->"
)

// plain returns how many bytes at w's begin are text for certain: all up to
// something that is, or may become, the begin of a construct.
func (p *Parser) plain() int {
	if p.comment {
		return p.plainInComment()
	}
	for i := 0; ; i++ {
		j := bytes.IndexByte(p.w[i:], '<')
		if j < 0 {
			return len(p.w)
		}
		i += j
		if begins(p.w[i:]) {
			return i
		}
	}
}

func (p *Parser) plainInComment() int {
	for i, c := range p.w {
		if c == '<' && begins(p.w[i:]) || c == '-' && agrees(p.w[i:], commentEnd) {
			return i
		}
	}
	return len(p.w)
}

// begins reports whether b, which starts with '<', is or may become an opening.
func begins(b []byte) bool {
	if len(b) == 1 {
		return true
	}
	switch b[1] {
	case 'e':
		return agrees(b, startTag)
	case '/':
		return agrees(b, endTag)
	case '!':
		return agrees(b, commentBegin) || agrees(b, cdataBegin)
	}
	return false
}

// agrees reports whether one of b and s begins with the other.
func agrees(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

// recognise says what stands at w's begin, and how long it is. For nothing that
// is one byte, for a CDATA section and a comment the opening alone.
func (p *Parser) recognise() (construct, int) {
	w := p.w
	switch {
	case p.comment && w[0] == '-':
		if len(w) >= len(commentEnd) {
			return closeComment, len(commentEnd)
		}
		return p.undecided()
	case bytes.HasPrefix(w, []byte(startTag)), bytes.HasPrefix(w, []byte(endTag)):
		return p.searchEnd()
	case bytes.HasPrefix(w, []byte(cdataBegin)):
		return openCDATA, len(cdataBegin)
	case bytes.HasPrefix(w, []byte(commentBegin)):
		// <!--esides … --> is a comment like any other.
		if len(w) == len(commentBegin) {
			return p.undecided()
		}
		if c := w[len(commentBegin)]; isNameByte(c) && c != '-' {
			return nothing, 1
		}
		return openComment, len(commentBegin)
	}
	return p.undecided()
}

// undecided is the verdict on an opening that is not complete. At the page's end
// it is text, and nothing is wrong with it.
func (p *Parser) undecided() (construct, int) {
	if p.ending {
		return nothing, 1
	}
	return partial, 0
}

// searchEnd looks for the end of the tag that begins w: the first '>' outside of
// quotes. It goes on where it stopped when the tag came in pieces. XML knows no
// '<' within a tag: one there means that the tag was never closed, and that
// another may begin.
func (p *Parser) searchEnd() (construct, int) {
	for i := max(p.seen, 1); i < len(p.w); i++ {
		if i > p.opt.MaxTag {
			break
		}
		switch c := p.w[i]; {
		case c == '<':
			p.counts.Malformed++
			return nothing, i
		case p.quote != 0:
			if c == p.quote {
				p.quote = 0
			}
		case c == '"' || c == '\'':
			p.quote = c
		case c == '>':
			return element, i + 1
		}
	}
	p.seen = len(p.w)
	return partial, 0
}

func isNameByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == ':'
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
