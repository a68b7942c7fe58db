package fishplate

import "unsafe"

// Made becomes true at the number of every call, as far as it reaches, for tests.
var Made []bool

// start and first are the addresses of a text and of bytes.
func start(s string) unsafe.Pointer { return unsafe.Pointer(unsafe.StringData(s)) }
func first(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// named makes a call whose arguments are a text and integers.
func named(n int, s string, more ...uintptr) int {
	var m [2]uintptr
	copy(m[:], more)
	return Call(n, uintptr(start(s)), uintptr(len(s)), m[0], m[1])
}

// pair makes a call of two texts.
func pair(n int, a, b string) int {
	return Call(n, uintptr(start(a)), uintptr(len(a)), uintptr(start(b)), uintptr(len(b)))
}

// ask makes a call that answers a text and has integers before (dst, size).
func ask(n int, before ...uintptr) (string, error) {
	return text(func(b []byte) int {
		switch len(before) {
		case 0:
			return Call(n, uintptr(first(b)), uintptr(len(b)))
		case 1:
			return Call(n, before[0], uintptr(first(b)), uintptr(len(b)))
		}
		return Call(n, before[0], before[1], uintptr(first(b)), uintptr(len(b)))
	})
}

// askNamed is ask with a text instead.
func askNamed(n int, s string) ([]byte, error) {
	return take(func(b []byte) int {
		return Call(n, uintptr(start(s)), uintptr(len(s)), uintptr(first(b)), uintptr(len(b)))
	})
}

// take has the host leave bytes in b, which it does when they fit; the result is
// their length in any case. It asks twice when there was no room.
func take(call func(b []byte) int) ([]byte, error) {
	b := make([]byte, 256)
	for {
		n := call(b)
		switch {
		case n < 0:
			return nil, failure(n)
		case n <= len(b):
			return b[:n], nil
		}
		b = make([]byte, n)
	}
}

// text is take for what is not changed any more.
func text(call func(b []byte) int) (string, error) {
	b, err := take(call)
	return unsafe.String(unsafe.SliceData(b), len(b)), err
}

// done makes an error of a negative result.
func done(n int) error {
	if n < 0 {
		return failure(n)
	}
	return nil
}

// count is the result and its error.
func count(n int) (int, error) {
	if n < 0 {
		return 0, failure(n)
	}
	return n, nil
}

// record makes a call whose one argument is a record of words.
//
//go:uintptrescapes
//go:noinline
func record(n int, words ...uintptr) int {
	r := append(make([]uintptr, 0, 12), words...)
	return Call(n, uintptr(unsafe.Pointer(unsafe.SliceData(r))))
}

// lent is memory that the host put beside the program's own.
func lent(addr, n uintptr) []byte {
	if addr == 0 || n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&addr))), n)
}

// lentString is a NUL-terminated text there.
func lentString(addr uintptr) string {
	if addr == 0 {
		return ""
	}
	b := lent(addr, 1<<16)
	n := 0
	for b[n] != 0 {
		n++
	}
	return unsafe.String(unsafe.SliceData(b), n)
}
