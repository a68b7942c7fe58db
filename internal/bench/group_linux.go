package bench

import (
	"os/exec"
	"syscall"
)

// together makes a command the head of a group of processes, and has the kernel
// end it with the thread that starts it: the caller's, which the caller keeps.
func together(cmd *exec.Cmd) {
	grouped(cmd)
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
