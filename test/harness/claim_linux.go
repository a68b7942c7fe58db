package harness

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// claim takes a port for as long as this process lives, from all that ask so: the
// name of a socket is one's own within a network namespace, and goes with its owner.
func claim(port int) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("claim port %d: %w", port, err)
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: fmt.Sprintf("@fishplate-test-port-%d", port)}); err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("claim port %d: %w", port, err)
	}
	return nil
}
