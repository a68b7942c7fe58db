//go:build unix && !linux

package handover

import "os/exec"

// canBeside is false: only Linux has siblings.
func canBeside() bool { return false }

func placeBeside(cmd *exec.Cmd) (wait func() error) { return cmd.Wait }
