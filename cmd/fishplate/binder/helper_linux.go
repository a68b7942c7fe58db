package binder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// lineFD is the helper's end of the line.
const lineFD = 3

// Run is the helper. It returns when nobody has the other end of the line any more.
func Run() error {
	if kind, err := unix.GetsockoptInt(lineFD, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_SEQPACKET {
		return errors.New("binder: serve starts this, and nobody else can")
	}
	unix.CloseOnExec(lineFD)
	// The end of the line ends it; what ends a service or a terminal's programs is
	// not meant for it, while others drain.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE, syscall.SIGUSR1, syscall.SIGUSR2)
	// Who has the same user must not look into it, nor lend its right.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("binder: hide: %w", err)
	}
	return serve(lineFD)
}

// serve answers requests, one at a time.
func serve(line int) error {
	// One byte more than a request shows which are too long; the kernel closes
	// descriptors that there is no room for.
	request, rights := make([]byte, requestSize+1), make([]byte, unix.CmsgSpace(4*descriptors))
	for {
		n, oob, flags, _, err := unix.Recvmsg(line, request, rights, unix.MSG_CMSG_CLOEXEC)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("binder: receive: %w", err)
		case n == 0 && oob == 0:
			return nil
		}
		answer(request[:n], received(rights[:oob]), flags)
	}
}

// received are the descriptors that came with a request.
func received(rights []byte) (fds []int) {
	list, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil
	}
	for i := range list {
		some, err := unix.ParseUnixRights(&list[i])
		if err == nil {
			fds = append(fds, some...)
		}
	}
	return fds
}

// answer does what a request wants, if it is one, says how it went, and closes
// what came with it.
func answer(request []byte, fds []int, flags int) {
	defer func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	}()
	if len(fds) != descriptors || flags&(unix.MSG_CTRUNC|unix.MSG_TRUNC) != 0 {
		return // the other side sees that its answer never comes
	}
	number := unix.Errno(0)
	if err := bind(fds[0], request); err != nil && !errors.As(err, &number) {
		number = unix.EBADMSG
	}
	said := binary.BigEndian.AppendUint32(nil, uint32(number))
	_ = unix.Sendto(fds[1], said, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil) // who asked may be gone
}

// bind binds a socket if it is of TCP.
func bind(fd int, request []byte) error {
	a, zone, err := parseRequest(request)
	if err != nil {
		return err
	}
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return err
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return err
	}
	protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
	if err != nil {
		return err
	}
	if kind != unix.SOCK_STREAM || protocol != unix.IPPROTO_TCP {
		return unix.EPROTONOSUPPORT
	}
	ip := a.Addr()
	switch {
	case domain == unix.AF_INET && ip.Is4In6():
		return unix.Bind(fd, &unix.SockaddrInet4{Port: int(a.Port()), Addr: ip.Unmap().As4()})
	case domain == unix.AF_INET6:
		return unix.Bind(fd, &unix.SockaddrInet6{Port: int(a.Port()), ZoneId: zone, Addr: ip.As16()})
	}
	return unix.EAFNOSUPPORT
}
