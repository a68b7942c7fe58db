package fishplate

import (
	"runtime"
	"unsafe"
)

// Numbers of the host's calls; docs/reference/abi.md has them all.
const (
	sysLog             = 503
	sysDecision        = 510
	sysBackendDecision = 512
	sysHashData        = 514
	sysSynth           = 516
	sysFieldRetrieve   = 521
	sysFieldAppend     = 522
	sysFieldSet        = 523
	sysFieldUnset      = 525
	sysSetStatus       = 528
	sysFind            = 530
	sysNext            = 560
	sysKVGet           = 640
	sysKVSet           = 642
)

// Call makes call n of the host with integer arguments, at most seven, and
// returns a0. Addresses of Go memory must come from Bytes of a Pin.
func Call(n int, args ...uintptr) int {
	var a [7]uintptr
	copy(a[:], args)
	r, _, _, _ := ecall(uintptr(n), a[0], a[1], a[2], a[3], a[4], a[5], a[6])
	return int(r)
}

// A Pin keeps memory where it is while the host looks at it. The zero value is
// ready; call Unpin after the call.
type Pin struct{ p runtime.Pinner }

// Bytes returns address and length of b for Call.
func (p *Pin) Bytes(b []byte) (addr, n uintptr) {
	if len(b) == 0 {
		return 0, 0
	}
	p.p.Pin(unsafe.SliceData(b))
	return uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))
}

// String is Bytes of a string.
func (p *Pin) String(s string) (addr, n uintptr) {
	if len(s) == 0 {
		return 0, 0
	}
	// A string may be a constant, which never moves and cannot be pinned.
	return p.Bytes([]byte(s))
}

// Unpin lets go of everything.
func (p *Pin) Unpin() { p.p.Unpin() }

// text makes a call that takes a text after some integers.
func text(n int, s string, before ...uintptr) int {
	var p Pin
	defer p.Unpin()
	a, l := p.String(s)
	return Call(n, append(before, a, l)...)
}

// take makes a call that leaves a text in (dst, size) after its arguments and
// answers with its length, or with -1. It asks twice when there was no room.
func take(call func(dst, size uintptr) int) (string, bool) {
	b := make([]byte, 256)
	for {
		var p Pin
		n := call(p.Bytes(b))
		p.Unpin()
		switch {
		case n < 0:
			return "", false
		case n <= len(b):
			return string(b[:n]), true
		}
		b = make([]byte, n)
	}
}

// lent is memory that the host put beside the program's own.
func lent(addr, n uintptr) []byte {
	if addr == 0 || n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&addr))), n)
}

// lentString is a NUL-terminated text of the host's.
func lentString(addr, limit uintptr) string {
	if addr == 0 {
		return ""
	}
	b := lent(addr, limit)
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
