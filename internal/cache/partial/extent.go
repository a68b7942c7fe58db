package partial

import "fishplate/internal/message"

// Extent is one run of bytes of a representation, with what tells whether
// another run belongs to the same one.
type Extent struct {
	Range
	Total        int64  // of the whole representation, -1 while unknown
	ETag         []byte // field values; nil when there is none
	LastModified []byte
	Date         int64 // of the answer, ns since the epoch; 0 unknown
}

// Complete reports whether the run is the whole representation.
func (e *Extent) Complete() bool { return e.First == 0 && e.Last == e.Total-1 }

// Has reports whether the run holds all of r.
func (e *Extent) Has(r Range) bool { return e.First <= r.First && r.Last <= e.Last }

// SameStrong reports whether both runs are of one representation for certain:
// they share a strong validator and do not contradict each other (RFC 9110
// §15.3.7.3, RFC 9111 §3.4).
func SameStrong(a, b *Extent) bool {
	if a.Total >= 0 && b.Total >= 0 && a.Total != b.Total {
		return false
	}
	if a.ETag != nil || b.ETag != nil {
		return SameTag(a.ETag, b.ETag, Strong)
	}
	at, ok := parseDate(a.LastModified, a.Date)
	if !ok || string(a.LastModified) != string(b.LastModified) {
		return false
	}
	return a.Date/second > at && b.Date/second > at
}

// Trouble is what is wrong with a 206 that an origin sent.
type Trouble uint8

// The troubles. Multipart answers are right, but are not stored.
const (
	Fine           Trouble = iota
	NotAsked               // no range was asked for
	NoContentRange         // no field, or more than one
	BadContentRange
	OtherLength  // the body is not as long as Content-Range says
	OtherRange   // not the bytes that were asked for
	SeveralParts // multipart/byteranges
)

var troubles = [...]string{"fine", "range-not-asked", "no-content-range", "bad-content-range", "range-length", "other-range", "multipart"}

// String returns the word used in logs and counters.
func (t Trouble) String() string { return troubles[t] }

// Judge206 reads a 206 answer to a request for the range asked (nil: for none),
// whose Last may lie behind the end; it arrived at now, in ns since the epoch.
// Only a Fine answer may be stored or sent to whoever asked for other bytes; e is
// then its extent.
func Judge206(resp *message.Response, asked *Range, now int64, e *Extent) Trouble {
	*e = Extent{Range: Range{-1, -1}, Total: -1}
	if asked == nil {
		return NotAsked
	}
	if kind, ok := resp.GetID(message.ContentType); ok && isByteranges(kind) {
		return SeveralParts
	}
	value, ok := only(&resp.Header, contentRangeName)
	if !ok {
		return NoContentRange
	}
	c, ok := ParseContentRange(value)
	if !ok || c.First < 0 {
		return BadContentRange
	}
	*e = Extent{Range: Range{c.First, c.Last}, Total: c.Total}
	e.ETag, _ = resp.GetID(message.ETag)
	e.LastModified, _ = resp.GetID(message.LastModified)
	if date, ok := resp.GetID(message.Date); ok {
		if at, ok := parseDate(date, now); ok {
			e.Date = at * second
		}
	}
	switch {
	case resp.Framing == message.Length && resp.Length != e.Len():
		return OtherLength
	case e.First != asked.First || e.Last > asked.Last,
		e.Last < asked.Last && (e.Total < 0 || e.Last != e.Total-1):
		return OtherRange
	}
	return Fine
}

// isByteranges reports whether a media type is multipart/byteranges.
func isByteranges(v []byte) bool {
	const kind = "multipart/byteranges"
	return len(v) >= len(kind) && message.EqualFold(v[:len(kind)], kind) &&
		(len(v) == len(kind) || v[len(kind)] == ';' || isSpace(v[len(kind)]))
}

// Join says how two runs go together.
type Join uint8

// The joins.
const (
	Apart  Join = iota // they neither touch nor overlap, or may be of different representations
	Inside             // the old run holds the new one
	After              // the new run goes on where the old one ends
	Before             // the new run ends where the old one begins, or within it
	Around             // the new run holds the old one
)

// Combine says how add joins what is kept. For After, skip bytes of add are in
// old already; for Before, add's bytes from skip on are. For the others skip is
// 0. Validators are compared first: without a shared strong one runs stay apart.
func Combine(old, add *Extent) (how Join, skip int64) {
	switch {
	case !SameStrong(old, add):
		return Apart, 0
	case old.Has(add.Range):
		return Inside, 0
	case add.Has(old.Range):
		return Around, 0
	case old.First <= add.First && add.First <= old.Last+1:
		return After, old.Last + 1 - add.First
	case add.First <= old.First && old.First <= add.Last+1:
		return Before, old.First - add.First
	}
	return Apart, 0
}
