package netio

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxVector is how many buffers one sendmsg takes. A response is a head and
// one or two pieces of body; more than that goes in rounds.
const maxVector = 16

type vector struct {
	msg unix.Msghdr
	iov [maxVector]unix.Iovec
}

var vectors = sync.Pool{New: func() any { return new(vector) }}

// Writev writes the buffers in order, with one system call when the socket
// takes them at once.
func (c *Conn) Writev(bufs ...[]byte) (int64, error) {
	v := vectors.Get().(*vector)
	var total int64
	at, skip := 0, 0 // the next byte to write is bufs[at][skip]
	var failure error
	for {
		n := v.fill(bufs, at, skip)
		if n == 0 {
			break
		}
		o := &c.out
		o.vec, o.n, o.err = v, 0, 0
		err := c.write()
		o.vec = nil
		total += int64(o.n)
		if err == nil && o.err != 0 {
			err = o.err
		}
		if err != nil {
			failure = c.opError("write", err)
			break
		}
		for left := o.n; left > 0; {
			if step := len(bufs[at]) - skip; left >= step {
				left, at, skip = left-step, at+1, 0
			} else {
				skip, left = skip+left, 0
			}
		}
	}
	*v = vector{}
	vectors.Put(v)
	return total, failure
}

// fill points the vector at what is left and returns how many bytes that is.
func (v *vector) fill(bufs [][]byte, at, skip int) (bytes int) {
	n := 0
	for ; at < len(bufs) && n < maxVector; at, skip = at+1, 0 {
		if b := bufs[at][skip:]; len(b) > 0 {
			v.iov[n].Base = unsafe.SliceData(b)
			v.iov[n].SetLen(len(b))
			bytes += len(b)
			n++
		}
	}
	v.msg.Iov = &v.iov[0]
	v.msg.SetIovlen(n)
	return bytes
}
