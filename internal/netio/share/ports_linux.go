package share

import "golang.org/x/sys/unix"

// Connecting says what an error of connect to sa means: ErrPorts when the machine has
// an address to connect from and no port to it.
func Connecting(family int, sa unix.Sockaddr, err error) error {
	if err != unix.EADDRNOTAVAIL {
		return err
	}
	fd, errno := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errno != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if unix.Connect(fd, sa) != nil { // sends nothing, and other protocols have ports of their own
		return err
	}
	return ErrPorts
}
