package rules

import (
	"strconv"
	"time"
)

// AppendText appends the verdict and how it was reckoned, in lines that a person
// can check: what explain prints. p is the policy that Judge was given.
func (v *Verdict) AppendText(dst []byte, p *Policy) []byte {
	s := &v.Sums
	dst = put(dst, "age ", v.Age, " = max(", s.Apparent, " since Date")
	if s.Apparent > 0 && s.Apparent <= p.Skew {
		dst = put(dst, " (below the skew of ", p.Skew, ": 0s)")
	}
	dst = put(dst, ", Age ", s.AgeValue, " + delay ", s.Delay, ")")
	if v.Flags&NoDate != 0 {
		dst = put(dst, "; no usable Date, so the time of arrival counts")
	}
	dst = append(dst, '\n')
	if v.Store || v.Reason == ReasonNotReusable {
		dst = v.freshness(dst, p)
	}
	if !v.Store {
		dst = put(dst, "not stored: ", v.Reason.String(), ": ", v.Reason.Doc())
		if v.HitForMiss > 0 {
			dst = put(dst, "; marked hit-for-miss for ", v.HitForMiss)
		}
		return append(dst, '\n')
	}
	dst = put(dst, "stored: grace ", v.Grace, ", stale-if-error ", v.StaleIfError, ", keep ", v.Keep)
	for _, word := range v.Flags.Words() {
		dst = put(dst, ", ", word)
	}
	for i, name := range v.Omit {
		if i == 0 {
			dst = put(dst, "; without ")
		} else {
			dst = put(dst, ", ")
		}
		dst = put(dst, name)
	}
	return append(dst, '\n')
}

func (v *Verdict) freshness(dst []byte, p *Policy) []byte {
	s := &v.Sums
	dst = put(dst, "fresh for ", v.Fresh, " by ", v.Source.String())
	if s.Targeted > 0 && s.Targeted <= len(p.Targeted) && (v.Source == SourceMaxAge || v.Source == SourceSMaxAge) {
		dst = put(dst, " of ", p.Targeted[s.Targeted-1])
	}
	switch v.Source {
	case SourceExpires:
		dst = put(dst, " = Expires ", unix(s.Expires), " - Date ", unix(s.Date))
	case SourceHeuristic:
		dst = put(dst, " = (Date ", unix(s.Date), " - Last-Modified ", unix(s.LastModified), ") / 10, at most ", heuristicCap)
	case SourceTTL, SourceNegativeTTL, SourceDefaultTTL:
		dst = put(dst, " = ", s.Lifetime, " from arrival at age ", v.Age)
	}
	said := s.Lifetime
	if v.Source == SourceTTL || v.Source == SourceNegativeTTL || v.Source == SourceDefaultTTL {
		said += v.Age
	}
	switch {
	case v.Fresh > said:
		dst = put(dst, ", raised by min_ttl ", p.MinTTL)
	case v.Fresh < said:
		dst = put(dst, ", lowered by max_ttl ", p.MaxTTL)
	}
	return put(dst, "; ", v.Fresh-v.Age, " left at arrival\n")
}

// AppendText appends the outcome and how it came about, for the object with
// those times; t is nil when there was none.
func (o *Outcome) AppendText(dst []byte, t *Times) []byte {
	if t != nil {
		dst = put(dst, "age ", time.Duration(o.Age), " of ", time.Duration(t.Fresh), " fresh")
		if o.Left > 0 {
			dst = put(dst, ": ", time.Duration(o.Left), " left\n")
		} else {
			dst = put(dst, ": stale for ", time.Duration(-o.Left), ", with grace ", time.Duration(t.Grace),
				", stale-if-error ", time.Duration(t.StaleIfError), ", keep ", time.Duration(t.Keep), "\n")
		}
	}
	return put(dst, o.Kind.String(), ": ", o.Why.String(), ": ", o.Why.Doc(), "\n")
}

// unix is a time in seconds; 0 and what is beyond dates are written as such.
type unix int64

// put appends texts, durations and times. Whole seconds are written as seconds,
// so that they can be compared with the fields.
func put(dst []byte, parts ...any) []byte {
	for _, part := range parts {
		switch x := part.(type) {
		case string:
			dst = append(dst, x...)
		case time.Duration:
			dst = strconv.AppendFloat(dst, x.Round(time.Millisecond).Seconds(), 'f', -1, 64)
			dst = append(dst, 's')
		case unix:
			dst = time.Unix(int64(x), 0).UTC().AppendFormat(dst, "2006-01-02T15:04:05Z")
		}
	}
	return dst
}

// flagNames are the words of this package's flags, by bit.
var flagNames = [...]string{
	"must-revalidate", "no-cache", "immutable", "heuristic", "operator", "validator",
	"no-date", "stripped", "authorized", "negative", "no-transform",
}

// Words returns the words of the flags that are set, the wing's left out.
func (f Flags) Words() []string {
	var words []string
	for i, name := range flagNames {
		if f>>i&1 != 0 {
			words = append(words, name)
		}
	}
	return words
}
