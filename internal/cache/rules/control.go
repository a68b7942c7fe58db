package rules

import (
	"bytes"

	"fishplate/internal/message"
)

// said are the directives of an answer that are there or not.
type said uint16

const (
	saidNoStore said = 1 << iota
	saidNoCache
	saidPrivate
	saidPublic
	saidMustRevalidate
	saidProxyRevalidate
	saidMustUnderstand
	saidImmutable
	saidNoTransform
)

// amount is a directive with delta-seconds.
type amount struct {
	n        int64 // seconds
	set, bad bool  // bad: cannot be read, or said twice with different values
}

// add takes one more occurrence into account.
func (a *amount) add(n int64, ok bool) {
	a.bad = a.bad || !ok || a.set && n != a.n
	a.n, a.set = n, true
}

// control is what an answer says of its storing and use: Cache-Control, or the
// targeted field that stands in its place.
type control struct {
	said                   said
	maxAge, sMaxAge        amount
	staleWhile, staleError amount
	omit                   []string // fields of a qualified no-cache or private
}

// parse takes one line of Cache-Control into account.
func (c *control) parse(value []byte) {
	list := directives{rest: value}
	for e := (directive{}); list.next(&e); {
		c.heed(&e)
	}
}

// heed takes one directive into account. What restricts is heard however it is
// written; what permits only when it is written as its definition says.
func (c *control) heed(e *directive) {
	switch {
	case e.is("max-age"):
		c.maxAge.add(e.seconds())
	case e.is("s-maxage"):
		c.sMaxAge.add(e.seconds())
	case e.is("no-store"):
		c.said |= saidNoStore
	case e.is("no-cache"):
		c.qualified(e, saidNoCache)
	case e.is("private"):
		c.qualified(e, saidPrivate)
	case e.is("must-revalidate"):
		c.said |= saidMustRevalidate
	case e.is("proxy-revalidate"):
		c.said |= saidProxyRevalidate
	case e.is("no-transform"):
		c.said |= saidNoTransform
	case e.is("stale-while-revalidate"):
		c.staleWhile.add(e.seconds())
	case e.is("stale-if-error"):
		c.staleError.add(e.seconds())
	case e.form != bare:
	case e.is("public"):
		c.said |= saidPublic
	case e.is("must-understand"):
		c.said |= saidMustUnderstand
	case e.is("immutable"):
		c.said |= saidImmutable
	}
}

// qualified heeds no-cache or private, which with an argument speak only of the
// fields that it lists (RFC 9111 §5.2.2.4, §5.2.2.7). An argument that is no list
// of field names counts as none.
func (c *control) qualified(e *directive, all said) {
	if e.form != token && e.form != quoted || !c.fields(e.arg) {
		c.said |= all
	}
}

// fields adds the field names of a list; false when it is none.
func (c *control) fields(list []byte) bool {
	any, before := false, len(c.omit)
	for item := range bytes.SplitSeq(list, comma) {
		item = trimSpace(item)
		if len(item) == 0 {
			continue
		}
		if !message.ValidName(item) {
			c.omit = c.omit[:before]
			return false
		}
		any = true
		c.omit = append(c.omit, string(item))
	}
	return any
}

var comma = []byte(",")

// read reads what counts for caching in an answer, and returns 1 + the
// index in Policy.Targeted of the field it was taken from, or 0. no-transform is
// no matter of caching: Cache-Control is always heard about it.
func (c *control) read(p *Policy, h *message.Header) (targeted int) {
	omit := c.omit
	for i := h.Index(message.CacheControl, 0); i >= 0; i = h.Index(message.CacheControl, i+1) {
		c.parse(h.Value(i))
	}
	for i, name := range p.Targeted {
		t := control{omit: omit}
		if t.targeted(h, name) {
			t.said |= c.said & saidNoTransform
			*c = t
			return i + 1
		}
	}
	return 0
}

// hears reports whether the answer says that.
func (c *control) hears(what said) bool { return c.said&what != 0 }
