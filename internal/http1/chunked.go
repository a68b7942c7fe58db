package http1

import (
	"fishplate/internal/message"
)

const (
	maxChunkDigits    = 15      // sizes below 2^60
	maxChunkExtension = 256     // bytes in one chunk
	maxExtensions     = 4 << 10 // bytes in a body: more is no use but to burn time
	maxTrailerBytes   = 8 << 10
	maxTrailerFields  = 64
)

// control reads what stands between the data of a chunked body.
func (b *Body) control() {
	switch b.state {
	case atSize:
		line, ok := b.bodyLine(maxChunkDigits+maxChunkExtension+2, longChunkExtension)
		if ok {
			b.size(line)
		}
	case atChunkEnd:
		b.chunkEnd()
	case inTrailer:
		b.readTrailer()
	}
}

// size obeys a chunk-size line (RFC 9112 §7.1).
func (b *Body) size(line []byte) {
	n, digits := int64(0), 0
	for digits < len(line) && isHex(line[digits]) {
		if digits == maxChunkDigits {
			b.cause = badChunkSize
			return
		}
		n = n<<4 | int64(unhex(line[digits]))
		digits++
	}
	if digits == 0 || digits < len(line) && line[digits] != ';' {
		b.cause = badChunkSize
		return
	}
	extension := line[digits:]
	b.excess += len(extension)
	switch {
	case len(extension) > maxChunkExtension || b.excess > maxExtensions:
		b.cause = longChunkExtension
		return
	case !validExtension(extension):
		b.cause = badChunkExtension
		return
	}
	b.left, b.state = n, inData
	if n == 0 {
		b.state = inTrailer
	}
}

// validExtension checks *( ";" name [ "=" ( token | quoted-string ) ] ). The
// white space that the grammar tolerates for history's sake is refused.
func validExtension(e []byte) bool {
	for len(e) > 0 {
		if e[0] != ';' {
			return false
		}
		n := tokenLen(e[1:])
		if n == 0 {
			return false
		}
		if e = e[1+n:]; len(e) == 0 || e[0] != '=' {
			continue
		}
		e = e[1:]
		if n = tokenLen(e); n == 0 {
			n = quotedLen(e)
		}
		if n == 0 {
			return false
		}
		e = e[n:]
	}
	return true
}

func tokenLen(v []byte) int {
	n := 0
	for n < len(v) && message.IsTokenByte(v[n]) {
		n++
	}
	return n
}

// quotedLen returns the length of the quoted-string that v begins with, 0
// without one (RFC 9110 §5.6.4).
func quotedLen(v []byte) int {
	if len(v) == 0 || v[0] != '"' {
		return 0
	}
	for i := 1; i < len(v); i++ {
		switch c := v[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			i++
			if i < len(v) && (v[i] < 0x20 && v[i] != '\t' || v[i] == 0x7f) {
				return 0
			}
		case c < 0x20 && c != '\t' || c == 0x7f:
			return 0
		}
	}
	return 0
}

// chunkEnd reads the CRLF after a chunk's data.
func (b *Body) chunkEnd() {
	r := b.r
	for r.Buffered() < 2 {
		if r.Buffered() == 1 && r.buf[r.r] != '\r' {
			b.cause = badChunkEnd
			return
		}
		if !b.fill() {
			return
		}
	}
	if r.buf[r.r] != '\r' || r.buf[r.r+1] != '\n' {
		b.cause = badChunkEnd
		return
	}
	r.r += 2
	b.state = atSize
}

// readTrailer reads the trailer section and the body's last CRLF. Fields are
// copied: trailers are rare and small.
func (b *Body) readTrailer() {
	room, lines := maxTrailerBytes, 0
	for {
		line, ok := b.bodyLine(room, trailerTooLarge)
		if !ok {
			return
		}
		if len(line) == 0 {
			b.state = done
			return
		}
		room -= len(line) + 2
		if lines++; lines > maxTrailerFields {
			b.cause = trailerTooLarge
			return
		}
		f, cause := parseField(line)
		if cause != none {
			b.cause = badTrailer
			return
		}
		name := line[:f.name]
		if !allowedTrailer(name) {
			continue
		}
		if b.trailer == nil {
			b.trailer = new(message.Header)
		}
		b.trailer.AddBytes(name, line[f.value:f.end])
	}
}

// allowedTrailer reports whether a field may come after the body: not one that
// frames, routes, authenticates, selects or describes how content is processed
// (RFC 9110 §6.5.1), nor a hop's own.
func allowedTrailer(name []byte) bool {
	switch id := message.LookupName(name); {
	case id == message.ETag:
		return true
	case id != message.Other:
		return false
	}
	for _, word := range [...]string{"Content-Range", "Max-Forwards", "Pragma", "Retry-After", "Set-Cookie2",
		"WWW-Authenticate", "Authentication-Info", "Proxy-Authentication-Info", "Warning", "Content-Location", "Content-Disposition",
		"Content-Language", "If-Match", "If-Unmodified-Since", "If-Range", "X-Forwarded-Port", "X-Real-Ip"} {
		if message.EqualFold(name, word) {
			return false
		}
	}
	return true
}
