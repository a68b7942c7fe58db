package message

import "slices"

// A Field is one header field. Its texts are offsets into the head's buffer,
// or, when edited is set, into the header's arena.
type Field struct {
	nameOff, valueOff uint32
	nameLen, valueLen uint32
	ID                Name
	nameIn, valueIn   bool // the text lies in the arena
}

// Header is an ordered list of fields. The zero value is an empty header.
type Header struct {
	fields []Field
	buf    []byte // what arrived; owned by the codec
	arena  []byte // what was edited; owned by the header
}

// Reset empties the header and attaches the buffer that ParsedField's offsets
// refer to. Capacity is kept.
func (h *Header) Reset(buf []byte) {
	h.fields = h.fields[:0]
	h.arena = h.arena[:0]
	h.buf = buf
}

// Rebase replaces the attached buffer by one that holds the same bytes, for a
// codec that moves a head.
func (h *Header) Rebase(buf []byte) { h.buf = buf }

// ParsedField appends a field whose name and value lie in the attached buffer
// at the offsets given. Only a codec calls it, after it checked the syntax.
func (h *Header) ParsedField(id Name, nameOff, nameLen, valueOff, valueLen int) {
	h.fields = append(h.fields, Field{
		nameOff: uint32(nameOff), nameLen: uint32(nameLen),
		valueOff: uint32(valueOff), valueLen: uint32(valueLen), ID: id,
	})
}

// Len returns the number of fields.
func (h *Header) Len() int { return len(h.fields) }

// ID returns the well-known name of field i, or Other.
func (h *Header) ID(i int) Name { return h.fields[i].ID }

// Name returns the name of field i as it arrived or was set. The slice is valid
// until the header is reset and must not be written to.
func (h *Header) Name(i int) []byte {
	f := &h.fields[i]
	if f.nameIn {
		return h.arena[f.nameOff : f.nameOff+f.nameLen]
	}
	return h.buf[f.nameOff : f.nameOff+f.nameLen]
}

// Value returns the value of field i without surrounding white space.
func (h *Header) Value(i int) []byte {
	f := &h.fields[i]
	if f.valueIn {
		return h.arena[f.valueOff : f.valueOff+f.valueLen]
	}
	return h.buf[f.valueOff : f.valueOff+f.valueLen]
}

// Index returns the position of the first field of that well-known name at or
// after position from, or -1.
func (h *Header) Index(id Name, from int) int {
	for i := from; i < len(h.fields); i++ {
		if h.fields[i].ID == id {
			return i
		}
	}
	return -1
}

// Find returns the position of the first field of that name (ASCII case
// ignored), or -1.
func (h *Header) Find(name string) int { return h.FindFrom(name, 0) }

// FindFrom is Find at or after position from.
func (h *Header) FindFrom(name string, from int) int {
	for i := from; i < len(h.fields); i++ {
		if f := &h.fields[i]; int(f.nameLen) == len(name) && EqualFold(h.Name(i), name) {
			return i
		}
	}
	return -1
}

// Get returns the value of the first field of that name; ok is false when
// there is none.
func (h *Header) Get(name string) (value []byte, ok bool) {
	if i := h.Find(name); i >= 0 {
		return h.Value(i), true
	}
	return nil, false
}

// GetID is Get by well-known name.
func (h *Header) GetID(id Name) (value []byte, ok bool) {
	if i := h.Index(id, 0); i >= 0 {
		return h.Value(i), true
	}
	return nil, false
}

// Add appends a field. The caller has checked name and value (ValidName,
// ValidValue); both are copied. It is not inlined, because the compiler then
// takes the texts to escape and moves callers' buffers to the heap.
//
//go:noinline
func (h *Header) Add(name, value string) { add(h, name, value) }

// AddBytes is Add of bytes.
//
//go:noinline
func (h *Header) AddBytes(name, value []byte) { add(h, name, value) }

func add[N, V ~string | ~[]byte](h *Header, name N, value V) {
	f := Field{nameOff: uint32(len(h.arena)), nameLen: uint32(len(name)), nameIn: true, valueIn: true}
	h.arena = append(h.arena, name...)
	f.valueOff, f.valueLen = uint32(len(h.arena)), uint32(len(value))
	h.arena = append(h.arena, value...)
	f.ID = LookupName(h.arena[f.nameOff : f.nameOff+f.nameLen])
	h.fields = append(h.fields, f)
}

// Set replaces every field of that name by one, at the first one's place, or
// appends it.
func (h *Header) Set(name, value string) {
	i := h.Find(name)
	if i < 0 {
		h.Add(name, value)
		return
	}
	h.SetValue(i, value)
	for j := h.FindFrom(name, i+1); j >= 0; j = h.FindFrom(name, j) {
		h.RemoveAt(j)
	}
}

// SetValue replaces the value of field i; the value is copied.
func (h *Header) SetValue(i int, value string) {
	f := &h.fields[i]
	f.valueOff, f.valueLen, f.valueIn = uint32(len(h.arena)), uint32(len(value)), true
	h.arena = append(h.arena, value...)
}

// SetValueBytes is SetValue of bytes.
func (h *Header) SetValueBytes(i int, value []byte) {
	f := &h.fields[i]
	f.valueOff, f.valueLen, f.valueIn = uint32(len(h.arena)), uint32(len(value)), true
	h.arena = append(h.arena, value...)
}

// Space returns n bytes of the arena for a text that belongs to this head but
// is not as it arrived, such as a normal form. It is valid until Reset.
func (h *Header) Space(n int) []byte {
	at := len(h.arena)
	h.arena = slices.Grow(h.arena, n)[:at+n]
	return h.arena[at : at+n : at+n]
}

// Replace replaces name and value of field i; both are copied.
func (h *Header) Replace(i int, name, value string) {
	add(h, name, value)
	h.fields[i] = h.fields[len(h.fields)-1]
	h.fields = h.fields[:len(h.fields)-1]
}

// RemoveAt removes field i; later fields move down by one.
func (h *Header) RemoveAt(i int) {
	h.fields = append(h.fields[:i], h.fields[i+1:]...)
}

// Remove removes every field of that name and returns how many there were.
func (h *Header) Remove(name string) int {
	kept := h.fields[:0]
	for i := range h.fields {
		if f := h.fields[i]; int(f.nameLen) != len(name) || !EqualFold(h.Name(i), name) {
			kept = append(kept, f)
		}
	}
	n := len(h.fields) - len(kept)
	h.fields = kept
	return n
}

// RemoveID is Remove by well-known name.
func (h *Header) RemoveID(id Name) int {
	kept := h.fields[:0]
	for _, f := range h.fields {
		if f.ID != id {
			kept = append(kept, f)
		}
	}
	n := len(h.fields) - len(kept)
	h.fields = kept
	return n
}

// CopyFrom makes h an independent copy of src, which may then be reset.
func (h *Header) CopyFrom(src *Header) {
	h.Reset(nil)
	for i := range src.fields {
		h.AddBytes(src.Name(i), src.Value(i))
	}
}

// Save appends the present list of fields to dst, for Restore. Texts are never
// overwritten before Reset, so the list alone is the header's whole state.
func (h *Header) Save(dst []Field) []Field { return append(dst, h.fields...) }

// Restore makes the header's fields what they were at Save. There must have
// been no Reset in between.
func (h *Header) Restore(saved []Field) { h.fields = append(h.fields[:0], saved...) }

// tchar is RFC 9110 §5.6.2's token alphabet.
var tchar = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-0x20] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return t
}()

// IsTokenByte reports whether c may stand in a token (RFC 9110 §5.6.2).
func IsTokenByte(c byte) bool { return tchar[c] }

// ValidName reports whether s is a field name, a non-empty token.
func ValidName[S ~string | ~[]byte](s S) bool {
	for i := 0; i < len(s); i++ {
		if !tchar[s[i]] {
			return false
		}
	}
	return len(s) > 0
}

// ValidValue reports whether s may stand as a field value (RFC 9110 §5.5):
// visible ASCII, obs-text, space and tab, without white space at either end.
func ValidValue[S ~string | ~[]byte](s S) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return len(s) == 0 || s[0] != ' ' && s[0] != '\t' && s[len(s)-1] != ' ' && s[len(s)-1] != '\t'
}
