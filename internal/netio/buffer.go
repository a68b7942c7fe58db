package netio

import "sync"

// BufferSize is the length of a pooled buffer in bytes.
const BufferSize = 16 << 10

var buffers = sync.Pool{New: func() any {
	b := make([]byte, BufferSize)
	return &b
}}

// GetBuffer takes a buffer of BufferSize bytes with arbitrary content from the
// pool. The caller owns it until PutBuffer.
func GetBuffer() *[]byte { return buffers.Get().(*[]byte) }

// PutBuffer gives a buffer back, at its full length whatever it was cut to; nil
// and what is not of the pool's size are ignored.
func PutBuffer(b *[]byte) {
	if b == nil || cap(*b) != BufferSize {
		return
	}
	*b = (*b)[:BufferSize]
	buffers.Put(b)
}
