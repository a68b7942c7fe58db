package store

import (
	"iter"
	"slices"
	"unsafe"

	"fishplate/internal/cache/slab"
	"fishplate/internal/message"
)

const recordSize = int64(unsafe.Sizeof(Object{}))

// A link is an object's membership in a tag. Links lie at the start of the
// object's text cell, followed by its fields, key text, vary blob, head and tags.
type link struct {
	next, prev uint64 // other members: unit of their cell << 16 | number of the link
	desc       uint32 // 1 + number of the tag's desc, 0 = not linked
	hash       uint32
	object     uint32 // whose
	off, len   uint16 // of the tag in the cell
}

// A field is a stored header field. Its place follows from those before it.
type field struct {
	name, value uint16 // lengths
	id          message.Name
	_           uint8
}

const (
	linkSize  = int(unsafe.Sizeof(link{}))
	fieldSize = int(unsafe.Sizeof(field{}))
	overhead  = len(": \r\n")
)

// MaxTags is how many tags one object may have.
const MaxTags = 1024

// measure returns the bytes that the texts take, and refuses what does not fit a
// slab: lengths and offsets have 16 bits.
func measure(parts *Parts) (int, error) {
	n := len(parts.Key) + len(parts.Vary) + len(parts.Tags)*linkSize
	if h := parts.Head; h != nil {
		n += h.Len() * fieldSize
		for i := range h.Len() {
			n += len(h.Name(i)) + len(h.Value(i)) + overhead
		}
	}
	for _, t := range parts.Tags {
		n += len(t)
	}
	if n >= slab.SlabSize || len(parts.Tags) > MaxTags {
		return 0, ErrTooLarge
	}
	return n, nil
}

// write fills the text cell.
func (o *Object) write(cell []byte, parts *Parts) {
	tags := distinct(parts.Tags)
	o.tags = uint16(tags.count)
	links := o.links(cell)
	at := len(links) * linkSize
	if h := parts.Head; h != nil {
		o.fields = uint16(h.Len())
		list := unsafe.Slice((*field)(unsafe.Pointer(&cell[at])), h.Len())
		for i := range list {
			list[i] = field{name: uint16(len(h.Name(i))), value: uint16(len(h.Value(i))), id: h.ID(i)}
		}
		at += h.Len() * fieldSize
	}
	o.keyLen, o.varyLen = uint16(len(parts.Key)), uint16(len(parts.Vary))
	at += copy(cell[at:], parts.Key)
	at += copy(cell[at:], parts.Vary)
	start := at
	if h := parts.Head; h != nil {
		for i := range h.Len() {
			at += copy(cell[at:], h.Name(i))
			at += copy(cell[at:], ": ")
			at += copy(cell[at:], h.Value(i))
			at += copy(cell[at:], "\r\n")
		}
	}
	o.wireLen = uint16(at - start)
	n := 0
	for i, tag := range parts.Tags {
		if tags.repeated(i) {
			continue
		}
		links[n] = link{object: o.self, off: uint16(at), len: uint16(len(tag))}
		at += copy(cell[at:], tag)
		n++
	}
}

// few texts are compared pairwise, which is quicker than clearing a table.
const few = 12

// set says which of up to MaxTags texts repeat an earlier one.
type set struct {
	again [MaxTags / 64]uint64
	count int
}

func (s *set) repeated(i int) bool { return s.again[i/64]&(1<<(i%64)) != 0 }

// distinct finds repeated texts by a hash table on the stack: a thousand tags
// compared pairwise would be a means of attack.
func distinct(list [][]byte) (s set) {
	if len(list) <= few {
		for i, text := range list {
			if slices.ContainsFunc(list[:i], func(other []byte) bool { return string(other) == string(text) }) {
				s.again[0] |= 1 << i
			} else {
				s.count++
			}
		}
		return s
	}
	var table [2 * MaxTags]uint16 // 1 + index
	for i, text := range list {
		at := tagHash(text, 0) % uint32(len(table))
		for table[at] != 0 && string(list[table[at]-1]) != string(text) {
			at = (at + 1) % uint32(len(table))
		}
		if table[at] != 0 {
			s.again[i/64] |= 1 << (i % 64)
			continue
		}
		table[at] = uint16(i + 1)
		s.count++
	}
	return s
}

// cell returns the text cell from offset at on, n bytes.
func (o *Object) piece(at, n int) []byte {
	if n == 0 {
		return nil
	}
	p := (*byte)(unsafe.Add(unsafe.Pointer(o), (int64(o.text)-int64(o.self))*slab.Unit+int64(at)))
	return unsafe.Slice(p, n)
}

func (o *Object) links(cell []byte) []link {
	if o.tags == 0 {
		return nil
	}
	return unsafe.Slice((*link)(unsafe.Pointer(unsafe.SliceData(cell))), int(o.tags))
}

func (o *Object) ownLinks() []link {
	return o.links(o.piece(0, int(o.tags)*linkSize))
}

func (o *Object) keyAt() int { return int(o.tags)*linkSize + int(o.fields)*fieldSize }

// KeyText returns the key text.
func (o *Object) KeyText() []byte { return o.piece(o.keyAt(), int(o.keyLen)) }

// Vary returns the variant's name.
func (o *Object) Vary() []byte { return o.piece(o.keyAt()+int(o.keyLen), int(o.varyLen)) }

// WireHead returns the fields as "Name: value\r\n" each.
func (o *Object) WireHead() []byte {
	return o.piece(o.keyAt()+int(o.keyLen)+int(o.varyLen), int(o.wireLen))
}

// Head makes h the stored fields, whose texts stay in pinned memory.
func (o *Object) Head(h *message.Header) {
	h.Reset(o.WireHead())
	if o.fields == 0 {
		return
	}
	list := unsafe.Slice((*field)(unsafe.Pointer(unsafe.SliceData(o.piece(int(o.tags)*linkSize, int(o.fields)*fieldSize)))), int(o.fields))
	at := 0
	for i := range list {
		f := &list[i]
		name, value := int(f.name), int(f.value)
		h.ParsedField(f.id, at, name, at+name+2, value)
		at += name + value + overhead
	}
}

// Tags yields the tags, each once.
func (o *Object) Tags() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range o.ownLinks() {
			if l := &o.ownLinks()[i]; !yield(o.piece(int(l.off), int(l.len))) {
				return
			}
		}
	}
}
