package rules

// Forward is the reason of a forwarding in Cache-Status (RFC 9211 §2.2).
type Forward uint8

// The reasons.
const (
	NotForwarded Forward = iota
	ForwardBypass
	ForwardMethod
	ForwardURIMiss
	ForwardVaryMiss
	ForwardMiss
	ForwardRequest
	ForwardStale
	ForwardPartial
)

// Status is one member of Cache-Status (RFC 9211 §2).
type Status struct {
	Cache     string  // its name
	Forward   Forward // NotForwarded: a hit
	FwdStatus int     // status of the origin's answer; 0 = not said
	TTL       int64   // seconds of freshness left, may be negative
	HasTTL    bool
	Stored    bool
	Collapsed bool
	Key       []byte // nil = not said
	Detail    string // "" = not said
}

// AppendStatus appends the member to dst.
func AppendStatus(dst []byte, s *Status) []byte { return dst }

// AppendAge appends the value of Age for a stored answer that is used now
// (RFC 9111 §5.1): whole seconds.
func AppendAge(dst []byte, t *Times, now int64) []byte { return dst }
