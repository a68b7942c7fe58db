package cache

import (
	"time"

	"fishplate/internal/cache/encode"
	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
	"fishplate/internal/netio"
)

// Taken is what becomes of an answer of the origin.
type Taken uint8

// What may become of it.
const (
	Streams Taken = iota // it goes to the client as it comes; nothing is kept
	Stored               // it becomes Object, which the caller fills (Filling) and answers from
	Instead              // Object answers: the origin confirmed it, or failed; its answer is read and dropped
	Again                // a 304 that confirms nothing: ask once more without conditions
	Broken               // a 304 that nobody asked for, twice
)

// Take decides what becomes of the answer's head. sent and received are when
// the request went out and when the head came.
func (v *Visit) Take(resp *message.Response, sent, received time.Time) Taken {
	if v.State != Fetch {
		return Streams
	}
	v.now = received.UnixNano()
	v.fwdStatus = resp.Status
	if v.Kind == rules.HitForMiss && (forOne(resp.Status) || v.policy.rewrites() && encode.CodingOf(&resp.Header) != encode.Identity) {
		v.refuse(0)
		return Streams
	}
	if v.portion.kind != entire {
		if t, done := v.takePortion(resp, sent, received); done {
			return t
		}
	}
	if resp.Status == 304 && v.asked {
		return v.renew(resp, sent, received)
	}
	switch {
	case resp.Status == 304 && v.unasked:
		return Broken
	case resp.Status == 304:
		v.unasked = true
		return Again
	case rules.IsError(resp.Status) && v.Rescue():
		return Instead
	}
	v.judge(resp, sent, received)
	if string(v.req.Method) == "HEAD" {
		v.compareHead(resp)
	}
	if !v.verdict.Store {
		if resp.Status >= 500 {
			v.verdict.HitForMiss = 0 // a failure says nothing of the next answer
		}
		v.refuse(v.verdict.HitForMiss)
		return Streams
	}
	v.keepOmitted(&resp.Header)
	size := int64(-1)
	if resp.Framing == message.Length || resp.Framing == message.NoBody {
		size = resp.Length
	}
	o, ok := v.begin(&resp.Header, resp.Status, received, size)
	if !ok {
		v.refuse(v.verdict.HitForMiss)
		return Streams
	}
	v.unpin(&v.Stale)
	v.carry(o, announced(resp, size))
	return Stored
}

// announced is the size of the object whose last byte will be the last of the
// answer, 0 when another thing ends that.
func announced(resp *message.Response, size int64) int64 {
	if resp.Framing != message.Length {
		return 0
	}
	return size
}

// forOne reports whether an answer is about the conditions and ranges of one
// client.
func forOne(status int) bool { return status == 206 || status == 304 || status == 412 || status == 416 }

// Made decides about an answer that a guest made, whose body is complete. True
// means that it is now Object.
func (v *Visit) Made(resp *message.Response, body []byte, now time.Time, terms Terms) bool {
	if v.State != Fetch {
		return false
	}
	v.now, v.terms, v.fwdStatus = now.UnixNano(), terms, 0
	v.judge(resp, now, now)
	if !v.verdict.Store {
		v.refuse(v.verdict.HitForMiss)
		return false
	}
	v.verdict.Flags |= flagGuest
	o, ok := v.begin(&resp.Header, resp.Status, now, int64(len(body)))
	if !ok {
		v.refuse(v.verdict.HitForMiss)
		return false
	}
	v.unpin(&v.Stale)
	v.carry(o, 0)
	f := v.Filling()
	whole := f.AppendNow(body) == len(body) // nobody else makes room by reading on
	f.End(whole)
	if !whole {
		v.Reader.close()
		v.unpin(&v.Object)
	}
	return whole
}

// judge asks the rules about an answer, and then what a guest wants for it.
func (v *Visit) judge(resp *message.Response, sent, received time.Time) {
	d := &v.verdict
	rules.Judge(&v.policy.rules, v.req, resp, sent, received, d)
	t := &v.terms
	switch {
	case t.Uncacheable:
		if d.Store {
			d.Store, d.Reason = false, rules.ReasonNoStore
		}
		d.HitForMiss = max(t.TTL, 0)
	case t.HasTTL:
		if (d.Reason == rules.ReasonStatus || d.Reason == rules.ReasonNotReusable) && !rules.OfOneRequest(resp.Status) {
			d.Store, d.Reason = true, rules.Storable
		}
		d.Fresh = d.Age + t.TTL
	}
	if t.HasGrace {
		d.Grace = t.Grace
	}
	if t.HasKeep {
		d.Keep = t.Keep
	}
	v.reason, v.judged = d.Reason, true
}

var methodGet = []byte("GET")

// keepOmitted keeps the fields that are not stored for the one client that
// fetched them (RFC 9111 §5.2.2.4, §5.2.2.7).
func (v *Visit) keepOmitted(h *message.Header) {
	if v.omits = v.verdict.Flags&rules.Stripped != 0; !v.omits {
		return
	}
	d := v.drafts()
	d.omitted.Reset(nil)
	http1.StripHopByHop(h)
	for i := range h.Len() {
		if id := h.ID(i); id != message.ContentLength && id != message.Age && !v.verdict.Stores(h, i) {
			d.omitted.AddBytes(h.Name(i), h.Value(i))
		}
	}
}

// carry makes a new object the visit's, and shows it to who waits. size is the
// flight's.
func (v *Visit) carry(o *store.Object, size int64) {
	v.Object = o
	v.flight.limit, v.flight.size = v.policy.Model.MaxObject, size
	if v.held {
		o.SetBan(v.hold.Number())
	}
	if v.verdict.Flags&rules.NoCache == 0 {
		v.flight.carry(o)
	} else {
		v.flight.keep(o)
	}
	v.flight.read(&v.Reader, o)
}

// begin makes the object of an answer with that head.
func (v *Visit) begin(h *message.Header, status int, received time.Time, size int64) (*store.Object, bool) {
	p := v.policy
	m, parts, ok := v.describe(h, status, received)
	if !ok {
		return nil, false
	}
	m.Total = size
	promise := size
	if size < 0 {
		promise = promised
	}
	if !p.store.promise(promise) {
		v.reason = rules.ReasonTooLarge
		v.count(metrics.CacheNoRoom, 1)
		return nil, false
	}
	v.promise = promise
	o, err := p.store.memory.Begin(p.part, v.key, m, parts, size)
	if err != nil {
		v.withdraw()
		v.reason = rules.ReasonTooLarge
		v.count(metrics.CacheNoRoom, 1)
		return nil, false
	}
	return o, true
}

// A draft is what making an object takes, kept from one to the next.
type draft struct {
	head    message.Header
	omitted message.Header
	meta    store.Meta
	parts   store.Parts
	filling Filling
}

func (v *Visit) drafts() *draft {
	if v.draft == nil {
		v.draft = new(draft)
	}
	return v.draft
}

var dateName = []byte("Date")

// describe makes the values and texts of an object of the visit's key.
func (v *Visit) describe(h *message.Header, status int, received time.Time) (*store.Meta, *store.Parts, bool) {
	p := v.policy
	blob, reason := rules.AppendVary(v.vary[:0], v.req, h, &p.rules)
	v.vary = blob
	if reason != rules.Storable {
		v.reason = reason
		return nil, nil, false
	}
	t := v.verdict.Times(received)
	d := v.drafts()
	d.meta = store.Meta{
		Status: uint16(status), Flags: uint32(t.Flags), Born: t.Born, Stored: received.UnixNano(), Fresh: t.Fresh,
		Grace: t.Grace, Keep: t.Keep, StaleIfError: t.StaleIfError, Total: -1,
	}
	v.tags = append(v.tags[:0], p.tags...)
	v.tags = rules.AppendTags(v.tags, h, p.Model.TagHeaders)
	v.tags = rules.AppendGroups(v.tags, v.req, h)
	v.tags = append(v.tags, v.terms.Tags...)
	if v.urlLen < len(v.text) {
		tag := urlTag
		if m := string(v.req.Method); m != "GET" && m != "HEAD" {
			tag = postTag
		}
		v.tags = append(v.tags, tag(v.text[:v.urlLen]))
	}
	if mark := trialOf(v.text); mark != nil {
		v.tags = append(v.tags, mark)
	}
	d.head.Reset(nil)
	for i := range h.Len() {
		if v.verdict.Stores(h, i) {
			d.head.AddBytes(h.Name(i), h.Value(i))
		}
	}
	if t.Flags&rules.NoDate != 0 {
		d.head.RemoveID(message.Date)
		d.head.AddBytes(dateName, netio.DateAt(received))
	}
	d.parts = store.Parts{Key: v.text, Vary: v.vary, Head: &d.head, Tags: v.tags}
	return &d.meta, &d.parts, true
}

// refuse settles the flight without an object, and marks the key for a while.
func (v *Visit) refuse(marked time.Duration) {
	if v.leads {
		v.flight.settle(refused)
		v.leads = false
	}
	v.unpin(&v.Stale)
	if string(v.req.Method) != "HEAD" {
		v.markKey(v.key, v.text, v.reason, marked)
	}
}

// renew makes the object that a 304 confirms fresh again.
func (v *Visit) renew(resp *message.Response, sent, received time.Time) Taken {
	var stored, merged message.Header
	v.Stale.Head(&stored)
	if !rules.Confirms(&stored, &resp.Header) {
		v.unpin(&v.Stale)
		v.asked = false
		return Again
	}
	rules.Merge304(&stored, &resp.Header, &merged)
	old := v.Stale.Meta()
	if string(v.req.Method) == "HEAD" {
		asGet := *v.req // a 304 is about the object for GET, whatever asked for it
		asGet.Method = methodGet
		defer func(was *message.Request) { v.req = was }(v.req)
		v.req = &asGet
	}
	again := message.Response{Header: merged, Status: int(old.Status), Framing: message.Length, Length: v.Stale.Available()}
	v.judge(&again, sent, received)
	v.Kind, v.left = rules.Revalidate, int64(v.verdict.Fresh-v.verdict.Age)
	v.count(metrics.CacheNotModified, 1)
	m, parts, ok := v.describe(&again.Header, again.Status, received)
	if !v.verdict.Store || !ok {
		// What it was is what the client gets. It is not kept for others, unless
		// only this request was the cause.
		if v.reason != rules.ReasonClientNoStore && v.reason != rules.ReasonAuthorization {
			v.Stale.Remove()
			v.forgetDisk(v.text)
		}
		v.settleInstead(refused)
		return Instead
	}
	m.Total, m.First, m.Stored = old.Total, old.First, old.Stored // the body is the old one
	m.Flags |= old.Flags & flagPartial
	o, err := v.policy.store.memory.Refresh(v.Stale, m, parts)
	if err != nil {
		v.settleInstead(refused)
		return Instead
	}
	v.publish(o)
	v.unpin(&v.Stale)
	v.Stale = o
	v.settleInstead(landed)
	return Instead
}

// settleInstead makes the kept object the answer and ends the flight.
func (v *Visit) settleInstead(s flightState) {
	v.Object, v.Stale = v.Stale, nil
	v.Reader.object, v.Reader.flight = v.Object, nil
	switch {
	case !v.leads:
	case s == failed:
		v.fail()
	default:
		v.flight.settle(s)
		v.leads = false
	}
}

// Rescue makes the kept object the answer when the origin has failed and the
// object may stand in for it (RFC 5861 §4).
func (v *Visit) Rescue() bool {
	if v.State != Fetch || v.Stale == nil {
		return false
	}
	m := v.Stale.Meta()
	t := times(&m)
	u := rules.ReuseOnError(&v.policy.rules, &v.directives, &t, v.policy.clock().UnixNano())
	if u.Kind > rules.HitStale {
		return false
	}
	v.Kind, v.Why, v.left = rules.HitStale, rules.WhyStaleIfError, u.Left
	v.settleInstead(failed)
	return true
}

// compareHead lets the answer to a HEAD say whether the object for GET is still
// what the origin has (RFC 9111 §4.3.5).
func (v *Visit) compareHead(resp *message.Response) {
	if v.Stale == nil || resp.Status != 200 {
		return
	}
	var stored message.Header
	v.Stale.Head(&stored)
	if !rules.HeadConfirms(&stored, &resp.Header, v.Stale.Meta().Total) {
		v.Stale.Expire(true, v.now)
		v.forgetDisk(v.text)
	}
}
