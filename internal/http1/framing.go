package http1

import (
	"bytes"

	"fishplate/internal/message"
)

// facts are what the fields of a head say about framing and connection.
type facts struct {
	length    int64 // Content-Length, -1 without
	encoded   bool  // Transfer-Encoding: chunked
	close     bool
	keepAlive bool
	upgrade   bool // Connection names Upgrade
	host      int  // index of Host, -1 without
	hosts     int
	protocol  int // index of Upgrade, -1 without
	expect    int // index of Expect, -1 without
}

// survey reads the fields that the codec itself obeys. Repeated equal
// Content-Length fields are folded into the first (RFC 9110 §8.6).
func survey(h *message.Header, minor uint8) (f facts, cause Cause) {
	f = facts{length: -1, host: -1, protocol: -1, expect: -1}
	var codings codings
	for i := 0; i < h.Len(); i++ {
		switch h.ID(i) {
		case message.Host:
			f.hosts++
			if f.host < 0 {
				f.host = i
			}
		case message.ContentLength:
			n, ok := parseLength(h.Value(i))
			switch {
			case !ok:
				return f, badContentLength
			case f.length < 0:
				f.length = n
			case f.length != n:
				return f, conflictingLength
			default:
				h.RemoveAt(i)
				i--
			}
		case message.TransferEncoding:
			if cause := codings.add(h.Value(i)); cause != none {
				return f, cause
			}
		case message.Connection:
			if cause := f.options(h.Value(i)); cause != none {
				return f, cause
			}
		case message.Upgrade:
			if f.protocol < 0 {
				f.protocol = i
			}
		case message.Expect:
			if f.expect < 0 {
				f.expect = i
			}
		}
	}
	f.encoded = codings.present
	switch {
	case !f.encoded:
		return f, none
	case minor == 0:
		return f, encodingIn10
	case f.length >= 0:
		return f, lengthAndEncoding
	}
	return f, codings.verdict()
}

// parseLength reads 1*DIGIT below 2^63. A list such as "5, 5" is refused.
func parseLength(v []byte) (n int64, ok bool) {
	if len(v) == 0 || len(v) > 19 {
		return 0, false
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, n >= 0
}

// codings collects the Transfer-Encoding fields, which together are one list.
type codings struct {
	present, other bool
	chunked        int
}

func (c *codings) add(v []byte) Cause {
	c.present = true
	for {
		item, rest, found := bytes.Cut(v, comma)
		item = trimSpace(item)
		switch {
		case message.EqualFold(item, "chunked"):
			c.chunked++
		case len(item) == 0:
			return badEncoding
		default:
			c.other = true
		}
		if !found {
			return none
		}
		v = rest
	}
}

func (c *codings) verdict() Cause {
	switch {
	case c.chunked > 1:
		return badEncoding
	case c.other:
		return unsupportedEncoding
	}
	return none
}

var comma = []byte(",")

func trimSpace(v []byte) []byte {
	for len(v) > 0 && isSpace(v[0]) {
		v = v[1:]
	}
	for len(v) > 0 && isSpace(v[len(v)-1]) {
		v = v[:len(v)-1]
	}
	return v
}

// options reads a Connection field. Empty list elements are allowed (RFC 9110
// §5.6.1.2); a name that no hop may drop is not.
func (f *facts) options(v []byte) Cause {
	for {
		item, rest, found := bytes.Cut(v, comma)
		item = trimSpace(item)
		if len(item) > 0 {
			if !message.ValidName(item) {
				return badConnection
			}
			switch message.LookupName(item) {
			case message.Host, message.ContentLength:
				return protectedConnection
			case message.KeepAlive:
				f.keepAlive = true
			case message.Upgrade:
				f.upgrade = true
			case message.Other:
				f.close = f.close || message.EqualFold(item, "close")
			}
		}
		if !found {
			return none
		}
		v = rest
	}
}

// closes reports whether the connection ends after this message (RFC 9112 §9.3).
func (f *facts) closes(minor uint8) bool { return f.close || minor == 0 && !f.keepAlive }
