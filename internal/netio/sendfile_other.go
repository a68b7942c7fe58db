//go:build !linux

package netio

import (
	"io"
	"os"
)

// SendFile writes n bytes of a file from an offset on. It returns how many bytes
// dst took.
func SendFile(dst *Conn, src *os.File, offset, n int64) (int64, error) {
	return io.Copy(dst, io.NewSectionReader(src, offset, n))
}
