package rules

import (
	"strconv"

	"fishplate/internal/message"
)

// Forward is the reason of a forwarding in Cache-Status (RFC 9211 §2.2).
type Forward uint8

// The reasons.
const (
	NotForwarded    Forward = iota
	ForwardBypass           // the cache does not handle such requests
	ForwardMethod           // the method forbids it
	ForwardURIMiss          // nothing is stored for the URI
	ForwardVaryMiss         // nothing of what is stored belongs to the request
	ForwardMiss             // one of the two
	ForwardRequest          // it was fresh, but the request did not want it
	ForwardStale            // it was stale
	ForwardPartial          // it lacks what the request asks for
	numForwards
)

var forwards = [numForwards]string{"", "bypass", "method", "uri-miss", "vary-miss", "miss", "request", "stale", "partial"}

// String returns the token of RFC 9211, "" for NotForwarded.
func (f Forward) String() string { return forwards[f] }

// Forward returns what Cache-Status says when the outcome led to a fetch.
func (o *Outcome) Forward() Forward {
	switch o.Kind {
	case Hit, HitStale, GatewayTimeout, Coalesced:
		return NotForwarded
	case Bypass:
		if o.Why == WhyMethod {
			return ForwardMethod
		}
		return ForwardBypass
	}
	switch o.Why {
	case WhyVary:
		return ForwardVaryMiss
	case WhyStale, WhyNoCache, WhyMustRevalidate:
		return ForwardStale
	case WhyClientNoCache, WhyClientMaxAge, WhyClientMinFresh:
		if o.Left <= 0 {
			return ForwardStale
		}
		return ForwardRequest
	case WhyRange:
		return ForwardPartial
	case WhyAbsent:
		return ForwardURIMiss
	}
	return ForwardMiss
}

// Status is one member of Cache-Status (RFC 9211 §2).
type Status struct {
	Cache     string  // its name
	Forward   Forward // NotForwarded: a hit
	Hit       bool    // the answer came from the store, and nothing was forwarded
	FwdStatus int     // status of the origin's answer; 0 = not said
	TTL       int64   // seconds of freshness left, negative when stale
	HasTTL    bool
	Stored    bool
	Collapsed bool
	Key       []byte // nil = not said
	Detail    string // "" = not said
}

// maxStatusKey bounds the key that Cache-Status shows.
const maxStatusKey = 256

// AppendStatus appends the member to dst. What RFC 9211 gives a meaning only
// beside fwd is written only then.
func AppendStatus(dst []byte, s *Status) []byte {
	dst = appendName(dst, s.Cache)
	switch {
	case s.Forward != NotForwarded:
		dst = append(append(dst, "; fwd="...), s.Forward.String()...)
		if s.FwdStatus > 0 {
			dst = strconv.AppendInt(append(dst, "; fwd-status="...), int64(s.FwdStatus), 10)
		}
	case s.Hit:
		dst = append(dst, "; hit"...)
	}
	if s.HasTTL {
		dst = strconv.AppendInt(append(dst, "; ttl="...), s.TTL, 10)
	}
	if s.Forward != NotForwarded && s.Stored {
		dst = append(dst, "; stored"...)
	}
	if s.Forward != NotForwarded && s.Collapsed {
		dst = append(dst, "; collapsed"...)
	}
	if s.Key != nil {
		dst = appendString(append(dst, "; key="...), s.Key[:min(len(s.Key), maxStatusKey)])
	}
	if s.Detail != "" {
		dst = appendName(append(dst, "; detail="...), s.Detail)
	}
	return dst
}

// appendName appends a token where the text is one, and a string otherwise.
func appendName(dst []byte, name string) []byte {
	plain := len(name) > 0 && (isAlpha(name[0]) || name[0] == '*')
	for i := range len(name) {
		plain = plain && (message.IsTokenByte(name[i]) || name[i] == ':' || name[i] == '/')
	}
	if plain {
		return append(dst, name...)
	}
	return appendString(dst, name)
}

// appendString appends a string of structured fields. What it cannot hold is
// percent-encoded, since it comes from URIs.
func appendString[S ~string | ~[]byte](dst []byte, s S) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20 || c > 0x7e:
			dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

const upperHex = "0123456789ABCDEF"

// AppendAge appends the value of Age for a stored answer that is used now
// (RFC 9111 §5.1): whole seconds, at most 2^31.
func AppendAge(dst []byte, t *Times, now int64) []byte {
	return strconv.AppendInt(dst, min(t.Age(now)/second, maxSeconds), 10)
}

// TTL returns the freshness left for Cache-Status, in whole seconds; negative
// for how long the answer is stale.
func (t *Times) TTL(now int64) int64 {
	left := t.Left(now)
	if left < 0 {
		return -((-left + second - 1) / second)
	}
	return left / second
}
