//go:build unix

package disk

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// lockDirectory takes the directory for this process, and fails with ErrLocked
// when it is taken. The kernel frees it when the process ends, however it does.
func lockDirectory(path string) (io.Closer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, err
	}
	return f, nil
}
