package text

import (
	"errors"
	"regexp"
	"strings"
	"sync"

	"fishplate/internal/tenant/backtrack"
)

// maxResult bounds what a substitution may grow to, in bytes, and maxMatches how
// many matches it replaces.
const (
	maxResult  = 16 << 20
	maxMatches = 1 << 18
)

const (
	MaxPattern    = 4096 // bytes
	cachedRegexes = 256  // of one image
	sharedRegexes = 4096 // of a process
)

// Work is told of steps that backtracking made, about 10 ns each; an error from
// it ends the match.
type Work = backtrack.Work

// Pattern is a compiled expression of a guest: RE2's where that can read it,
// else one that is matched by backtracking.
type Pattern struct {
	Text string
	re   *regexp.Regexp
	back *backtrack.Program // nil for RE2's
	// strict is the same by backtracking for what RE2's cannot say: a match that
	// is not empty. It is nil where there is no such program.
	strict func() *backtrack.Program
}

// Backtracks reports whether matches take steps that must be paid for.
func (p *Pattern) Backtracks() bool { return p.back != nil }

// Groups returns how many groups there are, the whole match included.
func (p *Pattern) Groups() int {
	if p.back != nil {
		return p.back.Groups()
	}
	return p.re.NumSubexp() + 1
}

// Match searches b.
func (p *Pattern) Match(b []byte, work Work) (bool, error) {
	if p.back == nil {
		return p.re.Match(b), nil
	}
	return p.back.Find(b, 0, false, nil, work)
}

// Find searches b and returns offsets of begin and end of the match and of its
// groups, -1 where a group took no part; nil when there is none.
func (p *Pattern) Find(b []byte, work Work) ([]int, error) {
	if p.back == nil {
		return p.re.FindSubmatchIndex(b), nil
	}
	return find(p.back, b, 0, false, work)
}

func find(p *backtrack.Program, b []byte, from int, notEmpty bool, work Work) ([]int, error) {
	at := make([]int32, 2*p.Groups())
	ok, err := p.Find(b, from, notEmpty, at, work)
	if !ok || err != nil {
		return nil, err
	}
	list := make([]int, len(at))
	for i, n := range at {
		list[i] = int(n)
	}
	return list, nil
}

// Cache spares guests that compile an expression on every request the
// work. It is bounded by being emptied when it is full. With a parent, which
// other caches share, an expression is compiled once for all of them.
type Cache struct {
	Parent *Cache

	mu   sync.Mutex
	text map[string]*Pattern
}

// Compile returns a compiled pattern, and whether the cache knew it.
func (c *Cache) Compile(text string) (p *Pattern, known bool, err error) {
	c.mu.Lock()
	p = c.text[text]
	c.mu.Unlock()
	if p != nil {
		return p, true, nil
	}
	bound := cachedRegexes
	if c.Parent != nil {
		p, _, err = c.Parent.Compile(text)
	} else {
		bound = sharedRegexes
		p, err = compile(text)
	}
	if err != nil {
		return nil, false, err
	}
	c.mu.Lock()
	if c.text == nil || len(c.text) >= bound {
		c.text = map[string]*Pattern{}
	}
	c.text[text] = p
	c.mu.Unlock()
	return p, false, nil
}

func compile(text string) (*Pattern, error) {
	re, err := regexp.Compile(text)
	if err == nil {
		return &Pattern{Text: text, re: re, strict: sync.OnceValue(func() *backtrack.Program {
			p, err := backtrack.Compile(text)
			if err != nil || p.Groups() != re.NumSubexp()+1 {
				return nil
			}
			return p
		})}, nil
	}
	back, backErr := backtrack.Compile(text)
	if backErr == nil {
		return &Pattern{Text: text, back: back}, nil
	}
	if _, construct := lacking(text); construct != "" {
		err = backErr // it is no mistake in RE2's terms that is of interest
	}
	return nil, errors.New("compile regex " + quote(text) + ": " + err.Error())
}

// lacking names the first construct that is good PCRE and that RE2 lacks.
func lacking(source string) (mark, name string) {
	for _, c := range [...][2]string{
		{"(?=", "look-ahead"}, {"(?!", "look-ahead"}, {"(?<=", "look-behind"}, {"(?<!", "look-behind"},
		{"(?>", "atomic group"}, {"(?|", "branch reset"}, {"(?R)", "recursion"}, {"(?&", "recursion"}, {"(?(", "condition"},
		{`\1`, "back-reference"}, {`\2`, "back-reference"}, {`\g`, "back-reference"}, {`\k`, "back-reference"},
		{"++", "possessive quantifier"}, {"*+", "possessive quantifier"}, {"?+", "possessive quantifier"}, {`\K`, "match reset"},
	} {
		if strings.Contains(source, c[0]) {
			return c[0], c[1]
		}
	}
	return "", ""
}

// Why says why an expression is matched by backtracking.
func (p *Pattern) Why() string {
	if mark, name := lacking(p.Text); name != "" {
		return name + " (" + mark + ")"
	}
	return "RE2 cannot read it"
}

func quote(s string) string { return `"` + s[:min(len(s), 200)] + `"` }

// Substitute replaces the first match, or all, by a text in which \0–\9 stand
// for what the groups matched. As Varnish's regsuball does it, only the first
// match may be empty, and anchors hold for the whole text. A result that would
// be too large is nil, as one that does not match.
func Substitute(p *Pattern, src, by []byte, all bool, work Work) (out []byte, matched bool, err error) {
	s := substitution{src: src, by: by}
	if p.back != nil {
		err = s.follow(p.back, false, all, work)
	} else {
		err = s.linear(p, all, work)
	}
	if err != nil || s.large {
		return nil, false, err
	}
	return append(s.out, src[s.at:]...), s.count > 0, nil
}

type substitution struct {
	src, by, out []byte
	at, count    int
	large        bool
}

// replace takes one match; false means that it was the last.
func (s *substitution) replace(m []int) bool {
	s.out = append(s.out, s.src[s.at:m[0]]...)
	s.out = expand(s.out, s.src, s.by, m)
	s.at = m[1]
	s.count++
	s.large = len(s.out) > maxResult || s.count > maxMatches
	return !s.large
}

// follow replaces match after match by backtracking.
func (s *substitution) follow(p *backtrack.Program, notEmpty, all bool, work Work) error {
	for s.at <= len(s.src) {
		m, err := find(p, s.src, s.at, notEmpty, work)
		if err != nil || m == nil || !s.replace(m) || !all {
			return err
		}
		notEmpty = true
	}
	return nil
}

// linear replaces RE2's matches. Where it finds an empty one behind the first,
// there may be one that is not: backtracking goes on from there.
func (s *substitution) linear(p *Pattern, all bool, work Work) error {
	n := 1
	if all {
		n = maxMatches
	}
	for _, m := range p.re.FindAllSubmatchIndex(s.src, n) {
		if s.count > 0 && m[0] == m[1] {
			if strict := p.strict(); strict != nil {
				return s.follow(strict, true, true, work)
			}
			continue
		}
		if !s.replace(m) {
			break
		}
	}
	return nil
}

// expand appends the text that stands for a match.
func expand(out, src, by []byte, m []int) []byte {
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
	return out
}
