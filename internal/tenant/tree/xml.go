package tree

import (
	"bytes"
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	maxXMLLevels = 256
	maxSteps     = 64 // of a path
)

// xmlStep is one step of a path: a name, or "*" for any, and a place, 0 for any.
type xmlStep struct {
	name  string
	place int
}

// xmlPath cuts "a/b[2]/@id".
func xmlPath(path []byte) (steps []xmlStep, attr string, err error) {
	text := strings.TrimPrefix(string(path), "/")
	if len(path) > maxPath || text == "" {
		return nil, "", ErrPath
	}
	for part := range strings.SplitSeq(text, "/") {
		if attr != "" || part == "" || len(steps) == maxSteps {
			return nil, "", ErrPath
		}
		if name, ok := strings.CutPrefix(part, "@"); ok {
			if name == "" || len(steps) == 0 {
				return nil, "", ErrPath
			}
			attr = name
			continue
		}
		s := xmlStep{name: part}
		if name, place, ok := strings.Cut(part, "["); ok {
			digits, closed := strings.CutSuffix(place, "]")
			n, err := strconv.Atoi(digits)
			if err != nil || !closed || n < 1 || name == "" {
				return nil, "", ErrPath
			}
			s = xmlStep{name, n}
		}
		steps = append(steps, s)
	}
	return steps, attr, nil
}

// walk calls start and text for what a document has, and end behind each
// element; false from one of them ends it early, without a look at the rest.
func walk(doc []byte, start func(depth int, e *xml.StartElement) bool, text func([]byte), end func(depth int) bool) error {
	d := xml.NewDecoder(bytes.NewReader(doc))
	depth, roots := 0, 0
	for {
		t, err := d.Token()
		if err == io.EOF {
			if depth != 0 || roots != 1 {
				return ErrMalformed
			}
			return nil
		}
		if err != nil {
			return ErrMalformed
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			if depth++; depth > maxXMLLevels || roots > 1 {
				return ErrMalformed
			}
			if start != nil && !start(depth, &t) {
				return nil
			}
		case xml.EndElement:
			if end != nil && !end(depth) {
				return nil
			}
			depth--
		case xml.CharData:
			if depth == 0 && len(bytes.TrimSpace(t)) > 0 {
				return ErrMalformed
			}
			if text != nil {
				text(t)
			}
		}
	}
}

// ValidXML reports whether doc is one well-formed document in UTF-8.
func ValidXML(doc []byte) bool { return walk(doc, nil, nil, nil) == nil }

// search follows a path through a document.
type search struct {
	steps   []xmlStep
	seen    []int // elements of each step's name so far, under one parent
	matched int   // steps that the element we are in, or one around it, is at the end of
}

// enter is told of an element; true when it is at the end of the path.
func (s *search) enter(depth int, e *xml.StartElement) bool {
	if s.matched != depth-1 || depth > len(s.steps) {
		return false
	}
	step := s.steps[depth-1]
	if step.name != "*" && step.name != e.Name.Local {
		return false
	}
	s.seen[depth-1]++
	if step.place != 0 && step.place != s.seen[depth-1] {
		return false
	}
	s.matched = depth
	if depth < len(s.steps) {
		s.seen[depth] = 0
	}
	return depth == len(s.steps)
}

func (s *search) leave(depth int) {
	if s.matched == depth {
		s.matched = depth - 1
	}
}

// FindXML appends the text in the first element at a path, or the attribute that
// the path ends with. What comes behind it is not looked at.
func FindXML(dst, doc, path []byte) ([]byte, error) {
	steps, attr, err := xmlPath(path)
	if err != nil {
		return dst, err
	}
	s := search{steps: steps, seen: make([]int, len(steps))}
	inside, found := 0, false
	err = walk(doc, func(depth int, e *xml.StartElement) bool {
		if inside != 0 || !s.enter(depth, e) {
			return true
		}
		if attr == "" {
			inside, found = depth, true
			return true
		}
		for _, a := range e.Attr {
			if a.Name.Local == attr {
				dst, found = append(dst, a.Value...), true
				return false
			}
		}
		return true
	}, func(text []byte) {
		if inside != 0 {
			dst = append(dst, text...)
		}
	}, func(depth int) bool {
		if inside == depth && inside != 0 {
			return false
		}
		if inside == 0 {
			s.leave(depth)
		}
		return true
	})
	if err == nil && !found {
		err = ErrNone
	}
	return dst, err
}

// CountXML returns how many elements are at a path.
func CountXML(doc, path []byte) (int, error) {
	steps, attr, err := xmlPath(path)
	if err != nil || attr != "" {
		return 0, ErrPath
	}
	s := search{steps: steps, seen: make([]int, len(steps))}
	count := 0
	err = walk(doc, func(depth int, e *xml.StartElement) bool {
		if s.enter(depth, e) {
			count++
		}
		return true
	}, nil, func(depth int) bool {
		s.leave(depth)
		return true
	})
	return count, err
}

// AppendXML appends src as it may stand in an element or an attribute.
// Characters that XML does not have become U+FFFD.
func AppendXML(dst, src []byte) []byte {
	for len(src) > 0 {
		r, n := utf8.DecodeRune(src)
		switch {
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '"':
			dst = append(dst, "&quot;"...)
		case r == '\'':
			dst = append(dst, "&apos;"...)
		case r == '\t' || r == '\n' || r == '\r':
			dst = append(strconv.AppendInt(append(dst, "&#"...), int64(r), 10), ';')
		case r < 0x20 || r == utf8.RuneError || r == 0xFFFE || r == 0xFFFF:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, src[:n]...)
		}
		src = src[n:]
	}
	return dst
}
