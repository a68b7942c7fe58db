package netio

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// SendFile writes n bytes of a file from an offset on without copying them
// through the process. It returns how many bytes dst took; io.ErrUnexpectedEOF
// when the file ended before. The file's own position is neither used nor moved.
func SendFile(dst *Conn, src *os.File, offset, n int64) (int64, error) {
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
