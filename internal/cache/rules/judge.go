package rules

import (
	"time"

	"fishplate/internal/message"
)

// Verdict is Judge's word on one answer.
type Verdict struct {
	Store  bool
	Reason Reason // why not; Storable when it is
	Source Source // of Fresh
	Flags  Flags

	Age          time.Duration // at reception (RFC 9111 §4.2.3)
	Fresh        time.Duration // freshness lifetime, counted from age zero
	Grace        time.Duration // see Times
	Keep         time.Duration
	StaleIfError time.Duration
	// HitForMiss is how long the key is to be marked when the answer is not
	// stored for what it is; 0 when only this request was the cause.
	HitForMiss time.Duration
	// Omit are fields that are not stored beyond those that no cache stores:
	// named by a qualified no-cache or private, or by Connection, or stripped.
	Omit []string
	Sums Sums // how it was reckoned, for Explain
}

// Sums are the terms of the reckoning, for Explain. Times are Unix seconds,
// where 0 is absent, durations are as computed.
type Sums struct {
	Date, Expires, LastModified int64
	AgeValue                    time.Duration // the Age field
	Apparent                    time.Duration // reception less Date
	Delay                       time.Duration // reception less sending
	Lifetime                    time.Duration // before min_ttl and max_ttl
	Targeted                    int           // 1 + index in Policy.Targeted of the field that counted; 0 = Cache-Control
}

// Times returns what is stored with an object that arrived then.
func (v *Verdict) Times(received time.Time) Times {
	return Times{
		Born: received.UnixNano() - int64(v.Age), Fresh: int64(v.Fresh), Grace: int64(v.Grace),
		Keep: int64(v.Keep), StaleIfError: int64(v.StaleIfError), Flags: v.Flags,
	}
}

// Judge decides whether the answer resp to req may be stored and how long it is
// fresh. sent and received are when the request went out and when the answer's
// head arrived. v is overwritten; the capacity of v.Omit is kept.
func Judge(p *Policy, req *message.Request, resp *message.Response, sent, received time.Time, v *Verdict) {
	*v = Verdict{Omit: v.Omit[:0], Reason: ReasonStatus}
}

// Stores reports whether field i of h belongs into the store (RFC 9111 §3.1).
func (v *Verdict) Stores(h *message.Header, i int) bool {
	return true
}
