package netio

import (
	"errors"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// pipe carries spliced pages between two sockets. One in the pool is empty.
type pipe struct {
	r, w int
	size int
}

const (
	// pipeSize is asked of F_SETPIPE_SZ. Larger pipes measured no faster, and
	// use up the user's quota of pipe pages sooner.
	pipeSize  = 256 << 10
	idlePipes = 64 // kept for reuse; at most this many pipes stay open
)

// pipePool keeps idle pipes, newest first.
type pipePool struct {
	mu   sync.Mutex
	idle []pipe
}

var pipes pipePool

func (p *pipePool) get() (pipe, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		out := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return out, nil
	}
	p.mu.Unlock()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return pipe{}, os.NewSyscallError("pipe", err)
	}
	size := 64 << 10
	// Over the user's quota the kernel refuses; a small pipe works too.
	if got, err := unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, pipeSize); err == nil {
		size = got
	}
	return pipe{r: fds[0], w: fds[1], size: size}, nil
}

// put gives an empty pipe back; one with bytes left in it must be closed.
func (p *pipePool) put(x pipe) {
	p.mu.Lock()
	if len(p.idle) < idlePipes {
		p.idle = append(p.idle, x)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	x.close()
}

func (x pipe) close() {
	_ = unix.Close(x.r)
	_ = unix.Close(x.w)
}

const spliceFlags = unix.SPLICE_F_NONBLOCK | unix.SPLICE_F_MOVE

// Splice moves n bytes, or all until the end when n is negative, from src to
// dst without copying them through the process. It returns how many bytes dst
// took; io.ErrUnexpectedEOF when src ended before n. Deadlines of both count. An
// error of dst is a *WriteError.
func Splice(dst, src *Conn, n int64) (int64, error) {
	for _, c := range []*Conn{dst, src} { // one that is not with the poller is locked while it is worked on
		if err := c.raw.join(); err != nil {
			return 0, c.opError("splice", err)
		}
	}
	p, err := pipes.get()
	if err != nil {
		return 0, err
	}
	s := splicer{pipe: p, dst: dst, src: src}
	moved, err := s.run(n)
	if s.held > 0 {
		p.close()
	} else {
		pipes.put(p)
	}
	return moved, err
}

// splicer is one call's state. Its two functions are made once per call.
type splicer struct {
	pipe
	dst, src *Conn
	want     int // bytes to ask for
	held     int // bytes in the pipe
	n        int
	err      error
}

func (s *splicer) run(n int64) (moved int64, err error) {
	fill, drain := s.fill, s.drain
	for n < 0 || moved < n {
		s.want = s.size
		if n >= 0 {
			s.want = int(min(int64(s.size), n-moved))
		}
		if err := s.src.raw.Read(fill); err != nil {
			return moved, s.src.opError("splice", err)
		}
		if s.err != nil {
			return moved, os.NewSyscallError("splice", s.err)
		}
		if s.held == 0 {
			if n < 0 {
				return moved, nil
			}
			return moved, io.ErrUnexpectedEOF
		}
		for s.held > 0 {
			if err := s.dst.raw.Write(drain); err != nil {
				return moved, &WriteError{s.dst.opError("splice", err)}
			}
			if s.err != nil {
				return moved, &WriteError{os.NewSyscallError("splice", s.err)}
			}
			moved += int64(s.n)
		}
	}
	return moved, nil
}

// fill moves what the source has into the empty pipe. The call may move many
// pages, so the scheduler is told of it.
func (s *splicer) fill(fd uintptr) bool {
	n, ok, err := spliceOnce(int(fd), s.w, s.want)
	s.held, s.err = n, err
	return ok
}

func (s *splicer) drain(fd uintptr) bool {
	n, ok, err := spliceOnce(s.r, int(fd), s.held)
	s.n, s.err = n, err
	s.held -= n
	return ok
}

// spliceOnce is one attempt; ok is false when it would have blocked.
func spliceOnce(from, to, want int) (n int, ok bool, err error) {
	for {
		moved, err := unix.Splice(from, nil, to, nil, want, spliceFlags)
		switch {
		case err == nil:
			return int(moved), true, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return 0, false, nil
		default:
			return 0, true, err
		}
	}
}

// SendFile writes n bytes of a file from an offset on without copying them
// through the process. It returns how many bytes dst took; io.ErrUnexpectedEOF
// when the file ended before. The file's own position is neither used nor moved.
func SendFile(dst *Conn, src *os.File, offset, n int64) (int64, error) {
	if err := dst.raw.join(); err != nil { // a disk may be slow, and a descriptor of its own is locked meanwhile
		return 0, dst.opError("sendfile", err)
	}
	from := int(src.Fd())
	s := fileSender{from: from, offset: offset}
	send := s.send
	var sent int64
	for sent < n {
		s.want = int(min(n-sent, 1<<30))
		if err := dst.raw.Write(send); err != nil {
			return sent, dst.opError("sendfile", err)
		}
		sent += int64(s.n)
		switch {
		case s.err != nil:
			return sent, os.NewSyscallError("sendfile", s.err)
		case s.n == 0:
			return sent, io.ErrUnexpectedEOF
		}
	}
	return sent, nil
}

// fileSender is one call's state. It may read a disk, so the scheduler is told.
type fileSender struct {
	from   int
	offset int64
	want   int
	n      int
	err    error
}

func (s *fileSender) send(fd uintptr) bool {
	for {
		n, err := unix.Sendfile(int(fd), s.from, &s.offset, s.want)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return false
		}
		s.n, s.err = max(n, 0), err
		return true
	}
}
