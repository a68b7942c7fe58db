package rules

import (
	"bytes"

	"fishplate/internal/http1"
	"fishplate/internal/message"
)

// Target is a resource of the request's own origin, as in message.Request.
type Target struct {
	Path, Query []byte
	HasQuery    bool
}

// Safe reports whether a method is registered as one that changes nothing
// (RFC 9110 §9.2.1, §16.1.2); the success of any other invalidates.
func Safe(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH", "PRI":
		return true
	}
	return false
}

// Invalidates calls yield with every resource whose stored answers a success of
// an unsafe method makes worthless (RFC 9111 §4.4): the target, and those that
// Location and Content-Location name when they are of the same origin. A resource
// may come more than once. The texts are valid until yield returns.
func Invalidates(req *message.Request, resp *message.Response, yield func(Target)) {
	if Safe(req.Method) || resp.Status < 200 || resp.Status > 399 {
		return
	}
	yield(Target{req.Path, req.Query, req.HasQuery})
	if value, ok := resp.GetID(message.Location); ok {
		reference(req, value, yield)
	}
	if value, ok := resp.Get("Content-Location"); ok {
		reference(req, value, yield)
	}
}

// reference resolves a URI reference against the request's target (RFC 3986 §5)
// and yields it when it stays within the origin. What cannot be read, and what
// has user information, is left: to invalidate it is a MAY.
func reference(req *message.Request, ref []byte, yield func(Target)) {
	for _, c := range ref {
		if c <= ' ' || c >= 0x7f || c == '\\' {
			return
		}
	}
	ref, _, _ = bytes.Cut(ref, []byte("#"))
	rest, ok := withinOrigin(req, ref)
	if !ok {
		return
	}
	path, query, hasQuery := bytes.Cut(rest, []byte("?"))
	switch {
	case len(rest) < len(ref) && len(path) == 0: // an authority and no path
		path = []byte("/")
	case len(path) == 0 && !hasQuery:
		path, query, hasQuery = req.Path, req.Query, req.HasQuery
	case len(path) == 0:
		path = req.Path
	case path[0] != '/':
		dir := req.Path[:bytes.LastIndexByte(req.Path, '/')+1]
		path = append(dir[:len(dir):len(dir)], path...)
	}
	// A listener may keep adjacent slashes or merge them; both forms are meant.
	for _, slashes := range [...]string{"merge", "keep"} {
		if normal, err := http1.NormalizePath(nil, path, slashes); err == nil {
			yield(Target{normal, query, hasQuery})
		}
		if !bytes.Contains(path, []byte("//")) {
			return
		}
	}
}

// withinOrigin takes scheme and authority off a reference; false when they name
// another origin, or a scheme that has no authority.
func withinOrigin(req *message.Request, ref []byte) (rest []byte, ok bool) {
	scheme := []byte(nil)
	if i := bytes.IndexAny(ref, ":/?"); i >= 0 && ref[i] == ':' {
		if scheme, ref = ref[:i], ref[i+1:]; !message.EqualFold(scheme, req.Scheme) {
			return nil, false
		}
	}
	if !bytes.HasPrefix(ref, []byte("//")) {
		return ref, scheme == nil
	}
	authority := ref[2:]
	rest = nil
	if i := bytes.IndexAny(authority, "/?"); i >= 0 {
		authority, rest = authority[:i], authority[i:]
	}
	host, port := authority, 0
	if i := bytes.LastIndexByte(authority, ':'); i >= 0 && i > bytes.LastIndexByte(authority, ']') {
		n, ok := parseSeconds(authority[i+1:])
		if !ok && i+1 < len(authority) || n > 65535 {
			return nil, false
		}
		host, port = authority[:i], int(n)
	}
	return rest, len(host) > 0 && message.EqualFold(host, req.Host) &&
		effectivePort(req.Scheme, port) == effectivePort(req.Scheme, req.Port)
}

// effectivePort returns the port that a URI means.
func effectivePort(scheme string, port int) int {
	switch {
	case port != 0:
		return port
	case scheme == "https":
		return 443
	}
	return 80
}
