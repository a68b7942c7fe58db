package records

import "encoding/binary"

// AppendText appends a text with its length.
func AppendText[T ~string | ~[]byte](dst []byte, text T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// AppendInt appends a number.
func AppendInt(dst []byte, n int64) []byte { return binary.AppendVarint(dst, n) }

// Fields takes a record apart, in the order in which it was put together. What
// is not there reads as nothing, and is remembered.
type Fields struct {
	rest []byte
	bad  bool
}

// FieldsOf begins at the front of a record, which it does not copy.
func FieldsOf(record []byte) Fields { return Fields{rest: record} }

// Int reads a number.
func (f *Fields) Int() int64 {
	v, n := binary.Varint(f.rest)
	if n <= 0 {
		f.fail()
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

// Count reads a number of things of which each takes at least a byte of what is
// left, so that nobody is asked for more memory than was sent.
func (f *Fields) Count() int {
	n := f.Int()
	if n < 0 || n > int64(len(f.rest)) {
		f.fail()
		return 0
	}
	return int(n)
}

// Bytes reads a text, which lies in the record.
func (f *Fields) Bytes() []byte {
	size, n := binary.Uvarint(f.rest)
	if n <= 0 || size > uint64(len(f.rest)-n) {
		f.fail()
		return nil
	}
	text := f.rest[n : n+int(size) : n+int(size)]
	f.rest = f.rest[n+int(size):]
	return text
}

// Text reads a copy of a text.
func (f *Fields) Text() string { return string(f.Bytes()) }

func (f *Fields) fail() { f.bad, f.rest = true, nil }

// End returns ErrFormat unless everything was there and nothing is left.
func (f *Fields) End() error {
	if f.bad || len(f.rest) > 0 {
		return ErrFormat
	}
	return nil
}

// Rest reads everything that is left, which lies in the record.
func (f *Fields) Rest() []byte {
	rest := f.rest
	f.rest = nil
	return rest
}
