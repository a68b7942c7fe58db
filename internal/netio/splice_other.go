//go:build !linux

package netio

import (
	"io"
	"os"
)

// Splice copies through a buffer: splice(2) is Linux's.
func Splice(dst, src *Conn, n int64) (int64, error) {
	if n < 0 {
		return io.Copy(onlyWriter{dst}, onlyReader{src})
	}
	moved, err := io.CopyN(onlyWriter{dst}, onlyReader{src}, n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return moved, err
}

type onlyWriter struct{ io.Writer }

// Write marks what is the destination's fault.
func (w onlyWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		err = &WriteError{err}
	}
	return n, err
}

type onlyReader struct{ io.Reader }

// SendFile writes n bytes of a file from an offset on. It returns how many bytes
// dst took.
func SendFile(dst *Conn, src *os.File, offset, n int64) (int64, error) {
	return io.Copy(dst, io.NewSectionReader(src, offset, n))
}
