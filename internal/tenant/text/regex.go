package text

import (
	"errors"
	"regexp"
	"strings"
	"sync"
)

// maxResult bounds what a substitution may grow to, in bytes.
const maxResult = 16 << 20

const (
	MaxPattern    = 4096 // bytes
	cachedRegexes = 256  // of one image
)

// Pattern is a compiled expression of a guest.
type Pattern struct {
	Text string
	RE   *regexp.Regexp
}

// Cache spares guests that compile an expression on every request the
// work. It is bounded by being emptied when it is full.
type Cache struct {
	mu   sync.Mutex
	text map[string]*Pattern
}

// Compile returns a compiled pattern, and whether it was known.
func (c *Cache) Compile(text string) (p *Pattern, known bool, err error) {
	c.mu.Lock()
	p = c.text[text]
	c.mu.Unlock()
	if p != nil {
		return p, true, nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, false, explain(text, err)
	}
	p = &Pattern{text, re}
	c.mu.Lock()
	if c.text == nil || len(c.text) >= cachedRegexes {
		c.text = map[string]*Pattern{}
	}
	c.text[text] = p
	c.mu.Unlock()
	return p, false, nil
}

// explain names the construct when a pattern is good PCRE that RE2 lacks.
func explain(source string, err error) error {
	for _, c := range []struct{ mark, name string }{
		{"(?=", "look-ahead"}, {"(?!", "look-ahead"}, {"(?<=", "look-behind"}, {"(?<!", "look-behind"},
		{"(?>", "atomic group"}, {"(?|", "branch reset"}, {"(?R)", "recursion"}, {"(?&", "recursion"},
		{`\1`, "back-reference"}, {`\2`, "back-reference"}, {`\g`, "back-reference"}, {`\k`, "back-reference"},
		{"++", "possessive quantifier"}, {"*+", "possessive quantifier"}, {"?+", "possessive quantifier"}, {`\K`, "match reset"},
	} {
		if strings.Contains(source, c.mark) {
			return errors.New("compile regex " + quote(source) + ": RE2 has no " + c.name + " (" + c.mark + ")")
		}
	}
	return errors.New("compile regex " + quote(source) + ": " + err.Error())
}

func quote(s string) string { return `"` + s[:min(len(s), 200)] + `"` }

// Substitute replaces the first match, or all, by a text in which \0–\9 stand
// for what the groups matched.
func Substitute(re *regexp.Regexp, src, by []byte, all bool) (out []byte, matched bool) {
	n := 1
	if all {
		n = -1
	}
	at := 0
	for _, m := range re.FindAllSubmatchIndex(src, n) {
		matched = true
		out = append(out, src[at:m[0]]...)
		for i := 0; i < len(by); i++ {
			if by[i] != '\\' || i+1 == len(by) {
				out = append(out, by[i])
				continue
			}
			i++
			g := int(by[i]) - '0'
			switch {
			case g < 0 || g > 9:
				out = append(out, by[i])
			case 2*g+1 < len(m) && m[2*g] >= 0:
				out = append(out, src[m[2*g]:m[2*g+1]]...)
			}
		}
		at = m[1]
		if len(out) > maxResult {
			return nil, false
		}
	}
	return append(out, src[at:]...), matched
}
