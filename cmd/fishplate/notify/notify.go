package notify

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
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
func (m *Manager) Tell(assignments ...string) error {
	if m.address == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.address, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	defer c.Close()
	_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // a manager that hangs must not hang us
	if _, err := c.Write([]byte(strings.Join(assignments, "\n"))); err != nil {
		return fmt.Errorf("notify: %w", err)
	}
	return nil
}

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
