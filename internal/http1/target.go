package http1

import (
	"bytes"
	"net/netip"

	"fishplate/internal/message"
)

// target takes the request target and Host apart (RFC 9112 §3.2) into host,
// port, path and query.
func (r *Reader) target(req *message.Request, f *facts) Cause {
	switch {
	case f.hosts > 1:
		return multipleHost
	case f.hosts == 0 && req.Minor == 1:
		return missingHost
	}
	authority := []byte(nil)
	if f.host >= 0 {
		authority = req.Value(f.host)
	}
	t := req.Target
	absolute := false
	switch {
	case t[0] == '/':
	case string(t) == "*":
		if string(req.Method) != "OPTIONS" {
			return badTarget
		}
		req.Path = t
		return setHost(req, authority, f, false)
	default:
		var cause Cause
		if authority, t, cause = splitAbsolute(t, req.Scheme); cause != none {
			return cause
		}
		absolute = true
	}
	path, query, hasQuery := bytes.Cut(t, question)
	if !validQuery(query) {
		return badTarget
	}
	req.Query, req.HasQuery = query, hasQuery
	switch {
	case len(path) == 0 && absolute && !hasQuery && string(req.Method) == "OPTIONS":
		req.Path = asterisk // RFC 9112 §3.2.4
	case len(path) == 0 && absolute:
		req.Path = root
	case isNormal(path):
		req.Path = path
	default:
		out, cause := normalize(req.Space(3 * len(path))[:0], path, r.limits.Slashes)
		if cause != none {
			return cause
		}
		req.Path = out
	}
	return setHost(req, authority, f, absolute)
}

var (
	question = []byte("?")
	asterisk = []byte("*")
	root     = []byte("/")
)

// splitAbsolute takes scheme://authority off a target. The scheme has to be the
// connection's: another one asks for what this connection cannot answer.
func splitAbsolute(t []byte, scheme string) (authority, rest []byte, cause Cause) {
	name, after, ok := bytes.Cut(t, schemeEnd)
	if !ok || !message.EqualFold(name, "http") && !message.EqualFold(name, "https") {
		return nil, nil, badTarget
	}
	if !message.EqualFold(name, scheme) {
		return nil, nil, schemeMismatch
	}
	end := bytes.IndexAny(after, "/?#")
	if end < 0 {
		end = len(after)
	}
	if end == 0 {
		return nil, nil, badHost
	}
	return after[:end], after[end:], none
}

var schemeEnd = []byte("://")

// validQuery reports whether every byte is visible ASCII other than '#'.
// Browsers send more than RFC 3986 allows there; none of it is ambiguous.
func validQuery(q []byte) bool {
	for _, c := range q {
		if c <= 0x20 || c >= 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// setHost sets host and port from the authority. When it came from the target,
// it wins over Host, which is rewritten (RFC 9112 §3.2.2).
func setHost(req *message.Request, authority []byte, f *facts, absolute bool) Cause {
	if f.host < 0 && !absolute {
		return none // HTTP/1.0
	}
	if absolute && f.host >= 0 {
		// Refused even though it loses: a peer may believe it.
		if _, _, ok := splitHost(req.Value(f.host)); !ok {
			return badHost
		}
	}
	host, port, ok := splitHost(authority)
	if !ok {
		return badHost
	}
	req.Port = port
	req.Host = lower(&req.Header, host)
	if !absolute {
		return none
	}
	if f.host < 0 {
		req.AddBytes(hostName, authority)
	} else if !bytes.Equal(req.Value(f.host), authority) {
		req.SetValueBytes(f.host, authority)
	}
	return none
}

var hostName = []byte("Host")

// lower returns host in lower case, itself when it is so already.
func lower(h *message.Header, host []byte) []byte {
	for i, c := range host {
		if 'A' <= c && c <= 'Z' {
			out := h.Space(len(host))
			copy(out, host)
			for ; i < len(out); i++ {
				if 'A' <= out[i] && out[i] <= 'Z' {
					out[i] |= 0x20
				}
			}
			return out
		}
	}
	return host
}

// splitHost checks host [":" port] and returns the host without a final dot,
// and 0 for a port that is not there. A host is a name of letters, digits,
// '-', '_' and '.', an IPv4 address, or an IPv6 address in brackets: less than
// RFC 3986 allows, since nothing else can be configured or resolved.
func splitHost(v []byte) (host []byte, port int, ok bool) {
	if len(v) > 0 && v[0] == '[' {
		end := bytes.IndexByte(v, ']')
		if end < 0 || !isIPv6(v[1:end]) {
			return nil, 0, false
		}
		port, ok = splitPort(v[end+1:])
		return v[:end+1], port, ok
	}
	end := bytes.IndexByte(v, ':')
	if end < 0 {
		end = len(v)
	}
	if port, ok = splitPort(v[end:]); !ok {
		return nil, 0, false
	}
	host = v[:end]
	if n := len(host); n > 0 && host[n-1] == '.' {
		host = host[:n-1]
	}
	if len(host) == 0 || len(host) > 255 {
		return nil, 0, false
	}
	afterDot := true
	for _, c := range host {
		switch {
		case c == '.':
			if afterDot {
				return nil, 0, false
			}
			afterDot = true
		case pathClass[c] == unreserved && c != '~':
			afterDot = false
		default:
			return nil, 0, false
		}
	}
	return host, port, true
}

// isIPv6 reports whether v is an IPv6 address without a zone.
func isIPv6(v []byte) bool {
	if len(v) > 45 || bytes.IndexByte(v, ':') < 0 || bytes.IndexByte(v, '%') >= 0 {
		return false
	}
	_, err := netip.ParseAddr(string(v))
	return err == nil
}

// splitPort reads "" or ":" [ 1..65535 ].
func splitPort(v []byte) (port int, ok bool) {
	if len(v) == 0 {
		return 0, true
	}
	if v[0] != ':' || len(v) > 6 {
		return 0, false
	}
	for _, c := range v[1:] {
		if !isDigit(c) {
			return 0, false
		}
		port = port*10 + int(c-'0')
	}
	return port, len(v) == 1 || port > 0 && port <= 65535
}

// ParseHost checks host [":" port] that somebody wrote who is no client, as a
// Host field is checked. host is in lower case, a copy; port is 0 without one.
func ParseHost(v []byte) (host []byte, port int, ok bool) {
	host, port, ok = splitHost(v)
	return bytes.ToLower(host), port, ok
}
