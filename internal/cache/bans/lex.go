package bans

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenWord             // obj.header, prefix, true
	tokenText             // "…", unquoted in token.text
	tokenNumber           // 12, 1.5, 60s, 4KiB
	tokenMark             // an operator, a parenthesis or a comma
	tokenBad              // err is set already
)

// token is one word of the source.
type token struct {
	kind tokenKind
	text string
	at   int // offset of its first byte
}

// marks are the operators; one that begins another stands behind it.
const marks = "&& || == != <= >= < > ! ( ) ,"

// advance reads the next token.
func (p *parser) advance() {
	for p.pos < len(p.source) && strings.IndexByte(" \t\r\n", p.source[p.pos]) >= 0 {
		p.pos++
	}
	p.token = token{at: p.pos}
	if p.pos == len(p.source) {
		return
	}
	rest := p.source[p.pos:]
	switch c := rest[0]; {
	case c == '"':
		p.quoted(rest)
	case c >= '0' && c <= '9':
		p.take(tokenNumber, span(rest, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' || c >= utf8.RuneSelf }))
	case isLetter(c):
		p.take(tokenWord, span(rest, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' }))
	default:
		p.mark(rest)
	}
}

func (p *parser) take(kind tokenKind, n int) {
	p.token.kind, p.token.text = kind, p.source[p.pos:p.pos+n]
	p.pos += n
}

func (p *parser) mark(rest string) {
	for m := range strings.FieldsSeq(marks) {
		if strings.HasPrefix(rest, m) {
			p.take(tokenMark, len(m))
			return
		}
	}
	_, n := utf8.DecodeRuneInString(rest)
	suggestion := map[string]string{"=": "==", "&": "&&", "|": "||", "~": `match(x, "re")`, "-": `obj.header("X-Name")`, "'": `"…"`}[rest[:n]]
	p.bad(p.pos, "unexpected "+strconv.Quote(rest[:n]), suggestion)
}

// quoted reads a text with the escapes \" \\ \n \t.
func (p *parser) quoted(rest string) {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; c {
		case '"':
			p.token.kind, p.token.text = tokenText, b.String()
			p.pos += i + 1
			return
		case '\\':
			i++
			plain := -1
			if i < len(rest) {
				plain = strings.IndexByte(`"\nt`, rest[i])
			}
			if plain < 0 {
				p.bad(p.pos+i-1, `unknown escape: \", \\, \n and \t are known`, `\\`)
				return
			}
			b.WriteByte("\"\\\n\t"[plain])
		default:
			b.WriteByte(c)
		}
	}
	p.bad(p.pos, "the text has no closing quote", "")
}

// bad reports an error of the source's form and ends the reading.
func (p *parser) bad(at int, summary, suggestion string) {
	p.fail(at, summary, suggestion)
	p.token.kind, p.pos = tokenBad, len(p.source)
}

func span(s string, in func(byte) bool) int {
	for i := range len(s) {
		if !in(s[i]) {
			return i
		}
	}
	return len(s)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// quote writes a text as quoted reads it.
func quote(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\t':
			b.WriteString(`\t`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}
