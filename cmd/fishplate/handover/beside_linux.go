package handover

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// canBeside says whether the end of a process can be seen that is no child of this
// one: since Linux 5.4.
func canBeside() bool {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return false
	}
	defer func() { _ = self.Release() }()
	return self.WithHandle(func(uintptr) {}) == nil
}

// placeBeside makes a command a sibling of this process, and returns what waits for
// its end. How it ended, the system tells its parent alone.
func placeBeside(cmd *exec.Cmd) (wait func() error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_PARENT}
	return func() error {
		var failed error
		err := cmd.Process.WithHandle(func(pidfd uintptr) {
			fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
			for failed = unix.EINTR; errors.Is(failed, unix.EINTR); {
				_, failed = unix.Poll(fds, -1)
			}
		})
		if err = errors.Join(err, os.NewSyscallError("poll", failed)); err != nil {
			return fmt.Errorf("wait for process %d: %w", cmd.Process.Pid, err)
		}
		return errBeside
	}
}

var errBeside = errors.New("is it fishplate? what it wrote says more")
