//go:build unix

package handover

import (
	"os/exec"
	"runtime"
	"time"
)

// Child is a process that was started to take this one's place.
type Child struct {
	cmd   *exec.Cmd
	ended chan struct{}
	how   error
}

// Start starts a command. A service manager sees the end of its own children only,
// and does not wait for another main process when it stops the service. So beside
// makes the new process a child of this one's parent, where the system can. The
// line, to which the other process has the other end, stays open as long as both
// are there, unless it is closed: each sees by it that the other has ended.
func Start(cmd *exec.Cmd, line *Line, beside bool) (*Child, error) {
	c := &Child{cmd: cmd, ended: make(chan struct{})}
	wait := cmd.Wait
	if beside && canBeside() {
		wait = placeBeside(cmd)
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() { // ends with the other process, or with this one
		c.how = wait()
		runtime.KeepAlive(line) // who is forgotten is closed
		close(c.ended)
	}()
	return c, nil
}

// PID is that of the process, while it is there.
func (c *Child) PID() int { return c.cmd.Process.Pid }

// Ended waits for the end of the process, and says how that was; false is that it
// lives.
func (c *Child) Ended(within time.Duration) (how error, ended bool) {
	select {
	case <-c.ended:
		return c.how, true
	case <-time.After(within):
		return nil, false
	}
}

// Kill ends the process, and returns when it is gone, or the time is up.
func (c *Child) Kill(within time.Duration) {
	_ = c.cmd.Process.Kill() // it may be gone
	_, _ = c.Ended(within)
}
