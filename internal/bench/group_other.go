//go:build !linux

package bench

import "os/exec"

func together(cmd *exec.Cmd) { grouped(cmd) }
