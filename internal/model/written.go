package model

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// What one expression may hold. The library that parses expressions, and all who
// walk them, call themselves for every operator, step of a traversal and part of
// a template; a stack that has grown out of bounds ends the process and cannot be
// caught. Brackets cost time that grows with the square of their depth, and each
// sign of a text some hundred bytes. A number of a few letters has as many digits
// as one likes.
const (
	MaxOperators = 4096    // signs from the outermost value to the innermost
	MaxBrackets  = 500     // that are open at once
	MaxText      = 4 << 20 // bytes that are parsed at once
	firstLook    = 1 << 17 // bytes that are looked at before the rest
	maxExponent  = 1000    // of a number, as it is written
)

// ParseExpression reads one expression, as written in a command or a request.
func ParseExpression(text, name string) (hclsyntax.Expression, hcl.Diagnostics) {
	if diags := checkWritten(hclsyntax.LexExpression, []byte(text), name, hcl.InitialPos, false); diags.HasErrors() {
		return nil, diags
	}
	return hclsyntax.ParseExpression([]byte(text), name, hcl.InitialPos)
}

// ParseTemplate reads the inside of a quoted text that begins at start.
func ParseTemplate(text []byte, name string, start hcl.Pos) (hclsyntax.Expression, hcl.Diagnostics) {
	if diags := checkWritten(hclsyntax.LexTemplate, text, name, start, false); diags.HasErrors() {
		return nil, diags
	}
	return hclsyntax.ParseTemplate(text, name, start)
}

// ParseConfig reads a text of attributes and blocks.
func ParseConfig(text []byte, name string) (*hcl.File, hcl.Diagnostics) {
	if diags := checkWritten(hclsyntax.LexConfig, text, name, hcl.InitialPos, true); diags.HasErrors() {
		return nil, diags
	}
	return hclsyntax.ParseConfig(text, name, hcl.InitialPos)
}

// level is an open bracket, quote or block: what was counted before it, and
// whether a line's end separates what it holds.
type level struct {
	count int
	lines bool
}

type lexer func(text []byte, name string, start hcl.Pos) (hclsyntax.Tokens, hcl.Diagnostics)

// checkWritten counts what a parser calls itself for: the signs on the way from
// the beginning of a value to each token. Elements of a list, arguments and lines
// of a block stand beside each other, so each begins anew; so a list may be as
// long as it likes.
func checkWritten(lex lexer, text []byte, name string, start hcl.Pos, lines bool) hcl.Diagnostics {
	if len(text) > MaxText {
		at := hclsyntax.Token{Range: hcl.Range{Filename: name, Start: start, End: start}}
		return tooMuch(at, fmt.Sprintf("this text has %d bytes, and %d are read at once at most", len(text), MaxText),
			"part it into files: include names them; file_set reads long lists of addresses and words")
	}
	if len(text) > firstLook {
		if diags := checkWritten(lex, text[:firstLook], name, start, lines); diags.HasErrors() {
			return diags
		}
	}
	tokens, _ := lex(text, name, start)
	open := []level{{0, lines}}
	brackets := 0 // without quotes
	count := 0
	for i, t := range tokens {
		top := open[len(open)-1]
		switch t.Type {
		case hclsyntax.TokenNumberLit:
			if _, e, ok := strings.Cut(strings.ToLower(string(t.Bytes)), "e"); ok {
				if n, err := strconv.Atoi(e); err != nil || n > maxExponent || n < -maxExponent {
					return tooMuch(t, fmt.Sprintf("this number has an exponent beyond %d", maxExponent), "")
				}
			}
			continue
		case hclsyntax.TokenIdent, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenEOF:
			continue
		case hclsyntax.TokenNewline:
			if top.lines {
				count = top.count
			}
			continue
		case hclsyntax.TokenComment:
			if top.lines && bytes.HasSuffix(t.Bytes, []byte("\n")) {
				count = top.count
			}
			continue
		case hclsyntax.TokenComma:
			count = top.count
			continue
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			count++
			if brackets++; brackets > MaxBrackets {
				return tooMuch(t, fmt.Sprintf("brackets are nested deeper than %d", MaxBrackets), "one of them is not closed, or this is no configuration")
			}
			open = append(open, level{count, t.Type == hclsyntax.TokenOBrace && !begins(tokens[i+1:], "for")})
		case hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			count++
			open = append(open, level{count, false})
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			brackets = max(0, brackets-1)
			open, count = shut(open, count)
		case hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			open, count = shut(open, count)
		default:
			count++
		}
		if count > MaxOperators {
			return tooMuch(t, fmt.Sprintf("an expression holds more than %d operators", MaxOperators), "part it: locals can hold pieces of it, and a list or file_set stands for many comparisons")
		}
	}
	return nil
}

// shut leaves a level: what follows what it held is one step further than it.
func shut(open []level, count int) ([]level, int) {
	if len(open) == 1 {
		return open, count + 1
	}
	return open[:len(open)-1], open[len(open)-1].count
}

// begins says whether a word is what comes first. A for expression in braces does
// not end with its line.
func begins(tokens hclsyntax.Tokens, word string) bool {
	for _, t := range tokens {
		if t.Type != hclsyntax.TokenNewline && t.Type != hclsyntax.TokenComment {
			return t.Type == hclsyntax.TokenIdent && string(t.Bytes) == word
		}
	}
	return false
}

func tooMuch(t hclsyntax.Token, summary, remedy string) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: remedy, Subject: t.Range.Ptr()}}
}
