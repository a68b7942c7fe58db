package netio

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"time"

	"fishplate/internal/netio/pipes"
	"fishplate/internal/netio/share"

	"golang.org/x/sys/unix"
)

// dialTCP makes one attempt: socket, connect, and the poller only when the
// kernel needs time. package net's dialler costs half a dozen further system
// calls and a goroutine.
func dialTCP(ctx context.Context, ap netip.AddrPort, o DialOptions) (*Conn, error) {
	family, sa, err := sockaddrOf(ap)
	if err != nil {
		return nil, err
	}
	fd, err := newSocket(family, unix.IPPROTO_TCP)
	if err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if o.Mark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(o.Mark)); err != nil {
			_ = unix.Close(fd)
			return nil, os.NewSyscallError("setsockopt SO_MARK", err)
		}
	}
	err = unix.Connect(fd, sa)
	if err != nil && !errors.Is(err, unix.EINPROGRESS) && !errors.Is(err, unix.EINTR) {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("connect", share.Connecting(family, sa, err))
	}
	c := newConn(fd, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), false)
	if err != nil {
		if err := c.awaitConnect(ctx); err != nil {
			_ = c.Close()
			return nil, err
		}
	}
	return c, nil
}

// newSocket makes a socket; pipes that nobody uses give way to it.
func newSocket(family, protocol int) (int, error) {
	for {
		fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, protocol)
		if err == nil || !Exhausted(err) || !pipes.Trim() {
			return fd, os.NewSyscallError("socket", err)
		}
	}
}

// awaitConnect parks until the handshake has ended, well or badly.
func (c *Conn) awaitConnect(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetWriteDeadline(deadline); err != nil {
			return err
		}
	}
	stop := func() bool { return true }
	if ctx.Done() != nil {
		// A moment long past wakes the wait below at once.
		stop = context.AfterFunc(ctx, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })
	}
	var result error
	err := c.raw.Write(func(fd uintptr) bool {
		// The poller may have reported the end before this wait began, so
		// the socket itself is asked each time.
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if n, err := unix.Poll(p, 0); err != nil || n == 0 {
			return false
		}
		n, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && n != 0 {
			err = unix.Errno(n)
		}
		result = err
		return true
	})
	stopped := stop()
	switch {
	case err == nil && result != nil:
		return os.NewSyscallError("connect", result)
	case err == nil && stopped:
		return c.SetWriteDeadline(time.Time{})
	case err == nil: // connected, and given up by the caller at the same moment
		err = os.ErrDeadlineExceeded
	}
	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
		return cause
	}
	return os.NewSyscallError("connect", c.opError("connect", err))
}

// unixRetry is the pause while a Unix server's backlog is full: connect then
// says EAGAIN and no event tells when there is room.
const unixRetry = 5 * time.Millisecond

func dialUnix(ctx context.Context, path string, o DialOptions) (*Conn, error) {
	for {
		fd, err := newSocket(unix.AF_UNIX, 0)
		if err != nil {
			return nil, err
		}
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		if err == nil {
			return newConn(fd, netip.AddrPort{}, true), nil
		}
		_ = unix.Close(fd)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return nil, os.NewSyscallError("connect", err)
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return nil, os.ErrDeadlineExceeded
			}
			return nil, ctx.Err()
		case <-time.After(unixRetry):
		}
	}
}
