package http1

import (
	"bytes"

	"fishplate/internal/message"
)

// ReadRequest reads one request head, waiting for it as long as the stream
// does. Nil means that req is complete; its slices are valid until the next
// ReadRequest or Release. Any fault ends the connection: after a refused head
// nobody knows where the next one begins. The stream's end before a first byte
// is the cause "eof" with status 0.
func (r *Reader) ReadRequest(req *message.Request, scheme string) *message.Fault {
	r.begin(message.SideClient)
	conn := req.Conn
	head := req.Header
	*req = message.Request{Header: head, Conn: conn, Scheme: scheme}
	if cause := r.readRequest(req); cause != none {
		// What was understood stays for the log; the fields do not.
		req.Header.Reset(nil)
		return r.fault(cause)
	}
	return nil
}

func (r *Reader) readRequest(req *message.Request) Cause {
	if cause := r.skipEmptyLine(); cause != none {
		return cause
	}
	end, cause := r.line(0, maxMethod+1+r.limits.TargetBytes+1+versionBytes+2, targetTooLong)
	if cause != none {
		return cause
	}
	line, cause := trim(r.buf[r.r : r.r+end])
	if cause != none {
		return cause
	}
	at, cause := r.requestLine(req, line)
	if cause != none {
		return cause
	}
	req.Header.Reset(nil)
	if end, cause = r.fields(&req.Header, end); cause != none {
		return cause
	}
	head := r.buf[r.r : r.r+end : r.r+end]
	r.r += end
	r.base = r.r
	req.Header.Rebase(head)
	req.Method, req.Target = head[:at.method], head[at.method+1:at.target]
	return r.finishRequest(req)
}

// skipEmptyLine passes over one CRLF before a request, which old clients send
// after a body (RFC 9112 §2.2), and notices a TLS handshake by its first byte.
func (r *Reader) skipEmptyLine() Cause {
	if r.Buffered() == 0 {
		if r.err = r.more(); r.err != nil {
			return headError(r.err, true)
		}
	}
	if r.buf[r.r] == tlsHandshake {
		return tlsOnPlain
	}
	if r.buf[r.r] != '\r' {
		return none
	}
	for r.Buffered() < 3 {
		if r.Buffered() == 2 && r.buf[r.r+1] != '\n' {
			return bareCR
		}
		if r.err = r.more(); r.err != nil {
			return headError(r.err, r.Buffered() == 2)
		}
	}
	if r.buf[r.r+1] != '\n' {
		return bareCR
	}
	r.r += 2
	return none
}

// tlsHandshake is the first byte of a TLS record that begins a handshake.
const tlsHandshake = 0x16

// lineParts are the ends of method and target in a request line.
type lineParts struct{ method, target int }

// requestLine checks method SP target SP version. The target's form is looked
// at when the head is complete.
func (r *Reader) requestLine(req *message.Request, line []byte) (at lineParts, cause Cause) {
	n := 0
	for n < len(line) && message.IsTokenByte(line[n]) {
		n++
	}
	switch {
	case bytes.IndexByte(line, '\r') >= 0:
		return at, bareCR
	case n == 0 && len(line) > 0 && line[0] != ' ' && line[0] != '\t':
		return at, badMethod
	case n == 0 || n == len(line):
		return at, badRequestLine
	case line[n] != ' ' && line[n] != '\t', n > maxMethod:
		return at, badMethod
	case line[n] != ' ':
		return at, badRequestLine
	}
	at.method = n
	rest := line[n+1:]
	sp := bytes.IndexByte(rest, ' ')
	if sp <= 0 || bytes.IndexByte(rest[sp+1:], ' ') >= 0 || bytes.IndexByte(rest, '\t') >= 0 {
		return at, badRequestLine
	}
	at.target = n + 1 + sp
	if sp > r.limits.TargetBytes {
		return at, targetTooLong
	}
	if req.Minor, cause = parseVersion(rest[sp+1:]); cause != none {
		return at, cause
	}
	switch string(line[:n]) {
	case "TRACE":
		return at, traceRefused
	case "CONNECT":
		return at, connectRefused
	}
	return at, none
}

// parseVersion returns the minor version of HTTP/1.0 and HTTP/1.1.
func parseVersion(v []byte) (minor uint8, cause Cause) {
	switch {
	case string(v) == "HTTP/1.1":
		return 1, none
	case string(v) == "HTTP/1.0":
		return 0, none
	case len(v) == versionBytes && string(v[:5]) == "HTTP/" && isDigit(v[5]) && v[6] == '.' && isDigit(v[7]):
		return 0, unsupportedVersion
	}
	return 0, badVersion
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// finishRequest draws the conclusions from a complete head.
func (r *Reader) finishRequest(req *message.Request) Cause {
	f, cause := survey(&req.Header, req.Minor)
	if cause != none {
		return cause
	}
	if cause = r.target(req, &f); cause != none {
		return cause
	}
	switch {
	case f.encoded:
		req.Framing = message.Chunked
	case f.length >= 0:
		req.Framing, req.Length = message.Length, f.length
	}
	req.Close = f.closes(req.Minor)
	if f.expect >= 0 {
		if !message.EqualFold(req.Value(f.expect), "100-continue") || req.Index(message.Expect, f.expect+1) >= 0 {
			return unknownExpectation
		}
		req.Expect100 = req.Minor == 1 && (f.encoded || f.length > 0)
	}
	if f.upgrade && f.protocol >= 0 && req.Minor == 1 && switchable(req.Value(f.protocol)) {
		req.Upgrade = req.Value(f.protocol)
	}
	return none
}

// switchable reports whether an offer of protocols may go on to an origin. What
// carries HTTP again may not, the rest of the offer included: its requests would
// pass in the tunnel unseen by routes and limits (RFC 9113 §3.1 ended h2c).
func switchable(offer []byte) bool {
	for item := range bytes.SplitSeq(offer, comma) {
		name, _, _ := bytes.Cut(trimSpace(item), []byte{'/'})
		if message.EqualFold(name, "h2c") || message.EqualFold(name, "HTTP") || message.EqualFold(name, "TLS") {
			return false
		}
	}
	return true
}
