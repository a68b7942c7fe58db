package linux

import (
	"fmt"
	"strconv"
	"strings"
)

// maxShown is how many bytes of a buffer or string a trace line shows.
const maxShown = 48

// trace writes one line about a call that was served.
func (p *Process) trace(number uint64, r *row, a *args, value uint64, e Errno) {
	if p.config.Trace == nil {
		return
	}
	var b strings.Builder
	if r == nil {
		fmt.Fprintf(&b, "call %d(%#x, %#x, %#x, %#x, %#x, %#x)", number, a[0], a[1], a[2], a[3], a[4], a[5])
	} else {
		b.WriteString(r.name + "(")
		for i, arg := range strings.Fields(r.args) {
			if i > 0 {
				b.WriteString(", ")
			}
			p.show(&b, arg, a, i, value, e)
		}
		b.WriteString(")")
	}
	switch {
	case p.ended != nil && p.ended.Exited:
		b.WriteString(" = ?")
	case r != nil && r.address && e == 0:
		fmt.Fprintf(&b, " = %#x", value)
	case e == 0:
		fmt.Fprintf(&b, " = %d", int64(value))
	default:
		fmt.Fprintf(&b, " = -1 %v", e)
	}
	switch {
	case r == nil:
		b.WriteString(" (unknown)")
	case e == ENOSYS && r.doc != "":
		fmt.Fprintf(&b, " (refused: %s)", r.doc)
	}
	p.traceLine(b.String())
	if p.ended != nil && p.ended.Signal != 0 {
		p.traceLine("+++ killed by " + signalName(p.ended.Signal) + " +++")
	} else if p.ended != nil && p.ended.Exited {
		p.traceLine("+++ exited with " + strconv.Itoa(p.ended.Code) + " +++")
	} else if p.ended != nil {
		p.traceLine("+++ stopped: " + p.ended.Reason + " +++")
	}
}

// show writes argument i. What kind it is follows from its name.
func (p *Process) show(b *strings.Builder, name string, a *args, i int, value uint64, e Errno) {
	v := a[i]
	switch name {
	case "fd", "dirfd", "pid", "tid", "code", "signal", "whence", "clock", "count", "size", "how", "old", "resource", "who", "iovcnt", "op", "val":
		if int32(v) == atCWD && name == "dirfd" {
			b.WriteString("AT_FDCWD")
			return
		}
		b.WriteString(strconv.FormatInt(int64(int32(v)), 10))
		return
	case "path":
		if s, bad := p.path(v); bad == 0 {
			b.WriteString(quote([]byte(s), len(s)))
			return
		}
	case "out": // a buffer that the program filled; its length follows
		p.showBuffer(b, v, a[i+1])
		return
	case "in": // a buffer that the call filled
		if e == 0 {
			p.showBuffer(b, v, value)
			return
		}
	}
	if v == 0 {
		b.WriteString("0")
		return
	}
	fmt.Fprintf(b, "%#x", v)
}

// showBuffer writes the beginning of a buffer, or its address where there is
// nothing.
func (p *Process) showBuffer(b *strings.Builder, addr, n uint64) {
	shown, err := p.Machine.Mem.View(addr, min(n, maxShown))
	if err != nil {
		fmt.Fprintf(b, "%#x", addr)
		return
	}
	b.WriteString(quote(shown, int(min(n, 1<<30))))
}

// quote shows bytes as a Go string, and dots where more were.
func quote(b []byte, n int) string {
	if len(b) > maxShown {
		b = b[:maxShown]
	}
	s := strconv.QuoteToASCII(string(b))
	if n > len(b) {
		s += "..."
	}
	return s
}

// note writes a line about a signal that is delivered.
func (p *Process) note(what string, sig int) {
	if p.config.Trace != nil {
		p.traceLine("--- " + what + " " + signalName(sig) + " ---")
	}
}

// traceLine writes a line of the trace.
func (p *Process) traceLine(s string) {
	_, _ = fmt.Fprintln(p.config.Trace, s) // a trace that cannot be written is lost
}
