package proxy

import (
	"bytes"

	"fishplate/internal/cache"
	"fishplate/internal/message"
)

// stepStore lets the cache say what becomes of the origin's answer: it streams
// to the client, it is stored and answered from the store, or an object that is
// kept answers in its place.
func stepStore(x *exchange) step {
	v := &x.visit
	if x.source == fromOrigin && x.plan != nil {
		for _, p := range x.plan.strikes {
			p.Invalidate(&x.req, &x.resp)
		}
	}
	switch {
	case x.source == fromSelf && x.decision.Cached && x.run != nil:
		return x.storeForged()
	}
	if f := x.onBackendResponse(); f != nil {
		return x.failed(f)
	}
	if v.Closed() || x.source != fromOrigin {
		return respond
	}
	for {
		switch v.Take(&x.resp, x.srv.wheel.time(x.sentAt), x.srv.wheel.time(x.mark)) {
		case cache.Stored:
			if f := x.takeIn(); f != nil {
				return x.fail(store, f)
			}
			if !x.answerStored() {
				return x.fail(store, &message.Fault{Side: message.SideClient, Status: 412, Cause: "precondition-failed"})
			}
		case cache.Instead:
			x.settleUnread()
			if !x.answerStored() {
				return x.fail(store, &message.Fault{Side: message.SideClient, Status: 412, Cause: "precondition-failed"})
			}
		case cache.Broken:
			x.drop()
			return x.fail(store, &message.Fault{Side: message.SideOrigin, Status: 502, Cause: "unasked-304"})
		case cache.Again:
			x.settleUnread()
			if f := x.get(); f != nil {
				return x.fail(store, f)
			}
			if f := x.onBackendResponse(); f != nil {
				return x.failed(f)
			}
			continue
		case cache.Streams:
			if x.resp.Status == 206 && v.Unasked() {
				x.drop()
				return x.fail(store, &message.Fault{Side: message.SideOrigin, Status: 502, Cause: "range-not-asked"})
			}
			v.Compose(&x.resp)
		}
		return respond
	}
}

// takeIn begins to take the origin's body into the store. What has arrived is
// taken at once; for the rest a filler goes on with the origin's connection, and
// this exchange reads the object like everybody else.
func (x *exchange) takeIn() *message.Fault {
	f := x.visit.Filling()
	in := x.origin.Body(x.resp.Framing, x.resp.Length)
	chunked := x.resp.Framing == message.Chunked
	for !in.Done() {
		if n := x.origin.Buffered(); n == 0 || chunked && n <= len("\r\n") {
			x.srv.fillers.start(x, f.Detach(), in, nil)
			return nil
		}
		piece, err := in.Next()
		if err != nil && !isEnd(err) {
			f.End(false)
			fault := x.bodyBroken(err)
			x.drop()
			return fault
		}
		// Nobody reads yet, so nobody could make room by going on.
		if n := f.AppendNow(piece); n < len(piece) {
			x.srv.fillers.start(x, f.Detach(), in, bytes.Clone(piece[n:]))
			return nil
		}
	}
	f.End(true)
	return x.settleOrigin(x.resp.Framing != message.UntilEnd)
}

// settleUnread gives the origin's connection back after an answer of which only
// the head is wanted.
func (x *exchange) settleUnread() {
	in := x.origin.Body(x.resp.Framing, x.resp.Length)
	if in.Done() {
		_ = x.settleOrigin(x.resp.Framing != message.UntilEnd) // there is no upload that could have a fault
		return
	}
	x.drop()
}
