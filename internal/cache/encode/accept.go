package encode

import (
	"bytes"

	"fishplate/internal/message"
)

// Accept is what a client said about codings: a weight for each in thousandths
// (RFC 9110 §12.4.2), -1 for what it did not name.
type Accept struct {
	weights [codings]int16
	rest    int16 // of "*"
	present bool
}

// ParseAccept reads the Accept-Encoding fields of a request. A member that
// breaks the syntax counts as not there; of a coding named twice the lower weight
// counts.
func ParseAccept(h *message.Header) Accept {
	a := Accept{rest: -1}
	for c := range a.weights {
		a.weights[c] = -1
	}
	for i := h.Index(message.AcceptEncoding, 0); i >= 0; i = h.Index(message.AcceptEncoding, i+1) {
		a.present = true
		for rest := h.Value(i); len(rest) > 0; {
			var member []byte
			member, rest, _ = bytes.Cut(rest, []byte(","))
			a.member(member)
		}
	}
	return a
}

func (a *Accept) member(m []byte) {
	token, parameters, has := bytes.Cut(m, []byte(";"))
	token = bytes.Trim(token, " \t")
	weight := int16(1000)
	if has {
		var ok bool
		if weight, ok = parseWeight(bytes.Trim(parameters, " \t")); !ok {
			return
		}
	}
	if string(token) == "*" {
		a.rest = lower(a.rest, weight)
		return
	}
	if c := ParseCoding(token); c != Other {
		a.weights[c] = lower(a.weights[c], weight)
	}
}

// lower returns the lower weight of two, the first of which may be missing.
func lower(old, w int16) int16 {
	if old < 0 {
		return w
	}
	return min(old, w)
}

// parseWeight reads "q=" and a weight of at most three decimals.
func parseWeight(b []byte) (int16, bool) {
	if len(b) < 3 || len(b) > 7 || b[0]|0x20 != 'q' || b[1] != '=' || b[2] != '0' && b[2] != '1' {
		return 0, false
	}
	w := int16(b[2]-'0') * 1000
	if len(b) == 3 {
		return w, true
	}
	if b[3] != '.' {
		return 0, false
	}
	unit := int16(100)
	for _, c := range b[4:] {
		if c < '0' || c > '9' {
			return 0, false
		}
		w += int16(c-'0') * unit
		unit /= 10
	}
	return w, w <= 1000
}

// Weight returns a coding's weight in thousandths, 0 when the client refuses it.
// Without the field a client takes anything (§12.5.3), but as those that send
// none are the simple ones, they get what needs no decoder.
func (a *Accept) Weight(c Coding) int {
	if c == Other {
		return 0
	}
	w := a.weights[c]
	if w < 0 {
		w = a.rest
	}
	switch {
	case w >= 0:
		return int(w)
	case c == Identity:
		return 1 // acceptable, and less wanted than anything that was named
	}
	return 0
}

// Takes reports whether the client takes a representation in that coding. One in
// a coding of others' is taken by a client that sent no field or "*" only.
func (a *Accept) Takes(c Coding) bool {
	if !a.present {
		return true
	}
	if c == Other {
		return a.rest != 0
	}
	return a.Weight(c) > 0
}

// Choose returns the coding to send out of those on offer, in the order of our
// liking: the one the client weighs highest, of equals the first, and identity
// only when the client wants it more than any. When the client refuses all of
// them and identity too, the answer is identity, for RFC 9110 §12.5.3 leaves it
// to us whether to answer at all; ok is false then.
func (a *Accept) Choose(offer []Coding) (c Coding, ok bool) {
	best, at := 0, Identity
	for _, c := range offer {
		if w := a.Weight(c); w > best && c != Identity {
			best, at = w, c
		}
	}
	if w := a.Weight(Identity); w > best {
		return Identity, true
	}
	return at, best > 0
}
