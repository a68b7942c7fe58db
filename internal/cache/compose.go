package cache

import (
	"bytes"

	"fishplate/internal/cache/encode"
	"fishplate/internal/cache/esi"
	"fishplate/internal/cache/partial"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/model"
)

// The parts of the wing that the composer of pages uses.
type (
	// ESIParser reads includes out of a page.
	ESIParser = esi.Parser
	// ESIEvent is what it yields.
	ESIEvent = esi.Event
	// ESIKind says what an event is.
	ESIKind = esi.Kind
	// ESIOptions bound a parser.
	ESIOptions = esi.Options
	// ESIBase is the page to which references are relative.
	ESIBase = esi.Base
	// Coding is a content coding.
	Coding = encode.Coding
	// Codecs makes compressors and decompressors.
	Codecs = encode.Codecs
	// Decoder decompresses.
	Decoder = encode.Reader
	// Encoder compresses.
	Encoder = encode.Writer
)

// The kinds of ESIEvent that a composer tells apart.
const (
	ESIText       = esi.Text
	ESIInclude    = esi.Include
	ESITry        = esi.Try
	ESIAttempt    = esi.Attempt
	ESIAttemptEnd = esi.AttemptEnd
	ESIExcept     = esi.Except
	ESIExceptEnd  = esi.ExceptEnd
	ESITryEnd     = esi.TryEnd
)

// CountInclude counts an include that was put in its place, or not.
func (v *Visit) CountInclude(served bool) {
	cell := metrics.CacheIncludes
	if !served {
		cell++
	}
	v.count(cell, 1)
}

// ResolveESI is esi.Resolve.
func ResolveESI(dst []byte, base *ESIBase, src []byte) (target, host []byte, err error) {
	return esi.Resolve(dst, base, src)
}

// CodingOf is encode.CodingOf.
func CodingOf(h *message.Header) Coding { return encode.CodingOf(h) }

// surrogate tells an origin that we resolve includes (Edge Architecture
// Specification §2.1).
const surrogate = `fishplate="ESI/1.0"`

// Plain is the coding of what is not coded.
const Plain = encode.Identity

// Codecs returns what a composer decodes coded pages with, and codes them for one
// client.
func (v *Visit) Codecs() *Codecs { return v.policy.store.caches.coders.quick }

// ESI returns the policy's esi block, nil when pages pass as they are.
func (v *Visit) ESI() *model.CacheESI {
	if v.policy == nil {
		return nil
	}
	return v.policy.Model.ESI
}

// offerESI tells the origin that we resolve includes. A part of a page cannot be
// composed, so that none is asked for.
func (v *Visit) offerESI() {
	if v.ESI() != nil {
		v.req.Set("Surrogate-Capability", surrogate)
		partial.Strip(&v.req.Header, partial.IfRange|partial.RangeField)
	}
}

// Compose decides whether the origin's own answer, of which nothing is kept, is
// a page whose includes are to be resolved.
func (v *Visit) Compose(resp *message.Response) { v.composes(resp) }

// composes decides whether the answer is such a page. Its head then loses what is
// true of the page with its includes unresolved only: length, validators, ranges
// and digests. A stored page that is complete and has no tag of ours passes as it
// is, and so does one that forbids to change it (RFC 9110 §7.7).
func (v *Visit) composes(resp *message.Response) bool {
	v.Composed = false
	if v.ESI() == nil || resp.Status != 200 || !isMarkup(&resp.Header) || encode.NoTransformed(&resp.Header) || encode.CodingOf(&resp.Header) == encode.Other ||
		resp.Framing == message.NoBody {
		return false
	}
	if o := v.Object; o != nil && o.Meta().Flags&flagPartial != 0 {
		return false
	}
	if o := v.Object; o != nil && o.Complete() && encode.CodingOf(&resp.Header) == encode.Identity && !v.hasTags() {
		return false
	}
	v.Composed = true
	h := &resp.Header
	for _, id := range [...]message.Name{message.ContentLength, message.ETag, message.LastModified} {
		h.RemoveID(id)
	}
	for _, name := range [...]string{"Accept-Ranges", "Content-Range", "Content-MD5", "Digest", "Content-Digest", "Repr-Digest", "Surrogate-Control"} {
		h.Remove(name)
	}
	return true
}

// CodePage makes the head of a composed page that of what the client is sent of
// it, and returns the coding: the page is coded on the way, as nothing of it is
// kept.
func (v *Visit) CodePage(resp *message.Response) Coding {
	p := v.policy.encode
	if p == nil || p.Judge(resp, -1) != encode.Worth {
		return Plain
	}
	accept := encode.ParseAccept(&v.req.Header)
	coding, _ := accept.Choose(p.Codings)
	v.value = encode.Describe(resp, coding, -1, false, v.value)
	return coding
}

// isMarkup reports whether an answer is of a type that may hold ESI tags: text
// of any kind, and XML.
func isMarkup(h *message.Header) bool {
	value, ok := h.GetID(message.ContentType)
	if !ok {
		return false
	}
	value, _, _ = bytes.Cut(value, []byte(";"))
	value = bytes.TrimRight(value, " \t")
	if len(value) > 5 && message.EqualFold(value[:5], []byte("text/")) {
		return true
	}
	return message.EqualFold(string(value), "application/xml") || len(value) > 4 && message.EqualFold(string(value[len(value)-4:]), "+xml")
}

// Marks on an object: what a look through its body for ESI has found.
const (
	markTags uint16 = 1 << iota
	markNoTags
)

// hasTags reports whether there are openings of ESI in a complete object. It is
// looked through once: hits, HEAD and 304 among them, must not pay for its size.
func (v *Visit) hasTags() bool {
	o := v.Object
	if m := o.Marks(); m&(markTags|markNoTags) != 0 {
		return m&markTags != 0
	}
	found := findTags(o)
	if found {
		o.Mark(markTags)
	} else {
		o.Mark(markNoTags)
	}
	return found
}

func findTags(o *Object) bool {
	var finder esi.Finder
	for at := int64(0); ; {
		piece := o.Segment(at)
		if len(piece) == 0 {
			return false
		}
		if finder.Find(piece) {
			return true
		}
		at += int64(len(piece))
	}
}
