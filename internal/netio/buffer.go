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

// PutBuffer gives a buffer back; nil and buffers of another size are ignored.
func PutBuffer(b *[]byte) {
	if b != nil && len(*b) == BufferSize {
		buffers.Put(b)
	}
}
