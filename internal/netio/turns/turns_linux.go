package turns

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Turns let a goroutine that never runs out of work wait for its turn behind
// everybody who has become ready meanwhile. Gosched is no such thing: the poller is
// asked when nothing else is to be run, or by nobody for 10 ms, and whoever has bytes
// to read is not to be run before that. So the goroutine makes a descriptor of the
// poller readable, and waits for that.
type Turns struct {
	file *os.File
	raw  syscall.RawConn
}

// New opens the descriptor.
func New() (*Turns, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	t := &Turns{file: os.NewFile(uintptr(fd), "turns")}
	if t.raw, err = t.file.SyscallConn(); err != nil {
		_ = t.file.Close()
		return nil, err
	}
	return t, nil
}

// Wait returns when everybody whom the poller knew of may run.
func (t *Turns) Wait() {
	asked := false
	// An error is that of closing, when nobody needs to wait any more.
	_ = t.raw.Read(func(fd uintptr) bool {
		count, call := [8]byte{1}, uintptr(unix.SYS_READ)
		if !asked {
			call = unix.SYS_WRITE
		}
		// Neither blocks. A call that the runtime is told of would wake the thread that
		// watches for those which do, and that looks 50 times in the next milliseconds.
		_, _, errno := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(&count)), uintptr(len(count)))
		if !asked {
			asked = true
			return errno != 0
		}
		return errno != unix.EAGAIN
	})
}

// Close lets go of the descriptor and of who waits.
func (t *Turns) Close() { _ = t.file.Close() }
