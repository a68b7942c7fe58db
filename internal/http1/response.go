package http1

import (
	"bytes"

	"fishplate/internal/message"
)

// ReadResponse reads one response head, informational ones included; the method
// is that of the request it answers. Nil means that resp is complete; its
// slices are valid until the next ReadResponse or Release. Any fault makes the
// connection unusable.
func (r *Reader) ReadResponse(resp *message.Response, method []byte) *message.Fault {
	r.begin(message.SideOrigin)
	*resp = message.Response{Header: resp.Header}
	if cause := r.readResponse(resp, method); cause != none {
		resp.Header.Reset(nil)
		return r.fault(cause)
	}
	return nil
}

func (r *Reader) readResponse(resp *message.Response, method []byte) Cause {
	end, cause := r.line(0, r.limits.HeadBytes, headTooLarge)
	if cause != none {
		return cause
	}
	line, cause := trim(r.buf[r.r : r.r+end])
	if cause != none {
		return cause
	}
	if cause = statusLine(resp, line); cause != none {
		return cause
	}
	reason := len(line)
	resp.Header.Reset(nil)
	if end, cause = r.fields(&resp.Header, end); cause != none {
		return cause
	}
	head := r.buf[r.r : r.r+end : r.r+end]
	r.r += end
	r.base = r.r
	resp.Header.Rebase(head)
	if reason > statusBytes {
		resp.Reason = head[statusBytes+1 : reason]
	}
	return finishResponse(resp, method)
}

// statusBytes is the length of a status line up to its code.
const statusBytes = len("HTTP/1.1 200")

// statusLine checks version SP code [SP reason]. The second space is required
// of senders (RFC 9112 §4); without a reason its absence is not ambiguous.
func statusLine(resp *message.Response, line []byte) Cause {
	if len(line) < statusBytes || line[versionBytes] != ' ' {
		return badStatusLine
	}
	var cause Cause
	if resp.Minor, cause = parseVersion(line[:versionBytes]); cause != none {
		return cause
	}
	code := line[versionBytes+1 : statusBytes]
	if code[0] < '1' || code[0] > '5' || !isDigit(code[1]) || !isDigit(code[2]) {
		return badStatusLine
	}
	resp.Status = int(code[0]-'0')*100 + int(code[1]-'0')*10 + int(code[2]-'0')
	if len(line) == statusBytes {
		return none
	}
	if line[statusBytes] != ' ' {
		return badStatusLine
	}
	return checkValue(line[statusBytes+1:])
}

// finishResponse finds the framing (RFC 9112 §6.3).
func finishResponse(resp *message.Response, method []byte) Cause {
	f, cause := survey(&resp.Header, resp.Minor)
	if cause != none {
		return cause
	}
	resp.Close = f.closes(resp.Minor)
	if f.length > 0 {
		resp.Length = f.length
	}
	switch {
	case resp.Status < 200 || resp.Status == 204:
		// Content-Length: 0 is forbidden here too, but sent, and harmless.
		if f.encoded || f.length > 0 {
			return unexpectedBody
		}
		if resp.Status == 101 {
			if !f.upgrade || f.protocol < 0 || bytes.IndexByte(resp.Value(f.protocol), ',') >= 0 {
				return badUpgrade
			}
			resp.Upgrade = resp.Value(f.protocol)
		}
	case resp.Status == 304 || string(method) == "HEAD":
	case f.encoded:
		resp.Framing = message.Chunked
	case f.length >= 0:
		resp.Framing = message.Length
	default:
		resp.Framing, resp.Close = message.UntilEnd, true
	}
	return none
}
