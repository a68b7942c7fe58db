package linux

import (
	"errors"
	"io"
	"syscall"

	"fishplate/riscv/files"
)

const (
	maxTransfer = 1 << 20 // bytes of one read or write; more is a short count
	maxVectors  = 1024
)

// write gives bytes to a stream. A reader that went away raises SIGPIPE, which
// by default ends the process as in a shell's pipe.
func (p *Process) write(a *args) (uint64, Errno) {
	f := p.files.Of(a.int(0))
	if f == nil || f.Out == nil {
		return 0, EBADF
	}
	b, e := p.load(a[1], min(a[2], maxTransfer))
	if e != 0 || len(b) == 0 {
		return 0, e
	}
	n, err := f.Out.Write(b)
	switch {
	case n > 0 || err == nil:
		return uint64(n), 0
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		p.raise(sigPipe, info{code: codeKernel})
		return 0, EPIPE
	}
	return 0, EIO
}

// read takes what a stream has; the host's reader decides how long that waits.
// The buffer is checked first, so that nothing is read that cannot be stored.
func (p *Process) read(a *args) (uint64, Errno) {
	f := p.files.Of(a.int(0))
	if f == nil {
		return 0, EBADF
	}
	if f.In == nil {
		return p.readData(f, a[1], a[2], &f.At)
	}
	b := make([]byte, min(a[2], maxTransfer))
	if e := p.fitsIn(a[1], uint64(len(b))); e != 0 || len(b) == 0 {
		return 0, e
	}
	n, err := f.In.Read(b)
	if n > 0 || err == nil || errors.Is(err, io.EOF) {
		return uint64(n), p.store(a[1], b[:n])
	}
	select {
	case <-p.done:
		return 0, EINTR
	default:
	}
	return 0, EIO
}

// fitsIn checks a buffer before something is read that would be lost.
func (p *Process) fitsIn(addr, n uint64) Errno {
	if n == 0 {
		return 0
	}
	if !p.space.Covers(addr, n) {
		return EFAULT
	}
	_, err := p.Machine.Mem.Writable(addr, n)
	return denied(err)
}

// readData reads from a file that is held in memory, at *at.
func (p *Process) readData(f *files.File, addr, n uint64, at *int64) (uint64, Errno) {
	switch {
	case f.Mode.IsDir():
		return 0, EISDIR
	case f.Out != nil:
		return 0, EBADF
	case *at < 0:
		return 0, EINVAL
	case *at >= int64(len(f.Data)):
		return 0, 0
	}
	b := f.Data[*at:]
	b = b[:min(uint64(len(b)), n, maxTransfer)]
	e := p.store(addr, b)
	if e == 0 {
		*at += int64(len(b))
	}
	return uint64(len(b)), e
}

// pread reads at an offset, which on RV32 comes in two registers.
func (p *Process) pread(a *args) (uint64, Errno) {
	f := p.files.Of(a.int(0))
	switch {
	case f == nil:
		return 0, EBADF
	case f.In != nil || f.Out != nil:
		return 0, ESPIPE
	}
	at := int64(a[3])
	if p.word == 4 {
		at |= int64(a[4]) << 32
	}
	return p.readData(f, a[1], a[2], &at)
}

// writev is write of several parts.
func (p *Process) writev(a *args) (uint64, Errno) { return p.vector(a, p.write) }

// readv is read into several parts.
func (p *Process) readv(a *args) (uint64, Errno) { return p.vector(a, p.read) }

// vector does a call for each part of an iovec, until one is short.
func (p *Process) vector(a *args, one func(*args) (uint64, Errno)) (uint64, Errno) {
	if a.int(2) < 0 || a[2] > maxVectors {
		return 0, EINVAL
	}
	if p.files.Of(a.int(0)) == nil {
		return 0, EBADF
	}
	total := uint64(0)
	size := 2 * uint64(p.word)
	for i := range a[2] {
		v, e := p.load(a[1]+size*i, size)
		n := uint64(0)
		want := uint64(0)
		if e == 0 {
			want = p.wordOf(v[p.word:])
			n, e = one(&args{a[0], p.wordOf(v), want})
		}
		if e != 0 {
			if total > 0 {
				return total, 0
			}
			return 0, e
		}
		if total += n; n < want {
			break
		}
	}
	return total, 0
}

// lseek moves in a file; streams have no place to move to.
func (p *Process) lseek(a *args) (uint64, Errno) {
	return p.seek(a.int(0), int64(a[1]), a.int(2))
}

// llseek is lseek for 32 bits: the offset in two halves, the result in memory.
func (p *Process) llseek(a *args) (uint64, Errno) {
	at, e := p.seek(a.int(0), int64(a[1]<<32|a[2]), a.int(4))
	if e != 0 {
		return 0, e
	}
	l := layoutOf{p: p}
	l.u64(at)
	return 0, p.store(a[3], l.b)
}

// seek is what lseek and llseek do. A place behind the end is allowed: reading
// there gives nothing.
func (p *Process) seek(fd int, offset int64, whence int) (uint64, Errno) {
	f := p.files.Of(fd)
	switch {
	case f == nil:
		return 0, EBADF
	case f.In != nil || f.Out != nil:
		return 0, ESPIPE
	}
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += f.At
	case io.SeekEnd:
		offset += int64(len(f.Data))
	default:
		return 0, EINVAL
	}
	if offset < 0 {
		return 0, EINVAL
	}
	f.At = offset
	return uint64(offset), 0
}

// Requests of ioctl.
const (
	requestTermios = 0x5401
	requestSize    = 0x5413
)

// ioctl answers the two questions that make a stream a terminal for libraries:
// its settings, and its size. Settings cannot be changed.
func (p *Process) ioctl(a *args) (uint64, Errno) {
	f := p.files.Of(a.int(0))
	switch {
	case f == nil:
		return 0, EBADF
	case !f.TTY:
		return 0, ENOTTY
	}
	l := layoutOf{p: p}
	switch a[1] {
	case requestTermios:
		l.u32(0o2400)   // ICRNL, IXON
		l.u32(0o5)      // OPOST, ONLCR
		l.u32(0o277)    // 38400 baud, 8 bits, receiver on
		l.u32(0o100073) // canonical, echo, signals
		l.pad(36)
	case requestSize:
		l.u16(24)
		l.u16(80)
		l.pad(8)
	default:
		return 0, EINVAL
	}
	return 0, p.store(a[2], l.b)
}

// Events of poll.
const (
	pollIn      = 1
	pollOut     = 4
	pollInvalid = 32
)

// ppoll finds every file ready: what reads may then block is the host's affair.
func (p *Process) ppoll(a *args) (uint64, Errno) {
	if a[1] > files.MaxOpen {
		return 0, EINVAL
	}
	ready := uint64(0)
	for i := range a[1] {
		b, e := p.load(a[0]+8*i, 8)
		if e != 0 {
			return 0, e
		}
		fd := int(int32(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24))
		events, got := uint16(b[4])|uint16(b[5])<<8, uint16(0)
		if f := p.files.Of(fd); fd >= 0 && f == nil {
			got = pollInvalid
		} else if fd >= 0 {
			if f.Out == nil || f.In != nil {
				got |= events & pollIn
			}
			if f.Out != nil {
				got |= events & pollOut
			}
		}
		if got != 0 {
			ready++
		}
		if e := p.store(a[0]+8*i+6, []byte{byte(got), byte(got >> 8)}); e != 0 {
			return 0, e
		}
	}
	if ready > 0 {
		return ready, 0
	}
	if a[2] == 0 {
		return p.hang("ppoll waits without a limit for nothing that can happen")
	}
	d, e := p.loadTime(a[2])
	if e != 0 {
		return 0, e
	}
	return 0, p.sleep(d)
}
