package proxy

import (
	"sync/atomic"
	"time"

	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/netio"
	"fishplate/internal/upstream"
)

// spliceFrom is the size of a remaining body from which the kernel moves it.
const spliceFrom = 64 << 10

// An upload takes a request body that had not arrived whole to the origin, on
// a goroutine of its own, while the exchange's goroutine waits for the answer.
type upload struct {
	running bool
	ended   bool          // done has been received
	stopped atomic.Bool   // its end was asked for
	done    chan struct{} // one value when the goroutine has ended
	watch   watch

	// Written by the goroutine, read after done.
	fault    *message.Fault // of the client's side: the body is bad or late
	broken   bool           // the origin does not take it
	complete bool
	bytes    int64
	spliced  int64
}

// start sends the rest of the body; what is buffered was sent by the caller.
func (x *exchange) startUpload(up *upstream.UpConn) {
	u := &x.upload
	u.stopped.Store(false)
	u.running, u.ended, u.fault, u.broken, u.complete, u.bytes, u.spliced = true, false, nil, false, false, 0, 0
	x.srv.wheel.add(&u.watch, x.s.shard)
	go func() {
		x.sendBody(up)
		u.watch.disarm()
		if u.fault != nil {
			// The origin will wait for the rest for ever: so would our reader.
			_ = up.Raw.SetReadDeadline(past())
		}
		u.done <- struct{}{}
	}()
}

// poll reports whether the body is still on its way.
func (u *upload) poll() bool {
	if !u.running || u.ended {
		return false
	}
	select {
	case <-u.done:
		u.ended = true
		return false
	default:
		return true
	}
}

// endUpload awaits the goroutine and takes over what it found.
func (x *exchange) endUpload() {
	u := &x.upload
	if !u.running {
		return
	}
	if !u.ended {
		<-u.done
	}
	x.srv.wheel.remove(&u.watch)
	u.running, u.ended = false, true
	x.rec.BytesIn += u.bytes
	x.countSpliced(u.spliced)
}

// stopUpload ends it early: what it still reads from the client is worthless.
func (x *exchange) stopUpload() {
	if x.upload.running {
		x.upload.stopped.Store(true)
		_ = x.s.net.SetReadDeadline(past())
		_ = x.up.Raw.SetWriteDeadline(past())
		x.endUpload()
		// Both ends may go on: it may have been complete by then.
		_ = x.s.net.SetReadDeadline(time.Time{})
		_ = x.up.Raw.SetWriteDeadline(time.Time{})
	}
}

// sendBody is the goroutine's work. It reads the client through the codec's
// body, which belongs to it until done.
func (x *exchange) sendBody(up *upstream.UpConn) {
	u, s, wheel := &x.upload, x.s, x.srv.wheel
	chunked := x.req.Framing == message.Chunked
	buf := netio.GetBuffer()
	defer netio.PutBuffer(buf)
	begin := wheel.now()
	for {
		if !chunked && s.plain != nil && up.Plain != nil && x.body.Remaining() >= spliceFrom && x.reader.Buffered() == 0 {
			x.spliceUp(up)
			return
		}
		now := wheel.now()
		u.watch.arm(s.net, up.Raw, now+s.plan.body)
		piece, err := x.body.Next()
		if err == nil {
			err = x.checkBody(u, len(piece), now-begin)
		}
		if err != nil && !isEnd(err) {
			fired := u.watch.disarm()
			if !u.stopped.Load() {
				u.fault = bodyFault(err, fired)
			}
			return
		}
		out := (*buf)[:0]
		if chunked && len(piece) > 0 {
			out = http1.AppendChunk(out, piece)
		}
		if err != nil {
			u.complete = true
			if chunked {
				out = http1.AppendLastChunk(out, x.body.Trailer())
			}
		} else if !chunked {
			out = piece
		}
		if len(out) > 0 {
			if _, werr := up.Stream.Write(out); werr != nil {
				u.broken, u.complete = true, false
				u.watch.disarm()
				return
			}
		}
		u.watch.disarm()
		if u.complete {
			return
		}
	}
}

// checkBody applies the body limit and the minimum rate.
func (x *exchange) checkBody(u *upload, n int, elapsed int64) error {
	u.bytes += int64(n)
	if x.meter > 0 && u.bytes+x.rec.BytesIn > x.meter {
		return &message.Fault{Side: message.SideClient, Status: 413, Cause: "body-too-large"}
	}
	rate := x.s.plan.Model.Limits.BodyRate
	if elapsed > x.s.plan.body && rate > 0 && u.bytes < rate*(elapsed/1e9) {
		return slow("body-slow", message.SideClient)
	}
	return nil
}

// spliceUp moves the rest of a Content-Length body in the kernel.
func (x *exchange) spliceUp(up *upstream.UpConn) {
	u, s := &x.upload, x.s
	size := pace(spliceLeast)
	for left := x.body.Remaining(); left > 0; {
		begin := x.srv.wheel.now()
		u.watch.arm(s.plain, up.Plain, begin+s.plan.body)
		n, err := netio.Splice(up.Plain, s.plain, min(left, int64(size)))
		fired := u.watch.disarm()
		left -= n
		u.bytes += n
		u.spliced += n
		if n == 0 && err == nil || err != nil {
			switch {
			case u.stopped.Load():
			case fired && n > 0:
				u.fault = slow("body-slow", message.SideClient)
			case fired || isEnd(err) || err == nil:
				u.fault = bodyFault(err, fired)
			default:
				u.broken = true
			}
			return
		}
		x.body.Skip(n)
		size.adapt(x.srv.wheel.now() - begin)
	}
	u.complete = true
}

// bodyFault says what went wrong while reading the client's body.
func bodyFault(err error, fired bool) *message.Fault {
	if f, ok := err.(*message.Fault); ok && f != nil && !isTimeout(f.Err) {
		return f
	}
	if fired || isTimeout(err) {
		return slow("body-timeout", message.SideClient)
	}
	return &message.Fault{Side: message.SideClient, Cause: "client-gone", Err: err}
}
