package netio

import (
	"errors"
	"io"
	"os"

	"fishplate/internal/netio/pipes"

	"golang.org/x/sys/unix"
)

const spliceFlags = unix.SPLICE_F_NONBLOCK | unix.SPLICE_F_MOVE

// Splice moves n bytes, or all until the end when n is negative, from src to
// dst without copying them through the process, unless no pipe is to be had. It
// returns how many bytes dst took; io.ErrUnexpectedEOF when src ended before n.
// Deadlines of both count. An error of dst is a *WriteError.
func Splice(dst, src *Conn, n int64) (int64, error) {
	for _, c := range []*Conn{dst, src} { // one that is not with the poller is locked while it is worked on
		if err := c.raw.join(); err != nil {
			return 0, c.opError("splice", err)
		}
	}
	s := splicer{dst: dst, src: src}
	moved, err := s.run(n)
	s.give()
	return moved, err
}

// splicer is one call's state. Its two functions are made once per call.
type splicer struct {
	*pipes.Pipe // nil: nothing was found that could lie in it
	dst, src    *Conn
	left        int64 // bytes to move; negative: all
	held        int   // bytes in the pipe
	n           int
	err         error
}

func (s *splicer) run(n int64) (moved int64, err error) {
	fill, drain := s.fill, s.drain
	for n < 0 || moved < n {
		if s.left = n; n >= 0 {
			s.left -= moved
		}
		if err := s.src.raw.Read(fill); err != nil {
			return moved, s.src.opError("splice", err)
		}
		if s.err != nil {
			return moved, os.NewSyscallError("splice", s.err)
		}
		if s.Pipe == nil {
			copied, err := s.copy()
			if moved += copied; err == nil {
				continue
			}
			if err == io.EOF && n < 0 {
				err = nil
			} else if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return moved, err
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

// copy moves what the source has at a time by a buffer. It waits without one.
func (s *splicer) copy() (int64, error) {
	if err := s.src.WaitRead(); err != nil {
		return 0, err
	}
	b := GetBuffer()
	defer PutBuffer(b)
	p := *b
	if s.left >= 0 {
		p = p[:min(int64(len(p)), s.left)]
	}
	n, err := s.src.Read(p)
	if err != nil {
		return 0, err
	}
	n, err = s.dst.Write(p[:n])
	if err != nil {
		err = &WriteError{err}
	}
	return int64(n), err
}

// give gives the pipe back.
func (s *splicer) give() {
	if s.Pipe != nil {
		pipes.Give(s.Pipe, s.held == 0)
		s.Pipe = nil
	}
}

// fill moves what the source has into the empty pipe, and waits for it without one.
// The call may move many pages, so the scheduler is told of it.
func (s *splicer) fill(fd uintptr) bool {
	if s.Pipe == nil {
		if s.Pipe = pipes.Take(); s.Pipe == nil {
			return true
		}
	}
	want := s.Size
	if s.left >= 0 {
		want = int(min(int64(want), s.left))
	}
	n, ok, err := spliceOnce(int(fd), s.W, want)
	s.held, s.err = n, err
	if !ok {
		s.give()
	}
	return ok
}

func (s *splicer) drain(fd uintptr) bool {
	n, ok, err := spliceOnce(s.R, int(fd), s.held)
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
