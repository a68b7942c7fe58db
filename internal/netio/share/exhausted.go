package share

import (
	"errors"
	"syscall"
)

// Exhausted reports whether the system had no descriptor to give, or no memory for it.
func Exhausted(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && (errno == syscall.EMFILE || errno == syscall.ENFILE || errno == syscall.ENOBUFS || errno == syscall.ENOMEM)
}
