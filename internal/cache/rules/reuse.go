package rules

import "math"

// Times are the facts of a stored object that decide about its use. Durations
// are in nanoseconds and follow one another: fresh, then grace, then keep.
type Times struct {
	Born         int64 // Unix time at which its age was zero
	Fresh        int64 // freshness lifetime, from Born
	Grace        int64 // after that: served while a new one is fetched
	Keep         int64 // after both: of use for revalidation only
	StaleIfError int64 // after freshness: served when the servers fail
	Flags        Flags
}

// Age returns the object's current age (RFC 9111 §4.2.3); never negative.
func (t *Times) Age(now int64) int64 { return max(sat(now, -t.Born), 0) }

// Left returns the freshness that is left; negative is how long it is stale.
func (t *Times) Left(now int64) int64 { return t.Fresh - t.Age(now) }

// Ends returns the Unix time after which the object is of no use, or the
// greatest integer.
func (t *Times) Ends() int64 {
	return sat(t.Born, sat(t.Fresh, max(sat(t.Grace, t.Keep), t.StaleIfError)))
}

// sat adds without overflow.
func sat(a, b int64) int64 {
	switch sum := a + b; {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	default:
		return sum
	}
}

// Outcome is the answer to whether a stored object may be used, and why. Age and
// Left are in nanoseconds; they mean nothing when there was no object.
type Outcome struct {
	Kind Kind
	Why  Why
	Age  int64
	Left int64 // freshness left; negative when stale
}

// Reuse decides whether the object with those times may answer a request with
// those directives (RFC 9111 §4). t is nil when no object was found. The variant
// has been matched before. Everything about the outcome gets worse with time:
// a Hit becomes HitStale, then Revalidate, then Miss.
//
// HitStale for WhyGrace asks the caller to fetch a new one in the background.
// Revalidate asks it to fetch with the object at hand: conditions are possible
// when it has the flag Validator, and ReuseOnError may fall back on it.
func Reuse(p *Policy, d *RequestDirectives, t *Times, now int64) Outcome {
	o := choose(p, d, t, now)
	if o.Kind > HitStale && d.Flags&OnlyIfCached != 0 && !p.IgnoreClient {
		o.Kind = GatewayTimeout
	}
	return o
}

func choose(p *Policy, d *RequestDirectives, t *Times, now int64) Outcome {
	if t == nil {
		return Outcome{Kind: Miss, Why: WhyAbsent}
	}
	age := t.Age(now)
	left := t.Fresh - age
	o := Outcome{Age: age, Left: left}
	asks := d.Flags&anyLimit != 0 && !p.IgnoreClient
	switch {
	case t.Flags&NoCache != 0:
		o.Kind, o.Why = Revalidate, WhyNoCache
	case left > 0 && !asks:
		o.Why = WhyFresh
		return o
	case asks:
		o.Kind, o.Why = client(d, t, age, left)
	default:
		o.Kind, o.Why = stale(t, left)
	}
	if o.Kind == Revalidate && !t.useful(left) {
		o.Kind = Miss
	}
	return o
}

// useful reports whether an object that may not answer by itself is worth
// keeping hold of: there is something to ask its server with, or it may stand in
// when the servers fail.
func (t *Times) useful(left int64) bool {
	return left > 0 || -left < t.StaleIfError || t.Flags&Validator != 0 && -left < sat(t.Grace, t.Keep)
}

// client decides when the request sets limits (RFC 9111 §5.2.1).
func client(d *RequestDirectives, t *Times, age, left int64) (Kind, Why) {
	fresh := left > 0
	switch {
	case d.Flags&ClientNoCache != 0:
		return Revalidate, WhyClientNoCache
	case fresh && t.Flags&Immutable != 0:
		return Hit, WhyImmutable
	case d.Flags&HasMaxAge != 0 && age > d.MaxAge:
		return Revalidate, WhyClientMaxAge
	case d.Flags&HasMinFresh != 0 && left < d.MinFresh:
		return Revalidate, WhyClientMinFresh
	case fresh:
		return Hit, WhyFresh
	case t.Flags&MustRevalidate != 0:
		return Revalidate, WhyMustRevalidate
	case d.Flags&HasMaxStale != 0 && -left <= d.MaxStale:
		return HitStale, WhyMaxStale
	case d.Flags&HasMaxAge != 0:
		// Such a client does not want a stale answer unless it says so.
		return Revalidate, WhyClientMaxAge
	}
	return stale(t, left)
}

// stale decides about an object whose freshness is over (RFC 9111 §4.2.4).
func stale(t *Times, left int64) (Kind, Why) {
	switch {
	case t.Flags&MustRevalidate != 0:
		return Revalidate, WhyMustRevalidate
	case -left < t.Grace:
		return HitStale, WhyGrace
	}
	return Revalidate, WhyStale
}

// ReuseOnError decides whether the object may answer although the servers
// failed, or answered 500, 502, 503 or 504 (RFC 5861 §4, RFC 9111 §4.3.3). The
// outcome is Hit, HitStale, or Miss when it may not.
func ReuseOnError(p *Policy, d *RequestDirectives, t *Times, now int64) Outcome {
	if t == nil {
		return Outcome{Kind: Miss, Why: WhyAbsent}
	}
	age := t.Age(now)
	o := Outcome{Kind: Miss, Age: age, Left: t.Fresh - age}
	allowed := max(t.StaleIfError, t.Grace)
	if d.Flags&ClientStaleIfError != 0 && !p.IgnoreClient {
		allowed = max(allowed, d.StaleIfError)
	}
	switch {
	case t.Flags&NoCache != 0:
		o.Why = WhyNoCache
	case o.Left > 0:
		o.Kind, o.Why = Hit, WhyFresh
	case t.Flags&MustRevalidate != 0:
		o.Why = WhyMustRevalidate
	case -o.Left < allowed:
		o.Kind, o.Why = HitStale, WhyStaleIfError
	default:
		o.Why = WhyStale
	}
	return o
}

// IsError reports whether a status is what stale-if-error speaks of (RFC 5861 §4).
func IsError(status int) bool {
	return status == 500 || status == 502 || status == 503 || status == 504
}
