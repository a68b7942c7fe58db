package partial

import "fishplate/internal/message"

// Object is what is known of the answer that a request is held against.
type Object struct {
	Status       int
	ETag         []byte // field values; nil when there is none
	LastModified []byte
	// Date is the answer's Date, or when it was received: ns since the epoch,
	// 0 when not known. It stands in for a missing Last-Modified (RFC 9111
	// §4.3.2) and says whether one is strong (RFC 9110 §8.8.2.2).
	Date int64
	// Length is that of the whole representation in bytes, -1 while unknown.
	Length int64
	// Type is the Content-Type, for the heads of parts; nil when there is none.
	Type []byte
	// Origin is set for answers that are made here, as a guest's are: then
	// If-Match and If-Unmodified-Since are ours to judge.
	Origin bool
}

// Condition is the outcome of a request's conditions.
type Condition uint8

// The outcomes.
const (
	Proceed            Condition = iota // as if there were no conditions
	NotModified                         // 304: the client has it
	PreconditionFailed                  // 412
	Forward                             // only the origin can tell
)

var conditions = [...]string{"proceed", "not-modified", "precondition-failed", "forward"}

// String returns the word used in logs.
func (c Condition) String() string { return conditions[c] }

// Evaluate holds the request's conditions against the object in the order of
// RFC 9110 §13.2.2. A cache is not the one to judge If-Match and
// If-Unmodified-Since (RFC 9111 §4.3.2): when they hold for the stored answer
// they change nothing, and else the request is the origin's. If-Range is left
// to RangeApplies.
func Evaluate(req *message.Request, has Fields, o *Object) Condition {
	if has&Conditions == 0 || !conditional(req.Method) || o.Status < 200 || o.Status > 299 {
		return Proceed
	}
	switch {
	case has&IfMatch != 0:
		if !matches(&req.Header, ifMatchName, o.ETag, Strong) {
			return o.refuse()
		}
	case has&IfUnmodifiedSince != 0:
		if since, ok := o.dateField(&req.Header, ifUnmodifiedSinceName); ok && o.changedAfter(since) {
			return o.refuse()
		}
	}
	get := readOnly(req.Method)
	switch {
	case has&IfNoneMatch != 0:
		if matches(&req.Header, "If-None-Match", o.ETag, Weak) {
			if get {
				return NotModified
			}
			return o.refuse()
		}
	case has&IfModifiedSince != 0 && get:
		if since, ok := o.dateField(&req.Header, "If-Modified-Since"); ok && o.unchangedSince(since) {
			return NotModified
		}
	}
	return Proceed
}

func (o *Object) refuse() Condition {
	if o.Origin {
		return PreconditionFailed
	}
	return Forward
}

// changedAfter reports whether the representation is known to be newer than
// that (RFC 9110 §13.1.4). Without a modification date the field is ignored.
func (o *Object) changedAfter(since int64) bool {
	at, ok := parseDate(o.LastModified, o.Date)
	return ok && at > since
}

// unchangedSince is If-Modified-Since's condition turned round (§13.1.3).
func (o *Object) unchangedSince(since int64) bool {
	if o.LastModified == nil && !o.Origin && o.Date > 0 {
		return o.Date/second <= since
	}
	at, ok := parseDate(o.LastModified, o.Date)
	return ok && at <= since
}

// conditional reports whether the method selects a representation, so that
// conditions mean something (§13.2.1).
func conditional(method []byte) bool {
	switch string(method) {
	case "CONNECT", "OPTIONS", "TRACE":
		return false
	}
	return true
}

func readOnly(method []byte) bool { return string(method) == "GET" || string(method) == "HEAD" }

// RangeApplies evaluates If-Range (§13.1.5): whether the Range field of the
// request is to be heeded. Without If-Range it is.
func RangeApplies(req *message.Request, has Fields, o *Object) bool {
	if has&IfRange == 0 {
		return true
	}
	v, ok := only(&req.Header, ifRangeName)
	if !ok {
		return false
	}
	if tag, rest, ok := cutTag(v); ok && len(rest) == 0 {
		return SameTag(tag, o.ETag, Strong)
	}
	asked, ok := parseDate(v, o.Date)
	if !ok {
		return false
	}
	at, ok := parseDate(o.LastModified, o.Date)
	return ok && at == asked && (o.Origin || o.strongDate(at))
}

// strongDate reports whether a Last-Modified of that time may stand for equal
// bytes: the answer was made at least a second later (§8.8.2.2).
func (o *Object) strongDate(at int64) bool { return o.Date/second > at }

const second = int64(1e9)

func (o *Object) dateField(h *message.Header, name string) (int64, bool) {
	v, ok := only(h, name)
	if !ok {
		return 0, false
	}
	return parseDate(v, o.Date)
}
