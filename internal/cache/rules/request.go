package rules

import "fishplate/internal/message"

// RequestFlags say what a request's Cache-Control holds.
type RequestFlags uint16

// The flags.
const (
	ClientNoCache      RequestFlags = 1 << iota // no-cache, or Pragma: no-cache without Cache-Control
	ClientNoStore                               // the answer is not stored
	ClientNoTransform                           // the answer's content is not changed
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
// that contradict each other the strictest counts. A max-age that cannot be read
// counts as 0; what would relax something and cannot be read does not count.
func ParseRequest(h *message.Header, d *RequestDirectives) {
	*d = RequestDirectives{}
	control, pragma := false, -1
	for i, n := 0, h.Len(); i < n; i++ {
		switch h.ID(i) {
		case message.CacheControl:
			control = true
			d.parse(h.Value(i))
		case message.Other:
			if pragma < 0 && message.EqualFold(h.Name(i), "pragma") {
				pragma = i
			}
		}
	}
	if pragma >= 0 && !control {
		d.pragma(h, pragma)
	}
}

// pragma heeds Pragma: no-cache where there is no Cache-Control (RFC 9111 §5.4).
func (d *RequestDirectives) pragma(h *message.Header, first int) {
	for i := first; i >= 0; i = h.FindFrom("pragma", i+1) {
		list := directives{rest: h.Value(i)}
		for e := (directive{}); list.next(&e); {
			if e.is("no-cache") {
				d.Flags |= ClientNoCache
			}
		}
	}
}

func (d *RequestDirectives) parse(value []byte) {
	list := directives{rest: value}
	for e := (directive{}); list.next(&e); {
		d.heed(&e)
	}
}

// heed takes one directive into account. Lengths come first, since most names
// are told apart by them.
func (d *RequestDirectives) heed(e *directive) {
	switch len(e.name) {
	case len("max-age"):
		if e.is("max-age") {
			n, _ := e.seconds()
			d.least(HasMaxAge, &d.MaxAge, n*second)
		}
	case len("no-cache"): // and no-store
		if e.is("no-cache") {
			d.Flags |= ClientNoCache
		} else if e.is("no-store") {
			d.Flags |= ClientNoStore
		}
	case len("max-stale"): // and min-fresh
		if e.is("max-stale") {
			d.maxStale(e)
		} else if n, ok := e.seconds(); ok && e.is("min-fresh") {
			d.MinFresh = max(d.MinFresh, n*second)
			d.Flags |= HasMinFresh
		}
	case len("no-transform"):
		if e.is("no-transform") {
			d.Flags |= ClientNoTransform
		}
	case len("only-if-cached"): // and stale-if-error
		if e.is("only-if-cached") {
			d.Flags |= OnlyIfCached
		} else if n, ok := e.seconds(); ok && e.is("stale-if-error") {
			d.least(ClientStaleIfError, &d.StaleIfError, n*second)
		}
	}
}

// maxStale heeds max-stale, which without an argument accepts any staleness.
func (d *RequestDirectives) maxStale(e *directive) {
	n, ok := e.seconds()
	if e.form == bare {
		n, ok = maxSeconds, true
	}
	if ok {
		d.least(HasMaxStale, &d.MaxStale, n*second)
	}
}

// least sets a value, or lowers it when it was set before.
func (d *RequestDirectives) least(has RequestFlags, value *int64, n int64) {
	if d.Flags&has == 0 || n < *value {
		*value = n
	}
	d.Flags |= has
}
