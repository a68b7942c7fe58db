package cache

import (
	"math"
	"time"

	"fishplate/internal/cache/partial"
	"fishplate/internal/cache/rules"
	"fishplate/internal/cache/store"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// portionKind says what of a representation a visit deals in.
type portionKind uint8

const (
	entire  portionKind = iota
	slice               // one of a grid: requests share slices whatever their ranges
	stretch             // what the client asked for, joined with what is kept (RFC 9111 §3.4)
)

// A portion is the part of a representation that a visit looks up, fetches and
// stores. Its objects have a key of their own, so a request for the whole never
// meets them.
type portion struct {
	kind  portionKind
	main  int // length of the key text without what was added
	spec  partial.Spec
	grid  partial.Grid
	index int64         // of the slice
	kept  *store.Object // pinned; a stretch that lacks what is asked for
}

const stretchKey = "\npart"

// narrow makes the visit one of a portion, when the request has a single range,
// the policy says so, and the whole is not there.
func (v *Visit) narrow() {
	m := v.policy.Model
	if m.Slice <= 0 && m.Range != "pass" || v.policy.encode != nil || m.ESI != nil || string(v.req.Method) != "GET" {
		return
	}
	i := v.req.Index(message.Range, 0)
	if i < 0 || v.req.Index(message.Range, i+1) >= 0 {
		return
	}
	var space [partial.MaxRanges]partial.Spec
	specs, ok := partial.ParseSpecs(v.req.Value(i), space[:0])
	if !ok || len(specs) != 1 || v.wholeThere() {
		return
	}
	v.portion = portion{kind: stretch, main: len(v.text), spec: specs[0]}
	if m.Slice > 0 {
		p := &v.portion
		p.kind, p.grid = slice, partial.Grid{Size: m.Slice, Total: -1}
		p.index = p.grid.FirstSlice(v.req.Value(i))
		v.text = p.grid.AppendSliceKey(v.text, p.index)
	} else {
		v.text = append(v.text, stretchKey...)
	}
	v.key = store.KeyOf(v.policy.part.ID(), v.text)
}

// wholeThere reports whether the whole representation, or the mark that it is
// not stored, would answer.
func (v *Visit) wholeThere() bool {
	o := v.find()
	if o == nil {
		return false
	}
	defer o.Unpin()
	m := o.Meta()
	if m.Flags&flagMarker != 0 {
		return v.now < m.Born+m.Fresh
	}
	t := times(&m)
	return rules.Reuse(&v.policy.rules, &v.directives, &t, v.now).Kind <= rules.HitStale
}

// fit returns o when it holds what the request asks for. A stretch that does not
// is kept aside, for the answer to be joined with.
func (v *Visit) fit(o *store.Object) *store.Object {
	if o == nil || v.portion.kind != stretch {
		return o
	}
	m := o.Meta()
	if m.Flags&flagPartial == 0 {
		return o
	}
	r, ok := v.portion.spec.Within(m.Total)
	if !ok || r.First >= m.First && r.Last < m.First+o.Available() {
		return o
	}
	v.unpin(&v.portion.kept)
	v.portion.kept = o
	return nil
}

// asked returns the bytes that the origin is asked for; ok is false when the
// request is for the end of a representation whose length is not known.
func (p *portion) asked(total int64) (r partial.Range, ok bool) {
	switch {
	case p.kind == slice:
		return p.grid.Range(p.index), true
	case p.spec.First < 0:
		if total < 0 {
			return r, false
		}
		return p.spec.Within(total)
	case p.spec.Last < 0:
		return partial.Range{First: p.spec.First, Last: math.MaxInt64}, true
	}
	return partial.Range{First: p.spec.First, Last: p.spec.Last}, true
}

// askPortion makes the request to the origin ask for the portion.
func (v *Visit) askPortion(client []byte) {
	switch v.portion.kind {
	case slice:
		r, _ := v.portion.asked(-1)
		v.value = partial.AppendRange(v.value[:0], r)
	case stretch:
		v.value = append(v.value[:0], client...)
	default:
		v.ranged = false
		return
	}
	v.ranged = true
	v.req.AddBytes([]byte("Range"), v.value)
}

// stretchFlight is the id of the fetch of a stretch: who asks for other bytes of
// the same representation does not wait for it.
func (v *Visit) stretchFlight() store.Key {
	r, _ := v.portion.asked(math.MaxInt64)
	v.value = partial.AppendRange(append(append(v.value[:0], v.text...), '\n'), r)
	return store.KeyOf(v.policy.part.ID(), v.value)
}

// widen makes the visit one of the whole: its object gets the key of that. Who
// waits for the portion may have it too.
func (v *Visit) widen() {
	v.text = v.text[:v.portion.main]
	v.key = store.KeyOf(v.policy.part.ID(), v.text)
	v.unpin(&v.portion.kept)
	v.portion = portion{}
}

// asClient lets the origin answer the request as the client made it.
func (v *Visit) asClient() Taken {
	v.refuse(v.verdict.HitForMiss)
	v.widen()
	v.State, v.asked = Pass, false
	return Again
}

// takePortion is Take of a visit that asked for a portion; done says that it was
// decided here.
func (v *Visit) takePortion(resp *message.Response, sent, received time.Time) (t Taken, done bool) {
	switch {
	case resp.Status == 206:
		return v.takePart(resp, sent, received), true
	case resp.Status == 304 && v.asked:
		return Streams, false
	case rules.IsError(resp.Status) && v.Rescue():
		return Instead, true
	case resp.Status == 416:
		if v.req.Find("If-Range") >= 0 {
			return v.asClient(), true // with If-Range it may be owed the whole
		}
		v.refuse(0)
		return Streams, true
	}
	// An origin that knows no ranges, or an answer about the resource itself.
	v.unpin(&v.Stale)
	v.widen()
	return Streams, false
}

// takePart judges a 206 and makes an object of it. An answer that is not what
// was asked for is dropped, and the whole is fetched instead.
func (v *Visit) takePart(resp *message.Response, sent, received time.Time) Taken {
	e, ok := v.judgePart(resp)
	if !ok {
		v.unpin(&v.Stale)
		v.widen()
		v.asked = false
		return Again
	}
	// The rules are those of the 200 that this is a part of (RFC 9111 §3.3).
	resp.Status = 200
	resp.Header.Remove("Content-Range")
	v.judge(resp, sent, received)
	switch {
	case v.portion.kind == slice && (!v.verdict.Store || !partial.SameStrong(e, e)):
		return v.asClient()
	case v.req.Find("If-Range") >= 0 && v.portion.kind == stretch && !v.ifRange(resp, e):
		return v.asClient()
	case !v.verdict.Store || !v.beginPart(resp, received, e):
		if v.portion.kind == slice {
			return v.asClient()
		}
		v.refuse(v.verdict.HitForMiss)
		v.value = partial.AppendContentRange(v.value[:0], e.Range, e.Total)
		resp.Status = 206
		resp.Header.AddBytes([]byte("Content-Range"), v.value)
		return Streams
	}
	v.unpin(&v.Stale)
	size := v.Object.Available() + v.weld.most
	if v.weld.behind != nil {
		size += v.weld.behind.Available()
	}
	v.carry(v.Object, announced(resp, size))
	return Stored
}

// judgePart compares a 206 with what was asked for.
func (v *Visit) judgePart(resp *message.Response) (e *partial.Extent, ok bool) {
	e = new(partial.Extent)
	total := int64(-1)
	if value, ok := resp.Get("Content-Range"); ok {
		if c, ok := partial.ParseContentRange(value); ok {
			total = c.Total
		}
	}
	asked, ok := v.portion.asked(total)
	if !ok || total < 0 || partial.Judge206(resp, &asked, v.now, e) != partial.Fine {
		return e, false
	}
	if e.Date == 0 {
		e.Date = v.now
	}
	return e, true
}

// ifRange reports whether the client's If-Range allows it a part of this answer.
func (v *Visit) ifRange(resp *message.Response, e *partial.Extent) bool {
	return partial.RangeApplies(v.req, partial.IfRange, &partial.Object{
		Status: resp.Status, ETag: e.ETag, LastModified: e.LastModified, Date: e.Date, Length: e.Total,
	})
}

// Unasked reports whether the origin was asked for the whole: a 206 is then an
// answer to nothing.
func (v *Visit) Unasked() bool {
	return v.State == Fetch && v.Kind != rules.HitForMiss && !v.ranged
}

// A weld is how the body on its way joins what is kept.
type weld struct {
	skip   int64         // bytes of it that are there already
	most   int64         // bytes of it that are wanted, behind those
	behind *store.Object // pinned; its body follows; nil for none
}

// beginPart makes the object of a 206, joined with the kept stretch where that
// touches it.
func (v *Visit) beginPart(resp *message.Response, received time.Time, e *partial.Extent) bool {
	union, w, before := e.Range, weld{most: e.Len()}, (*store.Object)(nil)
	if kept := v.portion.kept; kept != nil {
		old := extentOf(kept)
		switch how, skip := partial.Combine(&old, e); how {
		case partial.After:
			union.First, before, w.skip, w.most = old.First, kept, skip, e.Len()-skip
		case partial.Before:
			union.Last, w.behind, w.most = old.Last, kept, skip
		}
	}
	if union.First == 0 && union.Last == e.Total-1 { // complete (RFC 9111 §3.3): it answers for the whole
		kept := v.portion.kept
		v.portion.kept = nil
		v.widen()
		defer v.unpin(&kept)
	}
	o, ok := v.makePart(resp, received, union, e.Total)
	if !ok {
		return false
	}
	add := func(p []byte) bool { n, err := o.Append(p); return err == nil && n == len(p) }
	if before != nil && !pour(add, before) {
		o.Abort()
		o.Unpin()
		return false
	}
	if w.behind != nil {
		w.behind.Pin()
	}
	v.Object, v.weld = o, w
	return true
}

// makePart begins the object of a run of bytes of a representation.
func (v *Visit) makePart(resp *message.Response, received time.Time, r partial.Range, total int64) (*store.Object, bool) {
	m, parts, ok := v.describe(&resp.Header, 200, received)
	if !ok {
		return nil, false
	}
	m.First, m.Total = r.First, total
	if r.Len() != total {
		m.Flags |= flagPartial
	}
	o, err := v.policy.store.memory.Begin(v.policy.part, v.key, m, parts, r.Len())
	if err != nil {
		v.reason = rules.ReasonTooLarge
		v.count(metrics.CacheNoRoom, 1)
		return nil, false
	}
	return o, true
}

// extentOf describes a stored part.
func extentOf(o *store.Object) partial.Extent {
	var h message.Header
	o.Head(&h)
	m := o.Meta()
	e := partial.Extent{
		Range: partial.Range{First: m.First, Last: m.First + o.Available() - 1}, Total: m.Total, Date: dateOf(&h, m.Stored),
	}
	e.ETag, _ = h.GetID(message.ETag)
	e.LastModified, _ = h.GetID(message.LastModified)
	return e
}

// pour appends the body of an object to what add adds to.
func pour(add func([]byte) bool, from *store.Object) bool {
	for at := int64(0); ; {
		piece := from.Segment(at)
		if len(piece) == 0 {
			return at == from.Available()
		}
		if !add(piece) {
			return false
		}
		at += int64(len(piece))
	}
}

// take returns what of the next piece belongs into the object; more is false
// when it is longer than was announced.
func (w *weld) take(p []byte) (wanted []byte, more bool) {
	n := min(w.skip, int64(len(p)))
	w.skip -= n
	p = p[n:]
	n = min(w.most, int64(len(p)))
	w.most -= n
	return p[:n], int64(len(p)) == n || w.behind != nil
}

// takeNow is take with an add that may have no room for all of it; n are the
// bytes of p that need not come again.
func (w *weld) takeNow(p []byte, add func([]byte) int) (n int) {
	skip := w.skip
	wanted, more := w.take(p)
	added := add(wanted)
	w.most += int64(len(wanted) - added)
	if added == len(wanted) && more {
		return len(p)
	}
	return int(skip-w.skip) + added
}

// finish appends what follows the body, and reports whether all of it came.
func (w *weld) finish(add func([]byte) bool) bool {
	return w.skip == 0 && w.most == 0 && (w.behind == nil || pour(add, w.behind))
}

// servesPart reports whether an object that is a part has what the answer needs:
// a slice always, since others follow; a stretch when it holds the range.
func (v *Visit) servesPart(m *store.Meta) bool {
	switch v.Cut.Kind {
	case partial.None, partial.Refused, partial.Beyond:
		return true
	case partial.Single:
		r := v.Cut.Ranges[0]
		return v.Sliced() || r.First >= m.First && (!v.Object.Complete() || r.Last < m.First+v.Object.Available())
	}
	return v.Cut.Kind == partial.Whole && v.Sliced()
}

// Sliced reports whether the visit's object is one slice of what the answer may
// need. The others are asked for by requests that SliceRequest makes.
func (v *Visit) Sliced() bool {
	return v.portion.kind == slice && v.Object != nil && v.Object.Meta().Flags&flagPartial != 0
}

// Total returns the length of the representation that a sliced visit's object
// is of.
func (v *Visit) Total() int64 { return v.Object.Meta().Total }

// SliceAt returns the bounds of the slice that holds byte at, the second one
// exclusive; own says that it is the visit's object.
func (v *Visit) SliceAt(at int64) (first, end int64, own bool) {
	g := v.portion.grid
	i := g.Index(at)
	r := g.Range(i)
	return r.First, min(r.Last+1, v.Total()), i == v.portion.index
}

// Ahead calls fetch with the bounds of the slices that are to be fetched before
// they are asked for, when the one that holds byte at is sent; those that are
// there already are left out.
func (v *Visit) Ahead(at int64, fetch func(first, end int64)) {
	g := v.portion.grid
	g.Total = v.Total()
	from, to := g.Ahead(g.Index(at), v.policy.Model.Prefetch)
	for i := from; i <= to; i++ {
		text := g.AppendSliceKey(append(v.coded[:0], v.text[:v.portion.main]...), i)
		v.coded = text
		o := v.policy.store.memory.Lookup(v.policy.part, store.KeyOf(v.policy.part.ID(), text), text, v)
		if o != nil {
			o.Unpin()
			continue
		}
		r := g.Range(i)
		v.count(metrics.CacheSlices+1, 1)
		fetch(r.First, r.Last+1)
	}
}

// Continues reports whether another visit's object is for certain a part of the
// same representation, and begins at that byte.
func (v *Visit) Continues(other *Visit, first int64) bool {
	if other.Object == nil || other.Cut.Kind != partial.Single || other.Cut.Ranges[0].First != first {
		return false
	}
	a, b := extentOf(v.Object), extentOf(other.Object)
	return partial.SameStrong(&a, &b)
}

// Retire removes the older one of two objects that should be parts of the same
// representation and are not, and reports whether that was the other visit's:
// then it is worth asking for that part again.
func (v *Visit) Retire(other *Visit) (again bool) {
	if other.Object == nil || other.Object.Meta().Stored > v.Object.Meta().Stored {
		v.Object.Remove()
		return false
	}
	other.Object.Remove()
	return true
}

// SliceRequest turns a request into one for that run of bytes, whoever asks.
func SliceRequest(req *message.Request, first, end int64) {
	partial.Strip(&req.Header, partial.Conditions|partial.IfRange|partial.RangeField)
	var space [64]byte
	req.AddBytes([]byte("Range"), partial.AppendRange(space[:0], partial.Range{First: first, Last: end - 1}))
}
