// Package filter holds what a route or listener does to a message apart from
// choosing where it goes: header edits and rewrites, redirects, address lists,
// request rates, body limits, connections per client, and the forwarding
// fields (Via, X-Forwarded-*, RFC 7239 Forwarded) with the client address that
// they carry.
//
// Compiled things (Edits, RateLimit, Access, Redirect, ForwardPolicy) are
// immutable and belong to a generation. Two belong to the estate and outlive
// it: Rates and ClientCounts, which are bounded and safe for concurrent use.
// Nothing here answers a client, keeps a message or starts a goroutine; what
// is refused is said by the result, and the proxy turns it into a status.
package filter
