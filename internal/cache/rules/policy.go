package rules

import "time"

// Has says which durations of a Policy the operator has written: for these, zero
// means zero.
type Has uint8

// The bits of Has.
const (
	HasTTL Has = 1 << iota
	HasDefaultTTL
	HasNegativeTTL
	HasGrace
	HasStaleIfError
)

// SetCookiePolicy is what becomes of an answer with Set-Cookie.
type SetCookiePolicy uint8

// The policies.
const (
	RefuseSetCookie SetCookiePolicy = iota // it is not stored
	StripSetCookie                         // it is stored without the field
	KeepSetCookie                          // it is stored as it came
)

// Policy is what an operator says about caching, compiled. The zero value is the
// protocol's own law for GET and HEAD, with no grace of ours. A Policy is not
// changed once it is in use.
type Policy struct {
	Has         Has           // which of the next five count
	TTL         time.Duration // freshness, whatever the answer says; for statuses below 400
	DefaultTTL  time.Duration // freshness of an answer that says nothing, in place of the heuristic
	NegativeTTL time.Duration // freshness of a 4xx or 5xx that may be stored and says nothing
	Grace       time.Duration // in place of stale-while-revalidate
	StaleIfErr  time.Duration // in place of stale-if-error

	MinTTL     time.Duration // freshness that is left is raised to it; 0 = no
	MaxTTL     time.Duration // … and lowered to it; 0 = no
	Keep       time.Duration // kept for revalidation after freshness and grace
	HitForMiss time.Duration // how long an uncacheable key is fetched without waiting
	Skew       time.Duration // a Date so far behind our clock counts as now

	Methods         []string // that are looked up and stored; nil = GET and HEAD
	Targeted        []string // fields in place of Cache-Control, the first usable one counts (RFC 9213)
	VaryIgnore      []string // fields that do not tell variants apart
	NormaliseCoding bool     // Accept-Encoding counts as the set of codings that it accepts
	IgnoreClient    bool     // Cache-Control and Pragma of requests count for nothing
	Partial         bool     // 206 answers may be stored
	HeadFetches     bool     // a HEAD is fetched as a GET, so its answer has a body
	// SharedStale lets an answer with both s-maxage and stale-while-revalidate or
	// stale-if-error be served stale, as its author means it. RFC 9111 §5.2.2.10
	// forbids that, so it is off unless asked for.
	SharedStale bool
	SetCookie   SetCookiePolicy
	MaxObject   int64 // bytes; 0 = no bound
}

// has reports whether the operator wrote that duration.
func (p *Policy) has(bit Has) bool { return p.Has&bit != 0 }

// Allows reports whether requests of that method may be looked up and stored.
// Methods are case-sensitive.
func (p *Policy) Allows(method []byte) bool {
	if p.Methods == nil {
		return string(method) == "GET" || string(method) == "HEAD"
	}
	for _, m := range p.Methods {
		if string(method) == m {
			return true
		}
	}
	return false
}

// Flags are facts of a stored object. Bits 0 to 15 are this package's, the
// others the wing's.
type Flags uint32

// The flags.
const (
	MustRevalidate Flags = 1 << iota // never served stale (must-revalidate, proxy-revalidate, s-maxage)
	NoCache                          // never served without revalidation
	Immutable                        // not revalidated while fresh, whatever age the client asks for (RFC 8246)
	Heuristic                        // its freshness is a guess
	Operator                         // its freshness is the operator's word
	Validator                        // it has an ETag or Last-Modified, so that a 304 can refresh it
	NoDate                           // it came without a usable Date: the one who stores it writes the time of arrival
	Stripped                         // fields were left out (Verdict.Omit)
	Authorized                       // the request had Authorization, and the answer allows sharing
	Negative                         // status 400 and above
	NoTransform                      // its content is not changed on the way (RFC 9111 §5.2.2.6)

	OwnFlags Flags = 1<<16 - 1 // the bits that belong to this package
)
