package proxy

import (
	"errors"
	"os"
	"time"

	"fishplate/internal/http1"
	"fishplate/internal/message"
	"fishplate/internal/netio"
	"fishplate/internal/upstream"
)

// replyOrigin streams the origin's answer to the client.
func (x *exchange) replyOrigin() *message.Fault {
	if x.visit.Composed {
		return x.compose()
	}
	framing, length := x.framing()
	if x.uploadWaits() {
		// The client was not told to go on and may never send its body.
		x.req.Close = true
	}
	bodyless := x.bodyless()
	in := x.origin.Body(x.resp.Framing, x.resp.Length)
	out := x.appendHead(x.buffer(&x.out), framing, length)
	x.rec.Status = x.resp.Status
	if bodyless || x.resp.Framing == message.NoBody {
		if err := x.flush(out); err != nil {
			return clientGone(err)
		}
		return x.settleOrigin(true)
	}
	c := carrier{x: x, in: in, out: out, chunked: framing == message.Chunked, idle: x.idleLimit()}
	if f := c.run(); f != nil {
		return f
	}
	return x.settleOrigin(x.resp.Framing != message.UntilEnd)
}

// framing chooses how the client finds the end of the body (RFC 9112 §6).
func (x *exchange) framing() (message.Framing, int64) {
	switch {
	case x.resp.Framing == message.Length || x.resp.Framing == message.NoBody:
		return x.resp.Framing, x.resp.Length
	case x.s.sink != nil:
		return message.UntilEnd, 0
	case x.req.Minor >= 1:
		return message.Chunked, 0
	}
	x.req.Close, x.endless = true, true // HTTP/1.0 knows no other end than the connection's
	return message.UntilEnd, 0
}

func (x *exchange) idleLimit() int64 {
	if d := x.backend.Timeouts().Idle; d > 0 {
		return int64(d)
	}
	return int64(time.Minute)
}

// uploadWaits reports whether the answer came before a body that the client
// holds back until it is told to go on.
func (x *exchange) uploadWaits() bool {
	return x.req.Expect100 && x.upload.poll() && !x.told
}

// settleOrigin gives the origin's connection back after a whole answer.
func (x *exchange) settleOrigin(reusable bool) *message.Fault {
	u := &x.upload
	if u.poll() && (x.resp.Close || x.resp.Status >= 400 || x.req.Close) {
		// Nobody wants the rest of the request.
		x.stopUpload()
	}
	x.endUpload()
	if u.ended && !u.complete {
		x.req.Close = true
		reusable = false
	}
	reusable = reusable && !x.resp.Close && x.origin.Buffered() == 0
	x.origin.Release()
	x.lease.Release(reusable)
	x.leased, x.up = false, nil
	if u.ended && u.fault != nil {
		u.fault.Status = 0 // the request has had its one answer
		return u.fault
	}
	return nil
}

// flush writes out to the client.
func (x *exchange) flush(out []byte) error {
	x.armWrite()
	_, err := x.s.stream.Write(out)
	x.s.watch.disarm()
	x.rec.BytesOut += int64(len(out))
	return err
}

// A carrier moves one body from the origin to the client. Bytes that are
// already here are gathered into as few writes as possible; it never waits for
// the origin while it holds bytes that the client could have.
type carrier struct {
	x       *exchange
	in      *http1.Body
	out     []byte // gathered, not yet written
	chunked bool
	begun   bool // the head is out
	idle    int64
}

func (c *carrier) run() *message.Fault {
	x := c.x
	for !c.in.Done() {
		// Behind a chunk's data there may be its line end alone.
		if n := x.origin.Buffered(); n == 0 || c.inner() && n <= len("\r\n") {
			if err := c.flush(); err != nil {
				return clientGone(err)
			}
			if n == 0 && c.spliceable() {
				return c.splice()
			}
		}
		x.s.watch.arm(x.up.Raw, nil, x.srv.wheel.now()+c.idle)
		piece, err := c.in.Next()
		fired := x.s.watch.disarm()
		if err != nil && !isEnd(err) {
			return c.fail(err, fired)
		}
		if err := c.add(piece); err != nil {
			return clientGone(err)
		}
	}
	if c.chunked {
		c.out = http1.AppendLastChunk(c.out, c.in.Trailer())
	}
	if err := c.flush(); err != nil {
		return clientGone(err)
	}
	return nil
}

// inner reports whether the origin's body is chunked.
func (c *carrier) inner() bool { return c.x.resp.Framing == message.Chunked }

// add gathers a piece, or writes it at once when it is large.
func (c *carrier) add(piece []byte) error {
	const overhead = 32 // of a chunk
	x := c.x
	if len(piece) == 0 {
		return nil
	}
	if len(c.out)+len(piece)+overhead <= cap(c.out) {
		if c.chunked {
			c.out = http1.AppendChunk(c.out, piece)
		} else {
			c.out = append(c.out, piece...)
		}
		return nil
	}
	if c.chunked {
		if err := c.flush(); err != nil {
			return err
		}
		c.out = http1.AppendChunk(c.out, piece)
		return c.flush()
	}
	head := c.out
	c.out, c.begun = c.out[:0], true
	if len(head) == 0 {
		return x.flush(piece)
	}
	return x.send(head, piece)
}

func (c *carrier) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	c.begun = true
	err := c.x.flush(c.out)
	c.out = c.out[:0]
	return err
}

func (c *carrier) spliceable() bool {
	x := c.x
	return !c.chunked && x.s.plain != nil && x.up.Plain != nil && x.resp.Framing == message.Length && c.in.Remaining() >= spliceFrom
}

// splice moves the rest in the kernel. The client may stand still for
// timeouts.write, the origin for its idle timeout.
func (c *carrier) splice() *message.Fault {
	x := c.x
	limit := min(c.idle, x.s.plan.write)
	size := pace(spliceFirst)
	heard := x.srv.wheel.now() // when the origin's last bytes came
	for left := c.in.Remaining(); left > 0; {
		begin := x.srv.wheel.now()
		x.s.watch.arm(x.up.Plain, x.s.plain, begin+limit)
		n, err := netio.Splice(x.s.plain, x.up.Plain, min(left, int64(size)))
		fired := x.s.watch.disarm()
		now := x.srv.wheel.now()
		left -= n
		x.rec.BytesOut += n
		x.countSpliced(n)
		c.in.Skip(n)
		if n > 0 {
			heard = now
		}
		var client *netio.WriteError
		switch {
		case errors.As(err, &client):
			x.req.Close = true
			return clientGone(client.Err)
		case err != nil && fired && now < heard+c.idle:
		case err != nil || n == 0:
			return c.fail(err, fired)
		}
		size.adapt(now - begin)
	}
	return nil
}

// pace is how many bytes are moved under one deadline: many for a fast peer,
// few for a slow one, which is then cut off only when it stands still.
type pace int64

const (
	spliceFirst = 256 << 10
	spliceLeast = 64 << 10
	spliceMost  = 4 << 20
)

func (p *pace) adapt(took int64) {
	switch {
	case took < int64(200*time.Millisecond):
		*p = min(*p*2, spliceMost)
	case took > int64(time.Second):
		*p = spliceLeast
	}
}

// fail says what broke a body under way. Once the head is out, the client sees
// the end of its connection before the end of the body, which is all that can
// be told then.
func (c *carrier) fail(err error, fired bool) *message.Fault {
	if fired {
		err = os.ErrDeadlineExceeded
	}
	x := c.x
	x.req.Close = true
	f := x.bodyBroken(err)
	if c.begun {
		f.Status = 0
	}
	return f
}

// bodyBroken names an error of the origin's connection in the middle of a body
// and reports it to the server's health.
func (x *exchange) bodyBroken(err error) *message.Fault {
	if x.severed() {
		return givenUp()
	}
	var f *message.Fault
	if !errors.As(err, &f) || f.Err != nil {
		f = x.lease.Fault(upstream.ReadingBody, err)
	}
	return f
}
