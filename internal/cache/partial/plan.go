package partial

import (
	"fishplate/internal/message"
)

// Kind is the sort of answer that a request gets from an object.
type Kind uint8

// The kinds.
const (
	Whole    Kind = iota // the stored answer as it is
	None                 // 304, no body
	Refused              // 412, no body
	Single               // 206 with one range
	Multi                // 206 with multipart/byteranges
	Beyond               // 416, no body
	ToOrigin             // a cache may not answer this one; forward it as it came
)

var kinds = [...]string{"whole", "not-modified", "precondition-failed", "single", "multi", "unsatisfiable", "to-origin"}

// String returns the word used in logs and counters.
func (k Kind) String() string { return kinds[k] }

// Plan is how a request is answered from an object. It may be used again; what
// Make needs more room for than it has is kept.
type Plan struct {
	Kind   Kind
	Ranges []Range // of Single and Multi, in the order of the answer
	Length int64   // of the body that is sent: 0 when there is none, -1 when not known
	total  int64
	parts  frame
	specs  [MaxRanges]Spec
}

// Make plans the answer to a request that has the fields given (Scan), in the
// order of RFC 9110 §13.2.2. Ranges are for GET of a 200 alone (§14.2).
func (p *Plan) Make(req *message.Request, has Fields, o *Object) {
	p.Kind, p.Ranges, p.Length, p.total = Whole, p.Ranges[:0], o.Length, o.Length
	if has == 0 {
		return
	}
	switch Evaluate(req, has, o) {
	case NotModified:
		p.Kind, p.Length = None, 0
		return
	case PreconditionFailed:
		p.Kind, p.Length = Refused, 0
		return
	case Forward:
		p.Kind, p.Length = ToOrigin, 0
		return
	}
	if has&RangeField == 0 || o.Status != 200 || string(req.Method) != "GET" || !RangeApplies(req, has, o) {
		return
	}
	value, ok := only(&req.Header, "Range")
	if !ok {
		return
	}
	specs, ok := ParseSpecs(value, p.specs[:0])
	if !ok {
		return
	}
	var result Result
	p.Ranges, result = Resolve(specs, o.Length, p.Ranges)
	switch {
	case result == Unsatisfiable:
		p.Kind, p.Length = Beyond, 0
	case result == Satisfiable && len(p.Ranges) == 1:
		p.Kind, p.Length = Single, p.Ranges[0].Len()
	case result == Satisfiable:
		p.Kind = Multi
		p.parts.begin(o.Type, o.Length)
		p.Length = p.parts.length(p.Ranges)
	}
}

// Apply turns the stored answer's head into the one that is sent: status,
// Content-Range and Content-Type, and what a 304 leaves out. The framing is set
// too; the reason is the codec's. Whole and ToOrigin change nothing.
func (p *Plan) Apply(resp *message.Response) {
	var space [64]byte
	switch p.Kind {
	case Single:
		resp.Status, resp.Reason = 206, nil
		setField(&resp.Header, contentRangeName, AppendContentRange(space[:0], p.Ranges[0], p.total))
	case Multi:
		resp.Status, resp.Reason = 206, nil
		// Each part says its own; the head must not (§15.3.7.2).
		resp.Header.Remove(contentRangeName)
		setField(&resp.Header, "Content-Type", p.parts.appendType(space[:0]))
	case Beyond:
		resp.Status, resp.Reason = 416, nil
		dropContent(&resp.Header)
		setField(&resp.Header, contentRangeName, AppendUnsatisfied(space[:0], p.total))
	case Refused:
		resp.Status, resp.Reason = 412, nil
		dropContent(&resp.Header)
	case None:
		resp.Status, resp.Reason = 304, nil
		dropContent(&resp.Header)
		resp.Framing, resp.Length = message.NoBody, 0
		return
	default:
		return
	}
	resp.Framing, resp.Length = message.Length, p.Length
}

// dropContent removes the fields that describe a body that is not sent. What
// guides a cache stays: a 304 is for one (§15.4.5).
func dropContent(h *message.Header) {
	for i := h.Len() - 1; i >= 0; i-- {
		switch h.ID(i) {
		case message.ContentType, message.ContentEncoding, message.ContentLength, message.TransferEncoding, message.Trailer:
			h.RemoveAt(i)
		case message.Other:
			if name := h.Name(i); message.EqualFold(name, contentRangeName) || message.EqualFold(name, "Content-Language") {
				h.RemoveAt(i)
			}
		}
	}
}

func setField(h *message.Header, name string, value []byte) {
	i := h.Find(name)
	if i < 0 {
		h.Add(name, "")
		i = h.Len() - 1
	}
	h.SetValueBytes(i, value)
}

// AppendPartHead appends what stands before the bytes of range i in the body of
// a Multi answer; nothing in other answers.
func (p *Plan) AppendPartHead(dst []byte, i int) []byte {
	if p.Kind != Multi {
		return dst
	}
	return p.parts.appendHead(dst, p.Ranges[i], i)
}

// AppendTail appends what stands behind the last range of a Multi answer.
func (p *Plan) AppendTail(dst []byte) []byte {
	if p.Kind != Multi {
		return dst
	}
	return p.parts.appendTail(dst)
}
