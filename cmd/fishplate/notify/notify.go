package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Manager is who is told. The zero Manager is nobody.
type Manager struct {
	address string
	every   time.Duration // of the watchdog; 0 is none
}

// Find returns the manager that the environment names.
func Find() *Manager {
	m := &Manager{address: os.Getenv("NOTIFY_SOCKET")}
	if strings.HasPrefix(m.address, "@") {
		m.address = "\x00" + m.address[1:] // of the abstract namespace, unix(7)
	}
	pid := os.Getenv("WATCHDOG_PID")
	if us, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.every = time.Duration(us) * time.Microsecond / 2
	}
	_ = os.Unsetenv("WATCHDOG_PID") // a successor has another
	return m
}

// Tell sends assignments such as "READY=1". An error means that nobody listens:
// it is worth a line of the log, and no more.
func (m *Manager) Tell(assignments ...string) error { return m.send(nil, assignments...) }

// send is Tell with open files, which stay the caller's.
func (m *Manager) send(files []*os.File, assignments ...string) error {
	if m.address == "" {
		return nil
	}
	var fds []int
	for _, f := range files {
		raw, err := f.SyscallConn() // Fd would make it blocking, for everybody who has it
		if err == nil {
			err = raw.Control(func(fd uintptr) { fds = append(fds, int(fd)) })
		}
		if err != nil {
			return fmt.Errorf("notify: %w", err)
		}
	}
	var rights []byte
	if len(fds) > 0 {
		rights = syscall.UnixRights(fds...)
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // a manager that hangs must not hang us
	raw, err := c.SyscallConn()                         // WriteMsgUnix wants a datagram socket that is not connected
	if err == nil {
		failed := raw.Write(func(fd uintptr) bool {
			err = syscall.Sendmsg(int(fd), []byte(strings.Join(assignments, "\n")), rights, nil, 0)
			return !errors.Is(err, syscall.EAGAIN)
		})
		err = errors.Join(failed, os.NewSyscallError("sendmsg", err))
	}
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}

// Broken is the exit code, EX_CONFIG of sysexits.h, by which a manager knows that
// starting the process again is in vain.
const Broken = 78

// Code returns that where there is a manager, and for all others what they know.
func (m *Manager) Code(usual int) int {
	if m.Present() {
		return Broken
	}
	return usual
}

// Present says whether there is anybody to tell.
func (m *Manager) Present() bool { return m != nil && m.address != "" }

// Store gives the manager a copy of an open file to keep, which it passes by that
// name to the next process of the service, however this one ends. The same file
// given twice is kept once.
func (m *Manager) Store(name string, f *os.File) error {
	return m.send([]*os.File{f}, "FDSTORE=1", "FDPOLL=0", "FDNAME="+name)
}

// Discard makes the manager close what it keeps by that name.
func (m *Manager) Discard(name string) error { return m.Tell("FDSTOREREMOVE=1", "FDNAME="+name) }

// Barrier waits, a few seconds at most, until the manager has done what it was
// told before: it then closes the file that comes with this message.
func (m *Manager) Barrier() error {
	if m.address == "" {
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	defer r.Close()
	err = m.send([]*os.File{w}, "BARRIER=1")
	_ = w.Close()
	if err != nil {
		return err
	}
	_ = r.SetReadDeadline(time.Now().Add(barrierTime))
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("notify: wait for the manager: %w", err)
	}
	return nil
}

// barrierTime bounds the wait for a manager.
const barrierTime = 5 * time.Second

// Reloading says that a reload begins. The manager wants the monotonic time of
// that, to tell it from an earlier one.
func (m *Manager) Reloading() error {
	return m.Tell("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(monotonic().Microseconds(), 10))
}

// Watch tells the watchdog twice in its time that the process lives, for as long
// as alive returns, until ctx ends. Without a watchdog it returns at once.
func (m *Manager) Watch(ctx context.Context, alive func()) {
	if m.address == "" || m.every <= 0 {
		return
	}
	tick := time.NewTicker(m.every)
	defer tick.Stop()
	for {
		alive()
		_ = m.Tell("WATCHDOG=1") // the next follows soon
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
