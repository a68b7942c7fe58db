//go:build !linux

package netio

import "io"

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

type onlyReader struct{ io.Reader }
