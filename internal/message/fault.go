package message

import (
	"fmt"
	"time"
)

// Side says whose doing a fault is.
type Side uint8

// The four sides.
const (
	SideClient Side = iota
	SideOrigin
	SideGuest
	SideSelf
)

var sides = [...]string{"client", "origin", "guest", "self"}

// String returns the word used in logs and counters.
func (s Side) String() string { return sides[s] }

// Fault is the one error type of the data path: made where it happens, turned
// into a status once, in the step reply, and logged in the step record.
type Fault struct {
	Side   Side
	Step   string // "read", "route", … the word of the step table
	Status int    // what the client is told; 0 = nothing can be told
	Cause  string // a short constant word, counted by name: "bad-content-length"
	Retry  bool   // another server may be tried
	Err    error
	// RetryAfter, when positive, is when the client may come again: it becomes
	// the Retry-After field of a 429 or 503.
	RetryAfter time.Duration
}

// Error implements error.
func (f *Fault) Error() string {
	if f.Err == nil {
		return fmt.Sprintf("%s %s: %s", f.Side, f.Step, f.Cause)
	}
	return fmt.Sprintf("%s %s: %s: %v", f.Side, f.Step, f.Cause, f.Err)
}

// Unwrap returns the underlying error.
func (f *Fault) Unwrap() error { return f.Err }
