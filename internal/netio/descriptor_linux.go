package netio

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A descriptor is a non-blocking socket that joins the runtime's poller when
// somebody has to wait for it, and not before. A connection whose request is
// there when it is accepted, and whose answer fits into the send buffer, never
// does: that saves two epoll_ctl, a fcntl, and a file with its finaliser. It
// implements syscall.RawConn; functions that are called must not block.
type descriptor struct {
	joined atomic.Bool // file and raw are set, and stay; mu is not needed any more
	closed bool
	// owed says that what was read is acknowledged by the answer, which is yet to come.
	// Who waits before does it at once: the client may hold back the rest until then.
	owed   bool
	fd     int32
	before func() // called once when a call has to wait; see Conn.BeforeWait

	mu   sync.Mutex // held during each call before it has joined, so that Close waits
	file *os.File
	raw  syscall.RawConn
}

// join registers the descriptor with the poller.
func (d *descriptor) join() error {
	if d.joined.Load() {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.joined.Load():
		return nil
	case d.closed:
		return os.ErrClosed
	}
	file := os.NewFile(uintptr(d.fd), "")
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	if d.owed {
		_ = unix.SetsockoptInt(int(d.fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	}
	d.file, d.raw = file, raw
	d.joined.Store(true)
	return nil
}

// alone calls f once under the lock, unless the descriptor has joined the poller.
// done is false when f is yet to be called, or could not do its work at once.
func (d *descriptor) alone(f func(fd uintptr) bool) (done bool, err error) {
	if d.joined.Load() {
		return false, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.joined.Load():
		return false, nil
	case d.closed:
		return false, os.ErrClosed
	case f(uintptr(d.fd)):
		return true, nil
	}
	return false, nil
}

// wait calls f by that method of the poller, which waits until f has done its work.
func (d *descriptor) wait(f func(fd uintptr) bool, call func(syscall.RawConn, func(uintptr) bool) error) error {
	if before := d.before; before != nil {
		d.before = nil
		before()
	}
	if err := d.join(); err != nil {
		return err
	}
	return call(d.raw, f)
}

// Read implements syscall.RawConn.
func (d *descriptor) Read(f func(fd uintptr) bool) error {
	if done, err := d.alone(f); done || err != nil {
		return err
	}
	return d.wait(f, syscall.RawConn.Read)
}

// Write implements syscall.RawConn.
func (d *descriptor) Write(f func(fd uintptr) bool) error {
	if done, err := d.alone(f); done || err != nil {
		return err
	}
	return d.wait(f, syscall.RawConn.Write)
}

// Control implements syscall.RawConn.
func (d *descriptor) Control(f func(fd uintptr)) error {
	if d.joined.Load() {
		return d.raw.Control(f)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.joined.Load():
		return d.raw.Control(f)
	case d.closed:
		return os.ErrClosed
	}
	f(uintptr(d.fd))
	return nil
}

// Close closes the descriptor and wakes who waits for it. If something was held back
// to be sent with the end of the stream, that is sent before: a close that finds bytes
// which nobody has read resets the connection, and throws away what is not sent.
func (d *descriptor) Close(held bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.joined.Load():
		if held {
			_ = d.raw.Control(shutdown)
		}
		return d.file.Close()
	case d.closed:
		return os.ErrClosed
	}
	d.closed = true
	if held {
		shutdown(uintptr(d.fd))
	}
	if _, _, errno := syscall.RawSyscall(unix.SYS_CLOSE, uintptr(d.fd), 0, 0); errno != 0 { // a socket that does not linger: nothing blocks
		return os.NewSyscallError("close", errno)
	}
	return nil
}

// shutdown ends our stream, if that has not ended yet.
func shutdown(fd uintptr) { _, _, _ = syscall.RawSyscall(unix.SYS_SHUTDOWN, fd, unix.SHUT_WR, 0) }

// setDeadline sets a deadline with that method of a file. The poller keeps it.
func (d *descriptor) setDeadline(t time.Time, set func(*os.File, time.Time) error) error {
	if t.IsZero() && !d.joined.Load() { // nobody waits yet, and none was set
		return nil
	}
	if err := d.join(); err != nil {
		return err
	}
	return set(d.file, t)
}
