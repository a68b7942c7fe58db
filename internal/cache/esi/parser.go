package esi

import "bytes"

// A Parser takes a page in pieces and yields its events:
//
//	for each piece {
//		p.Feed(piece)
//		for p.Next(&event) { … }
//	}
//	p.Finish()
//	for p.Next(&event) { … }
//
// The zero value is not ready; Reset makes it so, and keeps what was allocated.
type Parser struct {
	opt    Options
	counts Counts

	w      []byte // what is looked at: the rest of the piece, or held
	at     int64  // place of w[0] in the page
	piece  []byte // the piece that was fed; in use while w is held
	held   []byte // the unfinished tag of earlier pieces, and bytes of this one
	old    int    // how much of w stems from earlier pieces; 0 when w is the piece
	ending bool   // nothing follows

	seen  int  // how far the tag at w's begin has been searched for its end
	quote byte // the quote that is open there, or 0

	cdata   bool // within a CDATA section
	comment bool // within <!--esi … -->
	remove  bool // within esi:remove
	open    []Kind
	values  []byte // arena of attribute values
}

// maxOpen bounds the nesting of try; each level takes two places.
const maxOpen = 16

// Reset makes the parser ready for a new page.
func (p *Parser) Reset(o Options) {
	if o.MaxTag <= 0 {
		o.MaxTag = DefaultMaxTag
	}
	// The longest opening is that of a CDATA section.
	o.MaxTag = max(o.MaxTag, 16)
	*p = Parser{opt: o, held: p.held[:0], open: p.open[:0], values: p.values[:0]}
}

// Counts returns what was met so far.
func (p *Parser) Counts() Counts { return p.counts }

// Feed gives the parser the next bytes of the page. They must stay as they are
// until Next returns false.
func (p *Parser) Feed(piece []byte) {
	if len(p.held) == 0 {
		p.w, p.old = piece, 0
		return
	}
	p.piece, p.old = piece, len(p.held)
	n := min(len(piece), max(0, p.opt.MaxTag+1-len(p.held)))
	p.held = append(p.held, piece[:n]...)
	p.w = p.held
}

// Finish says that the page is complete. Next yields what was held back.
func (p *Parser) Finish() {
	p.w, p.old, p.ending = p.held, 0, true
}

// Next yields the next event, or returns false when the piece is used up.
func (p *Parser) Next(e *Event) bool {
	for len(p.w) > 0 {
		yielded, more := p.step(e)
		if yielded {
			return true
		}
		if more && !p.hold() {
			return false
		}
	}
	if !p.ending {
		p.held = p.held[:0]
		return false
	}
	return p.close(e)
}

// step looks at w: it consumes a run of text, or the construct at its begin.
// more means that the construct is not complete and the page goes on.
func (p *Parser) step(e *Event) (yielded, more bool) {
	if p.cdata {
		return p.stepCDATA(e)
	}
	n := p.plain()
	if n > 0 {
		return p.text(e, n), false
	}
	c, length := p.recognise()
	if c == partial {
		if !p.ending && len(p.w) <= p.opt.MaxTag {
			return false, true
		}
		if len(p.w) > p.opt.MaxTag {
			p.counts.Long++
		} else {
			p.counts.Malformed++
		}
		c, length = nothing, 1
	}
	p.seen, p.quote = 0, 0
	switch c {
	case nothing:
		return p.text(e, length), false
	case openCDATA:
		p.cdata = !p.remove
		return p.text(e, length), false
	case openComment, closeComment:
		p.comment = c == openComment
		p.drop(length)
		return false, false
	}
	return p.tag(e, length), false
}

// stepCDATA passes on what lies in a CDATA section, and its end.
func (p *Parser) stepCDATA(e *Event) (yielded, more bool) {
	if i := bytes.Index(p.w, []byte("]]>")); i >= 0 {
		p.cdata = false
		return p.text(e, i+3), false
	}
	keep := 0 // what may be the begin of the end
	for keep < min(2, len(p.w)) && p.w[len(p.w)-1-keep] == ']' {
		keep++
	}
	if p.ending {
		keep = 0
	}
	if keep == len(p.w) {
		return false, true
	}
	return p.text(e, len(p.w)-keep), false
}

// text consumes n bytes of w and yields them, unless they are within something
// that is dropped.
func (p *Parser) text(e *Event, n int) bool {
	if p.dropping() {
		p.drop(n)
		return false
	}
	*e = Event{Kind: Text, Text: p.w[:n:n], At: p.at, Len: int64(n)}
	p.consume(n)
	return true
}

func (p *Parser) drop(n int) {
	p.counts.Removed += int64(n)
	p.consume(n)
}

// dropping reports whether text does not pass on here: within remove, and
// between the children of try.
func (p *Parser) dropping() bool {
	return p.remove || isTry(p.innermost())
}

// consume moves w on. Once all that stems from earlier pieces is used up, the
// piece itself is looked at again, so that long text is never copied.
func (p *Parser) consume(n int) {
	p.w = p.w[n:]
	p.at += int64(n)
	if p.old == 0 {
		return
	}
	if n < p.old {
		p.old -= n
		return
	}
	p.w, p.old, p.piece = p.piece[n-p.old:], 0, nil
}

// hold keeps the rest of w for the next piece. It returns true when w could be
// made longer by bytes of this piece that it did not hold yet.
func (p *Parser) hold() bool {
	p.held = append(p.held[:0], p.w...)
	if p.old > 0 {
		rest := p.piece[len(p.w)-p.old:]
		if len(rest) > 0 {
			n := min(len(rest), p.opt.MaxTag+1-len(p.held))
			p.held = append(p.held, rest[:n]...)
			p.w = p.held
			return true
		}
	}
	p.w, p.old, p.piece = nil, 0, nil
	return false
}

// close yields the brackets that the page left open.
func (p *Parser) close(e *Event) bool {
	p.held = p.held[:0]
	if p.comment || p.remove {
		p.counts.Unclosed++
		p.comment, p.remove = false, false
	}
	if len(p.open) == 0 {
		return false
	}
	p.counts.Unclosed++
	*e = Event{Kind: ending(p.innermost()), At: p.at}
	p.open = p.open[:len(p.open)-1]
	return true
}
