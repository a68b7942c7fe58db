package rules

import "fishplate/internal/message"

// codings are the content codings that have a bit, in the order in which the
// normal form names them. identity and * come last: they have rules of their own.
var codings = [...]string{"br", "deflate", "gzip", "zstd", "compress", "identity", "*"}

const (
	identityBit = 1 << 5
	starBit     = 1 << 6
)

// codingSet is what Accept-Encoding accepts and refuses (RFC 9110 §12.5.3).
type codingSet struct {
	accepted, refused uint8
	others            bool // there are members without a bit, or that cannot be read
}

// codings puts in the set of codings that the request accepts, whatever their
// order and weights: an answer in one of them is acceptable to every request with
// the same set. Members that are not known or cannot be read follow as they are.
func (s *sink) codings(h *message.Header) {
	var set codingSet
	set.read(h)
	refused := set.refused & (set.accepted | identityBit | starBit)
	accepted := set.accepted
	if set.refused&starBit == 0 {
		accepted &^= identityBit // which is acceptable anyway
	}
	if set.accepted&starBit != 0 {
		refused = set.refused
	}
	for i, name := range codings {
		if accepted>>i&1 != 0 {
			s.text(name)
		}
		if refused>>i&1 != 0 {
			s.byte('-')
			s.text(name)
		}
	}
	if set.others {
		s.otherCodings(h)
	}
}

func (set *codingSet) read(h *message.Header) {
	for at := h.Index(message.AcceptEncoding, 0); at >= 0; at = h.Index(message.AcceptEncoding, at+1) {
		for v := h.Value(at); len(v) > 0; {
			i := tokenEnd(v)
			if i < len(v) && v[i] != ',' || i == 0 {
				v = set.weighted(v)
				continue
			}
			bit := codingBit(v[:i])
			set.accepted |= bit
			set.others = set.others || bit == 0
			for v = v[i:]; len(v) > 0 && (v[0] == ',' || isSpace(v[0])); {
				v = v[1:]
			}
		}
	}
}

// weighted takes a member into account that is no mere name.
func (set *codingSet) weighted(v []byte) (rest []byte) {
	one, rest := member(v)
	switch bit, zero := codingOf(one); {
	case len(one) == 0:
	case bit == 0:
		set.others = true
	case zero:
		set.refused |= bit
	default:
		set.accepted |= bit
	}
	return rest
}

func (s *sink) otherCodings(h *message.Header) {
	for at := h.Index(message.AcceptEncoding, 0); at >= 0; at = h.Index(message.AcceptEncoding, at+1) {
		for rest := h.Value(at); len(rest) > 0; {
			var one []byte
			one, rest = member(rest)
			if bit, _ := codingOf(one); bit == 0 && len(one) > 0 {
				s.list(one)
				s.byte(',')
			}
		}
	}
}

// codingOf returns the bit of a member, 0 when it has none, and whether its
// weight is zero.
func codingOf(one []byte) (bit uint8, zero bool) {
	name := one
	for i, c := range one {
		if c == ';' || isSpace(c) {
			name = one[:i]
			var ok bool
			if zero, ok = weightIsZero(one[i:]); !ok {
				return 0, false
			}
			break
		}
	}
	return codingBit(name), zero
}

// codingBit tells names apart by their lengths first. x-gzip and x-compress are
// other names of the same codings (RFC 9110 §8.4.1).
func codingBit(name []byte) uint8 {
	i := 0
	switch len(name) {
	case 1:
		i = 6
	case 4:
		if i = 2; name[0]|0x20 == 'z' {
			i = 3
		}
	case 6, 10:
		if !message.EqualFold(name[:2], "x-") {
			return 0
		}
		return codingBit(name[2:]) & (1<<2 | 1<<4)
	case 7:
		i = 1
	case 8:
		if i = 4; name[0]|0x20 == 'i' {
			i = 5
		}
	}
	if message.EqualFold(name, codings[i]) {
		return 1 << i
	}
	return 0
}

// weightIsZero reads OWS ; OWS "q=" qvalue (RFC 9110 §12.4.2).
func weightIsZero(s []byte) (zero, ok bool) {
	s = skipSpace(s)
	if len(s) == 0 || s[0] != ';' {
		return false, false
	}
	s = skipSpace(s[1:])
	if len(s) < 3 || s[0]|0x20 != 'q' || s[1] != '=' {
		return false, false
	}
	whole, fraction := s[2], s[3:]
	if whole != '0' && whole != '1' {
		return false, false
	}
	if len(fraction) == 0 {
		return whole == '0', true
	}
	if fraction[0] != '.' || len(fraction) > 4 {
		return false, false
	}
	zero = whole == '0'
	for _, c := range fraction[1:] {
		if !isDigit(c) || whole == '1' && c != '0' {
			return false, false
		}
		zero = zero && c == '0'
	}
	return zero, true
}
