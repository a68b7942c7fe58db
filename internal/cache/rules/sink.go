package rules

import (
	"bytes"

	"fishplate/internal/message"
)

// A sink takes the normal form of a value: to append it, to count it, or to
// compare it with one that was appended, so that the two cannot disagree.
type sink struct {
	mode    mode
	differs bool
	size    int    // counting
	dst     []byte // appending
	want    []byte // comparing: what is still to come
}

type mode uint8

const (
	appending mode = iota
	counting
	comparing
)

func (s *sink) bytes(b []byte) {
	switch s.mode {
	case appending:
		s.dst = append(s.dst, b...)
	case counting:
		s.size += len(b)
	case comparing:
		if s.differs || !bytes.HasPrefix(s.want, b) {
			s.differs = true
			return
		}
		s.want = s.want[len(b):]
	}
}

func (s *sink) byte(c byte) {
	switch s.mode {
	case appending:
		s.dst = append(s.dst, c)
	case counting:
		s.size++
	case comparing:
		if s.differs || len(s.want) == 0 || s.want[0] != c {
			s.differs = true
			return
		}
		s.want = s.want[1:]
	}
}

// text puts in a word and a comma.
func (s *sink) text(t string) {
	if s.mode == comparing && len(s.want) > len(t) && string(s.want[:len(t)]) == t && s.want[len(t)] == ',' {
		s.want = s.want[len(t)+1:]
		return
	}
	for i := range len(t) {
		s.byte(t[i])
	}
	s.byte(',')
}

// field puts in all values of a request's field; false when there is none.
func (s *sink) field(h *message.Header, id message.Name, name []byte, c class) bool {
	at := nextField(h, id, name, 0)
	if at < 0 {
		return false
	}
	if c == encoding {
		s.codings(h)
		return true
	}
	for first := true; at >= 0; at = nextField(h, id, name, at+1) {
		if !first {
			s.byte(',')
		}
		first = false
		if c == list {
			s.list(h.Value(at))
		} else {
			s.bytes(h.Value(at))
		}
	}
	return true
}

// nextField finds a field by its well-known name, or by its text.
func nextField(h *message.Header, id message.Name, name []byte, from int) int {
	if id != message.Other {
		return h.Index(id, from)
	}
	for i, n := from, h.Len(); i < n; i++ {
		if h.ID(i) == message.Other && message.EqualFold(h.Name(i), name) {
			return i
		}
	}
	return -1
}

// list puts in a value in lower case, without white space and empty members.
// Quoted strings stand in none of the fields that are of this class; one would
// lose its spaces, which tells no two apart that a server does.
func (s *sink) list(v []byte) {
	comma, any := false, false
	for _, c := range v {
		switch {
		case isSpace(c):
		case c == ',':
			comma = any
		default:
			if comma {
				s.byte(',')
				comma = false
			}
			any = true
			s.byte(lower(c))
		}
	}
}
