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
	fd     int32

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
	return d.joinLocked()
}

func (d *descriptor) joinLocked() error {
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
	d.file, d.raw = file, raw
	d.joined.Store(true)
	return nil
}

// alone calls f once under the lock; done is false when the descriptor has
// joined the poller, by then or because f could not do its work at once.
func (d *descriptor) alone(f func(fd uintptr) bool) (done bool, err error) {
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
	return false, d.joinLocked()
}

// Read implements syscall.RawConn.
func (d *descriptor) Read(f func(fd uintptr) bool) error {
	if !d.joined.Load() {
		if done, err := d.alone(f); done || err != nil {
			return err
		}
	}
	return d.raw.Read(f)
}

// Write implements syscall.RawConn.
func (d *descriptor) Write(f func(fd uintptr) bool) error {
	if !d.joined.Load() {
		if done, err := d.alone(f); done || err != nil {
			return err
		}
	}
	return d.raw.Write(f)
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

// Close closes the descriptor and wakes who waits for it.
func (d *descriptor) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.joined.Load():
		return d.file.Close()
	case d.closed:
		return os.ErrClosed
	}
	d.closed = true
	if _, _, errno := syscall.RawSyscall(unix.SYS_CLOSE, uintptr(d.fd), 0, 0); errno != 0 { // a socket that does not linger: nothing blocks
		return os.NewSyscallError("close", errno)
	}
	return nil
}

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
