package disk

import "fishplate/internal/message"

// Meta is what is kept of an object beside its texts and its body.
type Meta struct {
	Status       uint16
	Encoding     uint8
	Flags        uint32
	Born, Stored int64 // ns since 1970
	Fresh, Grace int64 // ns
	Keep         int64 // ns
	StaleIfError int64 // ns
	First, Total int64 // bytes: a partial object's first one, the length of the whole
}

// Object is a complete object of the memory tier.
type Object interface {
	Pin()
	Unpin()
	Meta() *Meta
	KeyText() []byte
	Vary() []byte
	Head(h *message.Header)
	Tags(yield func(tag []byte) bool)
	Size() int64
	Segment(at int64) []byte
}
