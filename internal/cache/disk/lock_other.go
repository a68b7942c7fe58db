//go:build !unix

package disk

import (
	"errors"
	"io"
)

// lockDirectory cannot tell here whether another process uses the directory.
func lockDirectory(string) (io.Closer, error) {
	return nil, errors.New("no directory locks on this system")
}
