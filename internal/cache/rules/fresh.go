package rules

import (
	"time"

	"fishplate/internal/message"
)

// heuristicCap bounds a guessed freshness, however old the answer's content is.
const heuristicCap = 24 * time.Hour

// reckoning is an answer whose freshness is being computed.
type reckoning struct {
	p        *Policy
	h        *message.Header
	status   int
	c        *control
	sent     time.Time
	received time.Time
	v        *Verdict
}

// age computes the answer's age at reception (RFC 9111 §4.2.3): the greater of
// what its Date says and what its Age field says, to which the time that the
// exchange took is added.
func (r *reckoning) age() {
	s := &r.v.Sums
	s.Date = r.received.Unix()
	if value, ok := r.h.GetID(message.Date); ok {
		s.Date, ok = ParseDate(value, r.received)
		if !ok {
			r.v.Flags |= NoDate
			s.Date = r.received.Unix()
		} else {
			// In whole seconds, as Date has no others.
			s.Apparent = bounded(time.Unix(r.received.Unix(), 0).Sub(time.Unix(s.Date, 0)))
		}
	} else {
		r.v.Flags |= NoDate
	}
	s.AgeValue = ageField(r.h)
	s.Delay = bounded(r.received.Sub(r.sent))
	apparent := s.Apparent
	if apparent <= r.p.Skew {
		apparent = 0 // the clocks differ; no time has passed
	}
	r.v.Age = max(apparent, bounded(s.AgeValue+s.Delay))
}

// bounded keeps a duration between nothing and the greatest number of seconds,
// so that no sum of four of them overflows.
func bounded(d time.Duration) time.Duration {
	return min(max(d, 0), maxSeconds*time.Second)
}

// ageField reads Age (RFC 9111 §5.1): the first member of the first field; what
// is no number of seconds does not count.
func ageField(h *message.Header) time.Duration {
	value, _ := h.GetID(message.Age)
	for i, c := range value {
		if c == ',' {
			value = trimSpace(value[:i])
			break
		}
	}
	n, _ := parseSeconds(value)
	return time.Duration(n) * time.Second
}

// lifetime computes the freshness lifetime (RFC 9111 §4.2.1). The operator's
// durations begin when the answer arrives, those of the protocol at age zero.
func (r *reckoning) lifetime() {
	v := r.v
	v.Fresh, v.Source = r.source()
	v.Sums.Lifetime = v.Fresh
	switch v.Source {
	case SourceTTL, SourceNegativeTTL, SourceDefaultTTL:
		v.Flags |= Operator
		v.Fresh += v.Age
	case SourceHeuristic:
		v.Flags |= Heuristic
	}
	left := v.Fresh - v.Age
	// "max-age=0, must-revalidate" says no-cache in other words: not raised.
	if r.p.MinTTL > 0 && (v.Fresh > 0 || v.Flags&MustRevalidate == 0) {
		left = max(left, bounded(r.p.MinTTL))
	}
	if r.p.MaxTTL > 0 {
		left = min(left, bounded(r.p.MaxTTL))
	}
	if left != v.Fresh-v.Age {
		v.Flags |= Operator
		v.Fresh = max(v.Age+left, 0)
	}
}

// source finds who says how long the answer is fresh, in order of precedence.
// Explicit freshness that cannot be read, or that is said twice and differently,
// means none is left.
func (r *reckoning) source() (time.Duration, Source) {
	negative := r.status >= 400
	switch p := r.p; {
	case p.has(HasTTL) && !negative:
		return bounded(p.TTL), SourceTTL
	case r.c.sMaxAge.set:
		return r.c.sMaxAge.duration(), SourceSMaxAge
	case r.c.maxAge.set:
		return r.c.maxAge.duration(), SourceMaxAge
	case r.expires():
		return max(time.Duration(r.v.Sums.Expires-r.v.Sums.Date)*time.Second, 0), SourceExpires
	case p.has(HasNegativeTTL) && negative:
		return bounded(p.NegativeTTL), SourceNegativeTTL
	case p.has(HasDefaultTTL):
		return bounded(p.DefaultTTL), SourceDefaultTTL
	}
	return r.heuristic()
}

// duration returns the amount, and none when it is bad.
func (a *amount) duration() time.Duration {
	if a.bad {
		return 0
	}
	return time.Duration(a.n) * time.Second
}

// expires reads Expires into the sums; true when the field is there. A date that
// cannot be read, "0" above all, lies in the past (RFC 9111 §5.3), as do two
// that differ. A targeted field takes its place altogether (RFC 9213 §2.2).
func (r *reckoning) expires() bool {
	at := r.h.Index(message.Expires, 0)
	if at < 0 || r.v.Sums.Targeted != 0 {
		return false
	}
	s := &r.v.Sums
	value := r.h.Value(at)
	date, ok := ParseDate(value, r.received)
	for i := r.h.Index(message.Expires, at+1); i >= 0; i = r.h.Index(message.Expires, i+1) {
		ok = ok && string(r.h.Value(i)) == string(value)
	}
	if s.Expires = min(date, s.Date+maxSeconds); !ok {
		s.Expires = s.Date
	}
	return true
}

// heuristic is a tenth of the time for which the content had not changed when it
// was sent (RFC 9111 §4.2.2).
func (r *reckoning) heuristic() (time.Duration, Source) {
	value, ok := r.h.GetID(message.LastModified)
	if !ok {
		return 0, SourceNone
	}
	s := &r.v.Sums
	if s.LastModified, ok = ParseDate(value, r.received); !ok || s.LastModified > s.Date {
		return 0, SourceNone
	}
	tenth := time.Duration(min(s.Date-s.LastModified, maxSeconds)) * time.Second / 10
	return min(tenth, heuristicCap), SourceHeuristic
}

// ByDefault reports whether answers of that status may be stored although they
// say nothing of freshness (RFC 9110 §15.1).
func ByDefault(status int) bool {
	switch status {
	case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501:
		return true
	}
	return false
}

// OfOneRequest reports whether an answer of that status speaks of a field of its
// request, so that it is no answer to another: 412, 416, 417; those of RFC 6585,
// which forbids to store them; and what is beyond all classes, which RFC 9110 §15
// has treated as a server error.
func OfOneRequest(status int) bool {
	switch status {
	case 412, 416, 417, 428, 429, 431, 511:
		return true
	}
	return status > 599
}

// understands reports whether what RFC 9110 §15 says of caching a final status
// is done here, for must-understand.
func understands(status int) bool {
	switch {
	case 200 <= status && status <= 206, 300 <= status && status <= 305, status == 307, status == 308,
		400 <= status && status <= 415, status == 421, status == 422, status == 426, 500 <= status && status <= 505:
		return true
	}
	return false
}
