package text

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"fishplate/internal/model"
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

	cachedSize  = 100 << 10  // of all of an image together
	sharedSize  = 1000 << 10 // and of a process
	heavySteps  = 4 << 20    // instructions times bytes that RE2 may take at once: 50 ms at worst
	heavyPiece  = 512        // bytes between two questions whether to go on
	stepsAtWork = 40         // of RE2's that are charged as one of backtracking
)

// Work is told of steps that backtracking made, about 10 ns each; an error from
// it ends the match.
type Work = backtrack.Work

// Pattern is a compiled expression of a guest: RE2's where that can read it,
// else one that is matched by backtracking.
type Pattern struct {
	Text string
	re   *regexp.Regexp
	size int                // instructions of its program, at least about
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

// Size returns about how many instructions the program of the expression has.
func (p *Pattern) Size() int { return p.size }

// Heavy reports whether a search of n bytes may take so long that somebody has
// to be asked in between: Match, Find and Substitute then need work.
func (p *Pattern) Heavy(n int) bool { return p.back != nil || p.size*n > heavySteps }

// pieces hands a text to RE2's matcher and lets every piece be paid for.
type pieces struct {
	b    []byte
	at   int
	paid int
	size int
	work Work
	err  error
}

// ReadRune implements io.RuneReader.
func (s *pieces) ReadRune() (rune, int, error) {
	if s.at >= s.paid && s.err == nil {
		s.paid += heavyPiece
		s.err = s.work(heavyPiece*s.size/stepsAtWork + 1)
	}
	if s.err != nil || s.at == len(s.b) {
		return 0, 0, io.EOF
	}
	r, n := utf8.DecodeRune(s.b[s.at:])
	s.at += n
	return r, n, nil
}

// Match searches b.
func (p *Pattern) Match(b []byte, work Work) (bool, error) {
	if !p.Heavy(len(b)) {
		return p.re.Match(b), nil
	}
	if p.back == nil {
		s := pieces{b: b, size: p.size, work: work}
		found := p.re.MatchReader(&s)
		return found && s.err == nil, s.err
	}
	return p.back.Find(b, 0, false, nil, work)
}

// Find searches b and returns offsets of begin and end of the match and of its
// groups, -1 where a group took no part; nil when there is none.
func (p *Pattern) Find(b []byte, work Work) ([]int, error) {
	if !p.Heavy(len(b)) {
		return p.re.FindSubmatchIndex(b), nil
	}
	if p.back == nil {
		s := pieces{b: b, size: p.size, work: work}
		at := p.re.FindReaderSubmatchIndex(&s)
		return at, s.err
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
	size int // of all that it has
}

// Compile returns a compiled pattern, and whether the cache knew it.
func (c *Cache) Compile(text string) (p *Pattern, known bool, err error) {
	c.mu.Lock()
	p = c.text[text]
	c.mu.Unlock()
	if p != nil {
		return p, true, nil
	}
	bound, room := cachedRegexes, cachedSize
	if c.Parent != nil {
		p, _, err = c.Parent.Compile(text)
	} else {
		bound, room = sharedRegexes, sharedSize
		p, err = compile(text)
	}
	if err != nil {
		return nil, false, err
	}
	c.mu.Lock()
	if c.text == nil || len(c.text) >= bound || c.size+p.size > room {
		c.text, c.size = map[string]*Pattern{}, 0
	}
	c.text[text] = p
	c.size += p.size
	c.mu.Unlock()
	return p, false, nil
}

func compile(text string) (*Pattern, error) {
	size, err := model.MeasurePattern(text)
	var re *regexp.Regexp
	if err == nil {
		re, err = regexp.Compile(text)
	}
	if err == nil {
		return &Pattern{Text: text, re: re, size: size, strict: sync.OnceValue(func() *backtrack.Program {
			p, err := backtrack.Compile(text)
			if err != nil || p.Groups() != re.NumSubexp()+1 {
				return nil
			}
			return p
		})}, nil
	}
	back, backErr := backtrack.Compile(text)
	if backErr == nil {
		return &Pattern{Text: text, back: back, size: back.Size()}, nil
	}
	if _, construct := lacking(text); construct != "" {
		err = backErr // it is no mistake in RE2's terms that is of interest
	}
	return nil, errors.New("compile regex " + quote(text) + ": " + err.Error())
}

var errLarge = errors.New("the expression is too large")

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
// be too large is nil, as one that does not match. grow is told of the bytes that
// are about to be read of by, at each match, and to be written; its error ends the
// substitution before they are.
func Substitute(p *Pattern, src, by []byte, all bool, work, grow Work) (out []byte, matched bool, err error) {
	s := substitution{src: src, by: by, grow: grow, out: []byte{}}
	strict := p.back
	if strict == nil && (p.Heavy(len(src)) || all && len(src) > fewMatches) {
		strict = p.strict()
	}
	switch {
	case strict != nil:
		err = s.follow(strict, false, all, work)
	case p.Heavy(len(src)) || all && len(src) > mostByRE2:
		return nil, false, errLarge
	default:
		err = s.linear(p, all, work)
	}
	if err == nil {
		s.add(src[s.at:])
		s.pay(0, 1)
		err = s.err
	}
	if err != nil || s.large {
		return nil, false, err
	}
	return s.out, s.count > 0, nil
}

// Before each match RE2's matcher clears a table as large as the program times the
// text, and nobody can end it in between: the matches of a text of above fewMatches
// bytes are looked for by backtracking, which is paid for by steps. An expression
// that only RE2 can match has all of its matches replaced in up to mostByRE2 bytes.
const (
	fewMatches = 1 << 10
	mostByRE2  = 16 << 10
	matchSteps = 50      // for one of RE2's matches
	growPiece  = 4 << 10 // bytes of a result that are paid for together
)

type substitution struct {
	src, by, out []byte
	at, count    int
	large        bool
	grow         Work
	due          int // bytes that grow was not told of
	err          error
}

// replace takes one match; false means that it was the last.
func (s *substitution) replace(m []int) bool {
	s.add(s.src[s.at:m[0]])
	s.pay(len(s.by), growPiece)
	s.expand(m)
	s.at = m[1]
	s.count++
	s.large = s.large || s.count > maxMatches
	return !s.ended()
}

// ended says that nothing more is written.
func (s *substitution) ended() bool { return s.large || s.err != nil }

// add writes to the result, if that is paid for and does not grow too large.
func (s *substitution) add(b []byte) {
	if s.large = s.large || len(s.out)+len(b) > maxResult; s.large {
		return
	}
	if s.pay(len(b), growPiece); s.err == nil {
		s.out = append(s.out, b...)
	}
}

// pay tells grow of n bytes more, unless what is due is less than a piece.
func (s *substitution) pay(n, piece int) {
	if s.due += n; s.due >= piece && s.err == nil {
		s.err = s.grow(s.due)
		s.due = 0
	}
}

// follow replaces match after match by backtracking.
func (s *substitution) follow(p *backtrack.Program, notEmpty, all bool, work Work) error {
	for s.at <= len(s.src) {
		m, err := find(p, s.src, s.at, notEmpty, work)
		if err != nil || m == nil || !s.replace(m) || !all {
			return cmp.Or(err, s.err)
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
		if err := work(matchSteps); err != nil {
			return err
		}
		if !s.replace(m) {
			break
		}
	}
	return s.err
}

// expand writes the text that stands for a match.
func (s *substitution) expand(m []int) {
	for by := s.by; len(by) > 0 && !s.ended(); {
		n := bytes.IndexByte(by, '\\')
		if n < 0 || n+1 == len(by) {
			s.add(by)
			return
		}
		s.add(by[:n])
		g := int(by[n+1]) - '0'
		switch {
		case g < 0 || g > 9:
			s.add(by[n+1 : n+2])
		case 2*g+1 < len(m) && m[2*g] >= 0:
			s.add(s.src[m[2*g]:m[2*g+1]])
		}
		by = by[n+2:]
	}
}
