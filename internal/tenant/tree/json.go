package tree

import (
	"errors"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/tidwall/gjson"

	"fishplate/internal/message"
)

// Bounds of documents and paths.
const (
	maxLevels = 512
	maxPath   = 1024 // bytes
)

// Errors of paths and documents.
var (
	ErrMalformed = errors.New("the document is malformed, or nested too deeply")
	ErrPath      = errors.New("the path is malformed")
	ErrNone      = errors.New("there is nothing at the path")
)

// Work is told of bytes that were read once more, and returns an error when no
// more shall be.
type Work func(bytes int) error

// ValidJSON reports whether b is one JSON value (RFC 8259) of at most 512 levels.
func ValidJSON(b []byte) bool { return shallow(b) && gjson.Valid(message.View(b)) }

// shallow looks at how deep the brackets nest, without recursion.
func shallow(b []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxLevels {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return true
}

// Value is something in a JSON document.
type Value struct {
	r   gjson.Result
	doc string
}

// span returns where in the document a piece of it lies.
func (v Value) span() (from, to int) {
	from = int(uintptr(unsafe.Pointer(unsafe.StringData(v.r.Raw))) - uintptr(unsafe.Pointer(unsafe.StringData(v.doc))))
	return from, from + len(v.r.Raw)
}

// parts cuts a path at its dots. It is UTF-8, as names of a document are: what is
// put under any other would be written as something else, and not be found.
func parts(path []byte) ([]string, error) {
	if len(path) > maxPath || !utf8.Valid(path) {
		return nil, ErrPath
	}
	if len(path) == 0 {
		return nil, nil
	}
	var list []string
	var part []byte
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && i+1 == len(path):
			return nil, ErrPath
		case c == '\\':
			i++
			part = append(part, path[i])
		case c == '.':
			list = append(list, string(part))
			part = part[:0]
		default:
			part = append(part, c)
		}
	}
	return append(list, string(part)), nil
}

// index reads a place in an array.
func index(part string) int {
	n, err := strconv.Atoi(part)
	if err != nil || n < 0 || part != strconv.Itoa(n) {
		return -1
	}
	return n
}

// Find returns the value at a path. It is valid as long as doc is.
func Find(doc, path []byte, work Work) (Value, error) {
	list, err := parts(path)
	if err != nil {
		return Value{}, err
	}
	if !ValidJSON(doc) {
		return Value{}, ErrMalformed
	}
	v := Value{r: gjson.Parse(message.View(doc)), doc: message.View(doc)}
	for _, part := range list {
		if err := work(len(v.r.Raw)); err != nil {
			return Value{}, err
		}
		_, next, ok := v.member(part)
		if !ok {
			return Value{}, ErrNone
		}
		v = next
	}
	return v, nil
}

// member returns the member of an object, or of an array, with its name.
func (v Value) member(part string) (key gjson.Result, member Value, ok bool) {
	if !v.r.IsObject() && !v.r.IsArray() {
		return key, Value{}, false
	}
	at, want := 0, -1
	if v.r.IsArray() {
		if want = index(part); want < 0 {
			return key, Value{}, false
		}
	}
	v.r.ForEach(func(k, r gjson.Result) bool {
		if want >= 0 && at == want || want < 0 && k.String() == part {
			key, member, ok = k, Value{r: r, doc: v.doc}, true
			return false
		}
		at++
		return true
	})
	return key, member, ok
}

// Count returns how many members an array or object has; ok is false for what
// is neither.
func (v Value) Count() (n int, ok bool) {
	if !v.r.IsArray() && !v.r.IsObject() {
		return 0, false
	}
	v.r.ForEach(func(_, _ gjson.Result) bool {
		n++
		return true
	})
	return n, true
}

// Size returns the bytes of the value in the document.
func (v Value) Size() int { return len(v.r.Raw) }

// Append appends the value: a string decoded, anything else as it stands.
func (v Value) Append(dst []byte) []byte {
	if v.r.Type == gjson.String {
		return append(dst, v.r.Str...)
	}
	return append(dst, trim(v.r.Raw)...)
}

func trim(s string) string {
	for len(s) > 0 && space(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && space(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func space(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// The types of values.
const (
	Null = iota
	False
	True
	Number
	String
	Array
	Object
)

// Type returns what the value is.
func (v Value) Type() int {
	switch {
	case v.r.IsArray():
		return Array
	case v.r.IsObject():
		return Object
	}
	switch v.r.Type {
	case gjson.False:
		return False
	case gjson.True:
		return True
	case gjson.Number:
		return Number
	case gjson.String:
		return String
	}
	return Null
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s as a JSON string.
func AppendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRune(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		i++
	}
	return append(dst, '"')
}
