package share

import (
	"errors"
	"syscall"
)

// ErrPorts is that every local port to an address is taken (EADDRNOTAVAIL).
var ErrPorts = errors.New("all local ports to the address are taken")

// Exhausted reports whether the system had no descriptor to give, or no memory for it.
func Exhausted(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && (errno == syscall.EMFILE || errno == syscall.ENFILE || errno == syscall.ENOBUFS || errno == syscall.ENOMEM)
}
