package lines

import (
	"bytes"
	"strconv"

	"fishplate/internal/message"
)

// Numbers of a message's lines; header fields begin at FirstField.
const (
	Method = iota
	URL
	Protocol
	Status
	Reason
	_
	FirstField

	Invalid = ^uint32(0) // names no line
)

// Bounds of what a guest may write.
const (
	MaxLine   = 16 << 10  // bytes of a field line or a target
	maxReason = 128       // bytes of a reason
	maxFields = 256       // of one message
	maxEdits  = 256 << 10 // bytes that one call may write to a message
)

// View is a message as a guest sees it: numbered lines. It refers to the
// exchange's message and is attached for the length of one call.
type View struct {
	head *message.Header
	req  *message.Request  // nil for a response
	resp *message.Response // nil for a request

	saved    []message.Field // the list before the first edit
	before   start           // before the first edit
	written  int             // bytes of edits in this call
	edited   bool
	noted    bool // before refers to a message
	readonly bool
	frozen   Frozen
}

// start is the first line of a message.
type start struct {
	method, target, path, query []byte // of a request
	hasQuery                    bool
	minor                       uint8
	status                      int // of a response
	reason                      []byte
}

// Frozen says what of a message cannot be edited, besides what never can.
type Frozen uint8

// The parts.
const (
	Nothing   Frozen = iota
	StartLine        // method, URL and protocol
	BodyKept         // a status that has a body stays one, and the other way round
	Everything
)

// Freeze keeps a part of the message as it is, until another is attached.
func (w *View) Freeze(f Frozen) {
	w.frozen = f
	w.readonly = w.readonly || f == Everything
}

// Edited reports whether the message was changed since it was attached.
func (w *View) Edited() bool { return w.edited }

// AttachRequest shows a request; readonly refuses every edit.
func (w *View) AttachRequest(r *message.Request, readonly bool) {
	w.head, w.req, w.resp = &r.Header, r, nil
	w.edited, w.readonly, w.written, w.frozen = false, readonly, 0, Nothing
}

// AttachResponse shows a response.
func (w *View) AttachResponse(r *message.Response) {
	w.head, w.req, w.resp = &r.Header, nil, r
	w.edited, w.readonly, w.written, w.frozen = false, false, 0, Nothing
}

// Detach forgets the message.
func (w *View) Detach() {
	w.head, w.req, w.resp = nil, nil, nil
	if w.noted {
		w.before, w.noted = start{}, false
	}
	w.edited = false
}

// touch notes the message as it is, before the first edit, so that a roll-back
// and a fault that is passed over can restore it. It refuses an edit of n bytes
// when the message may not be edited, or was by too much: texts that are
// replaced stay in memory until the exchange ends.
func (w *View) touch(n int) bool {
	if w.readonly || w.written+n > maxEdits {
		return false
	}
	w.written += n
	if w.edited {
		return true
	}
	w.edited, w.noted = true, true
	w.saved = w.head.Save(w.saved[:0])
	b := &w.before
	if r := w.req; r != nil {
		b.method, b.target, b.path = r.Method, r.Target, r.Path
		b.query, b.hasQuery, b.minor = r.Query, r.HasQuery, r.Minor
	} else {
		b.status, b.reason = w.resp.Status, w.resp.Reason
	}
	return true
}

// Rollback undoes every edit of this call.
func (w *View) Rollback() {
	if !w.edited {
		return
	}
	w.edited = false
	w.head.Restore(w.saved)
	b := &w.before
	if r := w.req; r != nil {
		r.Method, r.Target, r.Path = b.method, b.target, b.path
		r.Query, r.HasQuery, r.Minor = b.query, b.hasQuery, b.minor
	} else {
		w.resp.Status, w.resp.Reason = b.status, b.reason
	}
}

// Len returns one more than the greatest line number.
func (w *View) Len() uint32 { return uint32(w.head.Len() + FirstField) }

// Request returns the request that is shown, or nil.
func (w *View) Request() *message.Request { return w.req }

// Response returns the response that is shown, or nil.
func (w *View) Response() *message.Response { return w.resp }

// AppendLine appends the text of line i to dst; ok is false when there is none.
func (w *View) AppendLine(dst []byte, i uint32) (out []byte, ok bool) {
	if i >= FirstField {
		n := int(i - FirstField)
		if n >= w.head.Len() {
			return dst, false
		}
		dst = append(dst, w.head.Name(n)...)
		dst = append(dst, ": "...)
		return append(dst, w.head.Value(n)...), true
	}
	switch {
	case i == Protocol && w.req != nil:
		return append(append(dst, "HTTP/1."...), '0'+w.req.Minor), true
	case i == Protocol:
		return append(dst, "HTTP/1.1"...), true
	case w.req != nil && i == Method:
		return append(dst, w.req.Method...), true
	case w.req != nil && i == URL:
		dst = append(dst, w.req.Path...)
		if w.req.HasQuery {
			dst = append(append(dst, '?'), w.req.Query...)
		}
		return dst, true
	case w.resp != nil && i == Status:
		return strconv.AppendInt(dst, int64(w.resp.Status), 10), true
	case w.resp != nil && i == Reason:
		return append(dst, w.resp.Reason...), true
	}
	return dst, false
}

// Find returns the line of the first field with that name, or invalid.
func (w *View) Find(name []byte) uint32 {
	if i := w.head.FindFrom(message.View(name), 0); i >= 0 {
		return uint32(i + FirstField)
	}
	return Invalid
}

// Value returns the value of the first field with that name.
func (w *View) Value(name []byte) ([]byte, bool) {
	i := w.head.FindFrom(message.View(name), 0)
	if i < 0 {
		return nil, false
	}
	return w.head.Value(i), true
}

// Named reports whether line i is a field with that name.
func (w *View) Named(i uint32, name []byte) bool {
	return i >= FirstField && i < w.Len() && message.EqualFold(w.head.Name(int(i-FirstField)), message.View(name))
}

// Append adds a whole line and returns its number, or invalid when the line may
// not be added.
func (w *View) Append(line []byte) uint32 {
	name, value, ok := splitField(line)
	if !ok || w.head.Len() >= maxFields || !w.touch(len(line)) {
		return Invalid
	}
	w.head.AddBytes(name, value)
	return uint32(w.head.Len() - 1 + FirstField)
}

// Set replaces line i; false means that it was refused and nothing changed.
func (w *View) Set(i uint32, line []byte) bool {
	if i < FirstField {
		return w.setStart(i, line)
	}
	n := int(i - FirstField)
	name, value, ok := splitField(line)
	if !ok || guarded(w.head.ID(n), w.head.Name(n)) || !w.touch(len(line)) {
		return false
	}
	w.head.Replace(n, message.View(name), message.View(value))
	return true
}

// setStart changes a part of the start line.
func (w *View) setStart(i uint32, line []byte) bool {
	switch {
	case w.req != nil && i == Method:
		return w.frozen == Nothing && w.setMethod(line)
	case w.req != nil && i == URL:
		return w.frozen == Nothing && w.setURL(line)
	case w.req != nil && i == Protocol:
		return w.frozen == Nothing && w.setProtocol(line)
	case w.resp != nil && i == Status:
		n, err := strconv.Atoi(string(line))
		return err == nil && w.SetStatus(n)
	case w.resp != nil && i == Reason:
		return w.setReason(line)
	}
	return false // the protocol of an answer is the codec's
}

// setProtocol changes what the client is taken to speak. It can become older
// than it is, not newer: what the client cannot read would be sent to it.
func (w *View) setProtocol(line []byte) bool {
	minor := uint8(0)
	switch string(line) {
	case "HTTP/1.1":
		minor = 1
	case "HTTP/1.0":
	default:
		return false
	}
	if minor > w.req.Minor || !w.touch(0) {
		return false
	}
	w.req.Minor = minor
	return true
}

// setReason changes the text behind the status, which says nothing to anybody
// but people.
func (w *View) setReason(line []byte) bool {
	if len(line) > maxReason || !message.ValidValue(line) || !w.touch(len(line)) {
		return false
	}
	w.resp.Reason = append([]byte(nil), line...)
	return true
}

// SetStatus changes a response's status. Interim statuses are not a guest's, and
// 101 stays: behind it the connection to the server speaks another protocol.
func (w *View) SetStatus(n int) bool {
	if w.resp == nil || w.resp.Status == 101 || n < 200 || n > 599 || w.frozen == BodyKept && bare(n) != bare(w.resp.Status) || !w.touch(0) {
		return false
	}
	if n != w.resp.Status {
		w.resp.Status, w.resp.Reason = n, nil
	}
	return true
}

// bare reports whether a status is that of an answer without body.
func bare(status int) bool { return status < 200 || status == 204 || status == 304 }

// setMethod changes the method. From and to HEAD is refused, since it decides
// how the answer is framed; CONNECT and TRACE are refused as a client's are.
func (w *View) setMethod(m []byte) bool {
	switch string(m) {
	case "HEAD", "CONNECT", "TRACE":
		return string(m) == string(w.req.Method)
	}
	if !message.ValidName(m) || len(m) > 32 || string(w.req.Method) == "HEAD" || !w.touch(len(m)) {
		return false
	}
	w.req.Method = append([]byte(nil), m...)
	return true
}

// setURL changes path and query, by the rules that a client's target is under.
func (w *View) setURL(url []byte) bool {
	target, path, query, has, ok := splitTarget(url)
	if !ok || !w.touch(len(url)) {
		return false
	}
	w.req.Target = target
	w.req.Path, w.req.Query, w.req.HasQuery = path, query, has
	return true
}

// Unset removes line i, a field.
func (w *View) Unset(i uint32) bool {
	n := int(i - FirstField)
	if guarded(w.head.ID(n), w.head.Name(n)) || !w.touch(0) {
		return false
	}
	w.head.RemoveAt(n)
	return true
}

// splitField cuts a whole line at its colon and checks it: a token, no control
// bytes, and not one of the fields that belong to the codec.
func splitField(line []byte) (name, value []byte, ok bool) {
	for i, c := range line {
		if c != ':' {
			continue
		}
		name, value = line[:i], line[i+1:]
		for len(value) > 0 && blank(value[0]) {
			value = value[1:]
		}
		for len(value) > 0 && blank(value[len(value)-1]) {
			value = value[:len(value)-1]
		}
		ok = message.ValidName(name) && message.ValidValue(value) && len(line) <= MaxLine
		return name, value, ok && !guarded(message.LookupName(name), name) && !posing(name)
	}
	return nil, nil, false
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

// guarded says whether a field is not a guest's to write: framing, what is
// meant for one hop, whom the request is for, and who passed it on.
func guarded(id message.Name, name []byte) bool {
	switch id {
	case message.Connection, message.ContentLength, message.Expect, message.Forwarded, message.Host,
		message.KeepAlive, message.ProxyConnection, message.TE, message.Trailer, message.TransferEncoding,
		message.Upgrade, message.Via, message.XForwardedFor, message.XForwardedHost, message.XForwardedProto:
		return true
	}
	return id == message.Other && message.EqualFold(name, "HTTP2-Settings")
}

// posing says whether a name is that of a guarded field but for underscores.
// Servers that follow CGI make no difference, as with clients' fields. To remove
// one is anybody's.
func posing(name []byte) bool {
	var room [32]byte // no guarded name is longer
	if len(name) > len(room) || bytes.IndexByte(name, '_') < 0 {
		return false
	}
	folded := append(room[:0], name...)
	for i, c := range folded {
		if c == '_' {
			folded[i] = '-'
		}
	}
	return guarded(message.LookupName(folded), folded)
}
