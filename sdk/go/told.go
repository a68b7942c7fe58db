package fishplate

import (
	"time"
	"unsafe"
)

// Log writes a line to the tenant's log.
func Log(line string) { named(SysLog, line) }

// Print writes to the tenant's log as it is.
func Print(s string) { named(SysPrint, s) }

// Level is how grave a line of the log is.
type Level int

// The levels.
const (
	Debug Level = iota
	Info
	Warning
	Grave
)

// LogLevel writes a line at a level. ErrLimit: one too many in this second; it is
// dropped.
func LogLevel(l Level, line string) error {
	return done(Call(SysLogLevel, uintptr(l), uintptr(start(line)), uintptr(len(line))))
}

// LogField adds a field to the request's line in the access log. A name is a token
// of at most 64 bytes, else ErrInvalid; a value has at most 256 bytes, and a
// request 16 fields, else ErrLimit.
func LogField(name, value string) error { return done(pair(SysLogField, name, value)) }

// CounterAdd adds to a counter of the tenant. ErrInvalid: n is negative, or the
// name no token of at most 64 bytes; ErrLimit: it is the 65th.
func CounterAdd(name string, n int32) error { return done(named(SysCounterAdd, name, uintptr(n))) }

// Span is a part of the request whose time the log tells.
type Span int

// BeginSpan begins to measure one. ErrLimit: a request has 16.
func BeginSpan(name string) (Span, error) {
	n, err := count(named(SysSpanBegin, name))
	return Span(n), err
}

// End ends it. ErrNone: it has ended.
func (s Span) End() error { return done(Call(SysSpanEnd, uintptr(s))) }

// Now is the host's wall clock, which a replay repeats. time.Now counts in
// addition what the program has slept.
func Now() time.Time {
	var r [2]int64
	Call(SysNow, uintptr(unsafe.Pointer(&r)))
	return time.Unix(r[0], r[1])
}

// Monotonic is the time since the program's image was made. Steps are 16 µs.
func Monotonic() time.Duration {
	ns := new(int64)
	Call(SysMonotonic, uintptr(unsafe.Pointer(ns)))
	return time.Duration(*ns)
}

// Random fills up to 4096 bytes with what is good for keys. More is ErrLimit.
func Random(b []byte) error { return done(Call(SysRandom, uintptr(first(b)), uintptr(len(b)))) }

// Fail ends the request with a fault, for a reason that the log tells.
func Fail(why string) { named(SysFail, why) }

// Breakpoint logs where the program is, and where gdb stops when it is attached.
func Breakpoint() { Call(SysBreakpoint) }

// Revision is the revision of the host's calls; ABIRevision is that of this
// package.
func Revision() int { return Call(SysRevision, ^uintptr(0)) }

// IsStorage reports whether this is the storage machine, in which main runs
// before it runs for requests.
func IsStorage() bool { return Call(SysIsStorage) == 1 }
