package http1

import (
	"bytes"
	"errors"
	"io"

	"fishplate/internal/message"
	"fishplate/internal/netio"
)

// Body is the body of the message that was last read. It lies in its Reader.
type Body struct {
	r       *Reader
	framing message.Framing
	state   bodyState
	left    int64 // of a Length body, or of the current chunk
	excess  int   // bytes of chunk extensions so far
	trailer *message.Header
	cause   Cause // what ended it badly
}

type bodyState uint8

const (
	inData     bodyState = iota // left bytes of data follow
	atSize                      // a chunk-size line follows
	atChunkEnd                  // the CRLF after a chunk's data follows
	inTrailer                   // the last chunk was read
	done
)

// Body begins the body of the message just read. The value is the reader's own
// and is reused by the next message.
func (r *Reader) Body(f message.Framing, length int64) *Body {
	b := &r.body
	*b = Body{r: r, framing: f, left: length, trailer: b.trailer}
	if b.trailer != nil {
		b.trailer.Reset(nil)
	}
	switch {
	case f == message.NoBody, f == message.Length && length == 0:
		b.state = done
	case f == message.Chunked:
		b.state, b.left = atSize, 0
	}
	return b
}

// Done reports whether the body has ended well.
func (b *Body) Done() bool { return b.state == done }

// Trailer returns the trailer fields of a chunked body, nil before its end and
// without any. Fields that may not be trailers are left out (RFC 9110 §6.5.1).
func (b *Body) Trailer() *message.Header {
	if b.state != done || b.trailer == nil || b.trailer.Len() == 0 {
		return nil
	}
	return b.trailer
}

// Remaining returns how many bytes of a Length body have not arrived in the
// buffer: after the buffered ones were taken, that many may be spliced from
// the socket and must be reported by Skip. It is 0 for the other framings.
func (b *Body) Remaining() int64 {
	if b.framing != message.Length {
		return 0
	}
	return max(b.left-int64(b.r.Buffered()), 0)
}

// Skip counts n bytes of a Length body that were taken from the socket behind
// the reader's back. The buffer must be empty.
func (b *Body) Skip(n int64) {
	if b.left -= n; b.left <= 0 {
		b.state = done
	}
}

// Resume lets a body go on after a read that a deadline ended: no byte of it was
// lost. Bad framing stays bad.
func (b *Body) Resume() {
	if b.cause == bodyTimeout {
		b.cause = none
	}
}

// Next returns the next decoded piece, at least one byte, which lies in the
// reader's buffer and is valid until the next call. io.EOF is the body's end;
// a *message.Fault names bad framing or a failed connection, and is repeated.
func (b *Body) Next() ([]byte, error) {
	for {
		switch {
		case b.cause != none:
			return nil, b.r.fault(b.cause)
		case b.state == done:
			return nil, io.EOF
		}
		var p []byte
		if b.state == inData {
			p = b.data()
		} else {
			b.control()
		}
		if len(p) > 0 {
			return p, nil
		}
	}
}

// data takes what the buffer has, or reads.
func (b *Body) data() []byte {
	r := b.r
	if r.Buffered() == 0 && !b.fill() {
		return nil
	}
	p := r.buf[r.r:r.w]
	if b.framing == message.UntilEnd {
		r.r = r.w
		return p
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	b.took(len(p))
	r.r += len(p)
	return p
}

// took counts n bytes of data.
func (b *Body) took(n int) {
	if b.framing == message.UntilEnd {
		return
	}
	if b.left -= int64(n); b.left > 0 {
		return
	}
	b.state = done
	if b.framing == message.Chunked {
		b.state = atChunkEnd
	}
}

// Read implements io.Reader. A large p is read into without a detour when
// nothing is buffered.
func (b *Body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for b.state != inData && b.state != done && b.cause == none {
		b.control()
	}
	r := b.r
	if b.state == inData && b.cause == none && r.Buffered() == 0 && len(p) >= bodyRoom {
		if b.framing != message.UntilEnd && int64(len(p)) > b.left {
			p = p[:b.left]
		}
		n, err := r.stream.Read(p)
		b.took(n)
		if n > 0 {
			return n, nil
		}
		b.failed(err)
	}
	if r.Buffered() > 0 && b.state == inData && b.cause == none {
		n := min(len(p), r.Buffered())
		if b.framing != message.UntilEnd {
			n = int(min(int64(n), b.left))
		}
		copy(p, r.buf[r.r:r.r+n])
		r.r += n
		b.took(n)
		return n, nil
	}
	piece, err := b.Next()
	if err != nil {
		return 0, err
	}
	n := copy(p, piece)
	b.unread(len(piece) - n)
	return n, nil
}

// unread gives back the end of the piece that Next just returned.
func (b *Body) unread(n int) {
	if n == 0 {
		return
	}
	b.r.r -= n
	b.state = inData
	if b.framing != message.UntilEnd {
		b.left += int64(n)
	}
}

// Discard reads on until the body's end, at most max bytes of data. It returns
// nil when the connection can carry the next message.
func (b *Body) Discard(max int64) error {
	for {
		p, err := b.Next()
		if errors.Is(err, io.EOF) {
			if b.framing == message.UntilEnd {
				return b.r.fault(bodyTooLong)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if max -= int64(len(p)); max < 0 {
			return b.r.fault(bodyTooLong)
		}
	}
}

// fill reads further bytes behind the head; false means that the body ended,
// well or badly.
func (b *Body) fill() bool {
	r := b.r
	if r.buf == nil {
		r.err = r.first()
		if r.err != nil {
			b.failed(r.err)
		}
		return r.err == nil
	}
	r.bodySpace()
	n, err := r.stream.Read(r.buf[r.w:])
	r.w += n
	if n > 0 {
		return true
	}
	b.failed(err)
	return false
}

// bodySpace makes room behind the head, which stays where it is: unread bytes
// move down to it, or everything unread moves to another buffer.
func (r *Reader) bodySpace() {
	if len(r.buf)-r.base < bodyRoom {
		next := netio.GetBuffer()
		n := copy(*next, r.buf[r.r:r.w])
		if r.pooled != nil {
			r.held = r.pooled
		}
		r.attach(next)
		r.w = n
		return
	}
	if r.r > r.base {
		r.w = r.base + copy(r.buf[r.base:], r.buf[r.r:r.w])
		r.r = r.base
	}
}

// failed ends the body after the stream's error.
func (b *Body) failed(err error) {
	b.r.err = err
	switch {
	case err == nil:
		b.r.err, b.cause = io.ErrNoProgress, readError
	case errors.Is(err, io.EOF) && b.framing == message.UntilEnd:
		b.state = done
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		b.cause = truncatedBody
	case isTimeout(err):
		b.cause = bodyTimeout
	default:
		b.cause = readError
	}
}

// bodyLine returns the next line of a chunked body's framing, without its end,
// or nil after it set the cause.
func (b *Body) bodyLine(limit int, tooLong Cause) ([]byte, bool) {
	r := b.r
	scan := 0
	for {
		pending := r.buf[r.r:r.w]
		if i := bytes.IndexByte(pending[scan:], '\n'); i >= 0 {
			end := scan + i + 1
			if end > limit {
				b.cause = tooLong
				return nil, false
			}
			line, cause := trim(pending[:end])
			if cause != none {
				b.cause = cause
				return nil, false
			}
			r.r += end
			return line, true
		}
		if scan = len(pending); scan >= limit {
			b.cause = tooLong
			return nil, false
		}
		if !b.fill() {
			return nil, false
		}
	}
}
