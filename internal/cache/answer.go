package cache

import (
	"strconv"
	"time"

	"fishplate/internal/cache/partial"
	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// Cut is how an answer is made of an object: whole, in ranges, or as a bare
// status.
type Cut = partial.Plan

// Sends reports whether the cut sends bytes of the object.
func Sends(c *Cut) bool {
	return c.Kind == partial.Whole || c.Kind == partial.Single || c.Kind == partial.Multi
}

// Answer makes the object's answer to the request: the stored head in resp, as
// the request's conditions and ranges change it, and v.Cut. The texts of resp lie
// in the object. False means that the conditions are for the origin to judge.
func (v *Visit) Answer(resp *message.Response) bool {
	o := v.Object
	m := o.Meta()
	o.Head(&resp.Header)
	resp.Status, resp.Reason, resp.Minor = int(m.Status), nil, 1
	resp.Close, resp.Upgrade = false, nil
	resp.Framing, resp.Length = message.Length, lengthOf(o, &m)
	if resp.Length < 0 {
		resp.Framing = message.Chunked
	}
	if v.composes(resp) {
		v.Cut.Make(v.req, 0, &partial.Object{Length: -1})
		v.addOmitted(resp)
		return true // conditions and ranges are about what nobody has yet
	}
	v.choose(resp)
	v.Reader.base = m.First
	has := partial.Scan(&v.req.Header)
	about := partial.Object{Length: resp.Length}
	if has != 0 {
		about = facts(resp, &m)
	}
	v.Cut.Make(v.req, has, &about)
	if has != 0 {
		if v.Cut.Kind == partial.ToOrigin || m.Flags&flagPartial != 0 && !v.servesPart(&m) {
			return false
		}
		v.Cut.Apply(resp)
		v.countCut()
	}
	v.addOmitted(resp)
	if string(v.req.Method) == "HEAD" && resp.Length >= 0 && v.Cut.Kind == partial.Whole {
		resp.RemoveID(message.ContentLength)
		v.value = strconv.AppendInt(v.value[:0], resp.Length, 10)
		resp.AddBytes(lengthName, v.value)
	}
	return true
}

var lengthName = []byte("Content-Length")

// lengthOf is the length of an object's body, -1 while it is not known.
func lengthOf(o *store.Object, m *store.Meta) int64 {
	if m.Total < 0 && o.Complete() {
		return o.Available()
	}
	return m.Total
}

// facts are what conditions and ranges ask of an object.
func facts(resp *message.Response, m *store.Meta) partial.Object {
	o := partial.Object{Status: resp.Status, Length: resp.Length, Origin: m.Flags&flagGuest != 0}
	if resp.Framing == message.Chunked {
		o.Length = -1
	}
	o.ETag, _ = resp.GetID(message.ETag)
	o.LastModified, _ = resp.GetID(message.LastModified)
	o.Type, _ = resp.GetID(message.ContentType)
	o.Date = dateOf(&resp.Header, m.Stored)
	return o
}

// dateOf is when a stored answer was made: its Date, or else when it was stored;
// in ns since the epoch.
func dateOf(h *message.Header, stored int64) int64 {
	if date, ok := h.GetID(message.Date); ok {
		if at, ok := rules.ParseDate(date, time.Unix(0, stored)); ok {
			return at * int64(time.Second)
		}
	}
	return stored
}

// addOmitted adds the fields that are for this client alone.
func (v *Visit) addOmitted(resp *message.Response) {
	if !v.omits {
		return
	}
	h := &v.draft.omitted
	for i := range h.Len() {
		resp.AddBytes(h.Name(i), h.Value(i))
	}
}

// countCut counts an answer that is not the whole.
func (v *Visit) countCut() {
	for i, kind := range [...]partial.Kind{partial.None, partial.Single, partial.Refused, partial.Beyond} {
		if v.Cut.Kind == kind || kind == partial.Single && v.Cut.Kind == partial.Multi {
			v.count(metrics.CacheConditional+i, 1)
		}
	}
}
