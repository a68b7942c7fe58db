package proxy

import (
	"encoding/hex"
	"strconv"

	"fishplate/internal/filter"
	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/metrics"
)

// stepReply writes the answer. Every fault becomes a status here, once.
func stepReply(x *exchange) step {
	if x.srv.draining.Load() {
		x.req.Close = true
	}
	if x.fault != nil {
		x.faultAnswer()
		x.errorSynth()
	}
	x.unpin()
	var f *message.Fault
	switch x.source {
	case fromNobody:
		x.req.Close = true
	case fromSelf:
		f = x.replySelf()
	case fromStore:
		f = x.replyStored()
	case fromStream:
		f = x.replyStream()
	case fromOrigin:
		if x.resp.Status == 101 {
			f = x.upgrade()
		} else {
			f = x.replyOrigin()
		}
	}
	if f != nil && x.fault == nil {
		x.fault = f
		x.rec.Last = reply.String()
		if f.Status != 0 { // nothing of the origin's answer is out yet
			x.drop()
			x.faultAnswer()
			_ = x.replySelf() // the first fault is the one to tell of
		}
	}
	if x.fault != nil {
		x.rec.Cause, x.rec.Side = x.fault.Cause, x.fault.Side.String()
		if x.fault.Side == message.SideGuest && x.fault.Err != nil {
			x.rec.Detail = detail(x.fault)
		}
	}
	x.finish()
	return record
}

// faultAnswer makes the small readable answer of a fault.
func (x *exchange) faultAnswer() {
	f := x.fault
	if f.Status == 0 || f.Status == 499 {
		x.source = fromNobody
		return
	}
	if f.Side == message.SideClient && (f.Step == read.String() || f.Step == "") {
		x.req.Close = true
	}
	x.errorText(f)
}

// errorText makes the answer that says what a fault is.
func (x *exchange) errorText(f *message.Fault) {
	x.scratch = strconv.AppendInt(x.scratch[:0], int64(f.Status), 10)
	x.scratch = append(append(x.scratch, ' '), http1.StatusText(f.Status)...)
	x.scratch = append(append(append(x.scratch, '\n'), f.Cause...), '\n')
	x.answerWith(f.Status, x.scratch)
	x.resp.Add("Content-Type", "text/plain; charset=utf-8")
	// Of a program's fault the client learns the request's name and no more: place and cause
	// are the operator's, who finds them in the log by it.
	if f.Side == message.SideGuest {
		id := x.notes.Name()
		x.resp.Add("X-Request-Id", hex.EncodeToString(id[:]))
	}
	if f.RetryAfter > 0 {
		x.resp.Add("Retry-After", strconv.Itoa(filter.RetryAfterSeconds(f.RetryAfter)))
	}
}

// replySelf writes an answer that lies in memory.
func (x *exchange) replySelf() *message.Fault {
	x.settleBody()
	out := x.appendHead(x.buffer(&x.out), message.Length, int64(len(x.answer)))
	body := x.answer
	if x.bodyless() {
		body = nil
	}
	x.last()
	if err := x.send(out, body); err != nil {
		return clientGone(err)
	}
	x.rec.Status = x.resp.Status
	return nil
}

// bodyless reports whether the answer has no body whatever its fields say
// (RFC 9112 §6.3).
func (x *exchange) bodyless() bool {
	s := x.resp.Status
	return s < 200 || s == 204 || s == 304 || string(x.req.Method) == "HEAD"
}

// appendHead appends the answer's head for the client.
func (x *exchange) appendHead(out []byte, framing message.Framing, length int64) []byte {
	if x.s.sink != nil {
		x.s.sink.head(&x.resp)
		return out
	}
	return http1.AppendResponseHead(out, &x.resp, http1.ReplyOptions{
		Minor: x.req.Minor, Close: x.req.Close, Framing: framing, Length: length,
		HeadOnly: x.resp.Status == 304 || string(x.req.Method) == "HEAD",
		Now:      x.srv.wheel.time(x.mark),
	})
}

// send writes head and body bytes in one call.
func (x *exchange) send(head, body []byte) (err error) {
	x.rec.BytesOut += int64(len(head) + len(body))
	x.armWrite()
	switch {
	case len(body) == 0:
		_, err = x.s.stream.Write(head)
	case len(head)+len(body) <= cap(head):
		_, err = x.s.stream.Write(append(head, body...))
	case x.s.tls == nil && x.s.net != nil:
		_, err = x.s.net.Writev(head, body)
	default:
		if _, err = x.s.stream.Write(head); err == nil {
			_, err = x.s.stream.Write(body)
		}
	}
	x.s.watch.disarm()
	return err
}

// last says that what is written to the client next is the end of an answer with
// nothing left to do behind it, if the connection ends with that.
func (x *exchange) last() {
	if x.req.Close && x.s.plain != nil {
		x.s.plain.Last()
	}
}

// armWrite bounds what is written to the client next. An inner exchange has no
// client: what it writes to has a bound of its own.
func (x *exchange) armWrite() {
	if x.s.net != nil {
		x.s.watch.arm(nil, x.s.net, x.srv.wheel.now()+x.s.plan.write)
	}
}

// settleBody prepares for the next request when ours did not want the body of
// this one: a small rest is read and thrown away, for more the connection ends.
func (x *exchange) settleBody() {
	if x.body == nil || x.body.Done() || x.req.Close {
		return
	}
	if x.req.Expect100 && x.rec.BytesIn == 0 && x.reader.Buffered() == 0 {
		x.req.Close = true // whether the body will come is the client's choice
		return
	}
	x.s.watch.arm(x.s.net, nil, x.srv.wheel.now()+discardTime)
	err := x.body.Discard(discardMax)
	if x.s.watch.disarm() || err != nil {
		x.req.Close = true
	}
}

const (
	discardMax  = 64 << 10
	discardTime = int64(500e6)
)

// finish gives back the lease and decides what becomes of the session.
func (x *exchange) finish() {
	x.abandon()
	if x.s.sink == nil {
		x.srv.process.Add(x.s.shard, metrics.ProcessExchanges, -1)
	}
	unread := x.body != nil && !x.body.Done() || x.rec.Status == 413 || x.rec.Last == read.String() || x.reader.Buffered() > 0
	switch {
	case x.after == ends && x.rec.Tunnel:
	case x.fault != nil && x.fault.Status == 0:
		x.after = ends
		x.s.aborts = x.endless
	case x.req.Close && unread:
		x.after = lingers
	case x.req.Close:
		x.after = ends
	default:
		x.after = goesOn
	}
	x.clock(reply)
}

// abandon closes what the exchange still leases.
func (x *exchange) abandon() {
	if x.leased {
		x.drop()
	}
	x.stopUpload()
	x.releaseRun()
	if !x.visit.Closed() {
		x.rec.Cache, x.rec.CacheWhy = x.visit.Words()
		x.visit.End()
	}
}
