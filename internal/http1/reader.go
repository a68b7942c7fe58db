package http1

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"

	"fishplate/internal/message"
	"fishplate/internal/netio"
)

// Limits bound what a head may be. Zero means the default.
type Limits struct {
	HeadBytes   int    // whole head, 32 KiB
	Fields      int    // field lines, 128
	TargetBytes int    // request target, 8 KiB
	Slashes     string // "merge" (default), "keep" or "refuse" adjacent slashes of a path
}

const (
	defaultHeadBytes   = 32 << 10
	defaultFields      = 128
	defaultTargetBytes = 8 << 10
	maxMethod          = 64
	versionBytes       = len("HTTP/1.1")
	// bodyRoom is the least space that body data is read into; with less left
	// behind a head, another buffer is taken. A whole trailer fits in it.
	bodyRoom = 8 << 10
)

// Stream is a connection: *netio.Conn or *tls.Conn.
type Stream interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
}

// Reader reads the messages of one side of a connection. Call Init first.
type Reader struct {
	stream Stream
	plain  *netio.Conn // the stream itself when nothing lies above the socket
	limits Limits

	pooled *[]byte // the pool's buffer that buf is, nil for a large one
	buf    []byte  // nil while nothing is pending
	r, w   int     // buf[r:w] is unread
	base   int     // end of the head in buf: body data may use what follows
	held   *[]byte // the pool's buffer of the head, when the body moved on

	side message.Side
	body Body
	one  [1]byte
	err  error // of the stream, behind the causes that stand for one
}

// Init attaches a stream and forgets what was before.
func (r *Reader) Init(s Stream, l Limits) {
	r.drop()
	if l.HeadBytes <= 0 {
		l.HeadBytes = defaultHeadBytes
	}
	if l.Fields <= 0 {
		l.Fields = defaultFields
	}
	if l.TargetBytes <= 0 {
		l.TargetBytes = defaultTargetBytes
	}
	r.stream, r.limits, r.err = s, l, nil
	r.plain, _ = s.(*netio.Conn)
	r.body = Body{r: r}
}

// Buffered returns how many bytes have arrived and are not yet consumed.
func (r *Reader) Buffered() int { return r.w - r.r }

// Prefill makes the reader consume p, which was read from the stream before
// (to sniff its protocol), first. p is copied; it must fit a pooled buffer.
func (r *Reader) Prefill(p []byte) {
	if r.buf == nil {
		r.attach(netio.GetBuffer())
	}
	r.w += copy(r.buf[r.w:], p)
}

// Adopt makes the reader consume the first n bytes of a pooled buffer, which
// were read from its stream and belong to the reader from now on.
func (r *Reader) Adopt(b *[]byte, n int) {
	r.drop()
	r.attach(b)
	r.w = n
}

// Take returns the unread bytes and forgets them, for a tunnel that goes on
// where the messages end. The slice is valid until the next call of r.
func (r *Reader) Take() []byte {
	b := r.buf[r.r:r.w]
	r.r = r.w
	return b
}

// Release gives the buffers back when nothing is pending. The last head and
// its message become invalid.
func (r *Reader) Release() {
	if r.held != nil {
		netio.PutBuffer(r.held)
		r.held = nil
	}
	if r.r == r.w {
		r.drop()
	}
}

// drop gives back whatever is held.
func (r *Reader) drop() {
	netio.PutBuffer(r.held)
	netio.PutBuffer(r.pooled)
	r.held, r.pooled, r.buf = nil, nil, nil
	r.r, r.w, r.base = 0, 0, 0
}

func (r *Reader) attach(b *[]byte) {
	r.pooled, r.buf = b, *b
	r.r, r.w, r.base = 0, 0, 0
}

// first reads into an empty reader without holding a buffer meanwhile. What
// lies above a socket cannot be asked whether bytes are pending, so a TLS
// stream waits with one byte.
func (r *Reader) first() error {
	if r.plain != nil {
		b, n, err := r.plain.ReadPooled()
		if err != nil {
			return err
		}
		r.attach(b)
		r.w = n
		return nil
	}
	n, err := r.stream.Read(r.one[:])
	if n == 0 {
		if err == nil {
			err = io.ErrNoProgress
		}
		return err
	}
	r.attach(netio.GetBuffer())
	r.buf[0], r.w = r.one[0], 1
	return nil
}

// more reads further bytes of the head that begins at r.r. The head may move.
func (r *Reader) more() error {
	if r.buf == nil {
		return r.first()
	}
	if r.w == len(r.buf) {
		r.makeRoom()
	}
	n, err := r.stream.Read(r.buf[r.w:])
	r.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// makeRoom moves an incomplete head to the front of the buffer or, when it
// fills it, to a larger one. The limit on heads bounds the growth.
func (r *Reader) makeRoom() {
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
		return
	}
	large := make([]byte, max(2*len(r.buf), r.limits.HeadBytes+bodyRoom))
	r.w = copy(large, r.buf[:r.w])
	netio.PutBuffer(r.pooled)
	r.pooled, r.buf = nil, large
}

// line returns the end of the line that begins at offset at from r.r, after
// its LF, reading as needed. limit bounds the end of the line.
func (r *Reader) line(at, limit int, tooLong Cause) (end int, cause Cause) {
	scan := at
	for {
		if i := bytes.IndexByte(r.buf[r.r+scan:r.w], '\n'); i >= 0 {
			if end = scan + i + 1; end > limit {
				return 0, tooLong
			}
			return end, none
		}
		if scan = r.w - r.r; scan >= limit {
			return 0, tooLong
		}
		if r.err = r.more(); r.err != nil {
			return 0, headError(r.err, r.w == r.r)
		}
	}
}

// trim checks a line's end and returns the line without it.
func trim(line []byte) ([]byte, Cause) {
	n := len(line) - 1
	if n == 0 || line[n-1] != '\r' {
		return nil, bareLF
	}
	return line[:n-1], none
}

// headError names a failure of the stream while a head was awaited.
func headError(err error, before bool) Cause {
	switch {
	case errors.Is(err, io.EOF) && before:
		return cleanEOF
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return truncatedHead
	case isTimeout(err) && before:
		return idleTimeout
	case isTimeout(err):
		return headTimeout
	}
	return readError
}

func isTimeout(err error) bool {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// fault makes the error of the data path out of a cause.
func (r *Reader) fault(c Cause) *message.Fault {
	f := &message.Fault{Side: r.side, Step: "read", Status: causes[c].Status, Cause: causes[c].Name}
	switch c {
	case cleanEOF, truncatedHead, truncatedBody, idleTimeout, headTimeout, bodyTimeout, readError:
		f.Err = r.err
	}
	if r.side != message.SideOrigin {
		return f
	}
	f.Step, f.Status = "fetch", 502
	switch c {
	case cleanEOF:
		f.Retry = true
	case idleTimeout, headTimeout, bodyTimeout:
		f.Status = 504
	}
	return f
}

// begin starts a head: what the last one held is given back.
func (r *Reader) begin(side message.Side) {
	r.side = side
	r.body = Body{r: r, trailer: r.body.trailer}
	r.Release()
}
