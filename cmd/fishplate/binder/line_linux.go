package binder

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"fishplate/internal/netio"
)

// answerTime is how long an answer may take: a bind takes microseconds.
const answerTime = 5 * time.Second

// errGone says that nobody binds any more.
var errGone = errors.New("the helper that may open ports below 1024 is gone: restart the process to have it again")

// Line is this process's end of the line to the helper. A nil Line is none.
type Line struct {
	file *os.File // blocking; used by nobody but sendmsg
	pid  int      // of the helper, a child of this process; 0 = it is somebody else's child
}

// Inherit returns the line that the process got from the one before it, nil when it
// got none.
func Inherit() (*Line, error) {
	text, ok := os.LookupEnv(lineEnv)
	if !ok {
		return nil, nil
	}
	_ = os.Unsetenv(lineEnv) // it is not for the programs that this process starts
	number, child, _ := strings.Cut(text, ":")
	fd, err := strconv.Atoi(number)
	if err == nil && fd >= 3 {
		_, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	}
	if err != nil || fd < 3 {
		return nil, fmt.Errorf("find binder: %s is no descriptor: %q", lineEnv, text)
	}
	unix.CloseOnExec(fd)
	pid, _ := strconv.Atoi(child) // absent after an upgrade
	return &Line{file: os.NewFile(uintptr(fd), "binder"), pid: pid}, nil
}

// Heir returns what a successor finds the line by, when the file is its descriptor
// of that number; nothing for a nil Line.
func (l *Line) Heir(fd int) (files []*os.File, env []string) {
	if l == nil {
		return nil, nil
	}
	return []*os.File{l.file}, []string{lineEnv + "=" + strconv.Itoa(fd)}
}

// Watch calls gone when the helper ends before this process does. It knows that of
// its own children only; others learn it at their next Bind.
func (l *Line) Watch(gone func(error)) {
	if l == nil || l.pid == 0 {
		return
	}
	helper, err := os.FindProcess(l.pid)
	if err != nil {
		return
	}
	go func() {
		if _, err := helper.Wait(); err == nil {
			gone(errGone)
		}
	}()
}

// Bind binds a TCP socket, which stays the caller's, to an address. A nil Line may
// bind no more than its process.
func (l *Line) Bind(fd int, a netip.AddrPort) error {
	if l == nil {
		return os.NewSyscallError("bind", unix.EACCES)
	}
	zone, err := zoneOf(a.Addr().Zone())
	if err != nil {
		return err
	}
	ours, theirs, err := answerPair()
	if err != nil {
		return err
	}
	defer unix.Close(ours)
	err = unix.Sendmsg(int(l.file.Fd()), appendRequest(nil, a, zone), unix.UnixRights(fd, theirs), nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	_ = unix.Close(theirs) // the helper's copy is the last: its end is the answer's
	switch {
	case errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.ENOTCONN), errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("bind: %w", errGone)
	case err != nil:
		return fmt.Errorf("bind: ask the helper: %w", err)
	}
	number, err := receiveAnswer(ours)
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("bind: %w", errGone)
	case err != nil:
		return fmt.Errorf("bind: hear the helper: %w", err)
	case number != 0:
		return os.NewSyscallError("bind", number)
	}
	return nil
}

// Listen opens a TCP address for net/http, which the process may not be allowed to
// bind. A nil Line is the process alone.
func (l *Line) Listen(address string) (net.Listener, error) {
	alone, err := net.Listen("tcp", address)
	if l == nil || !errors.Is(err, unix.EACCES) {
		return alone, err
	}
	bound, err := netio.Listen(context.Background(), address, netio.ListenOptions{Binder: l})
	if err != nil {
		return nil, err
	}
	defer bound.Close() // what it leaves is a copy
	files, err := bound.Files()
	if err != nil {
		return nil, err
	}
	defer files[0].Close()
	return net.FileListener(files[0])
}

// answerPair is the socket that an answer comes by, and that which it is sent to.
func answerPair() (ours, theirs int, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, -1, os.NewSyscallError("socketpair", err)
	}
	limit := unix.NsecToTimeval(answerTime.Nanoseconds())
	if err := unix.SetsockoptTimeval(pair[0], unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		_ = unix.Close(pair[0])
		_ = unix.Close(pair[1])
		return -1, -1, os.NewSyscallError("setsockopt", err)
	}
	return pair[0], pair[1], nil
}

func receiveAnswer(fd int) (unix.Errno, error) {
	said := make([]byte, answerSize+1)
	for {
		n, _, err := unix.Recvfrom(fd, said, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ECONNRESET): // it ended with the request unread
			return 0, io.EOF
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		case n != answerSize:
			return 0, errRequest
		}
		return unix.Errno(binary.BigEndian.Uint32(said)), nil
	}
}

// zoneOf is the number of an IPv6 zone.
func zoneOf(name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, fmt.Errorf("zone %q: %w", name, err)
	}
	return uint32(i.Index), nil
}
