// Package sys is the rows of the catalogue about the process and the machine
// around it: limits, memory, what the kernel permits, clocks, and what the
// kernel's log says.
//
// Rows judge what they read; they set nothing and start nothing. What only a
// running server knows (its ports, how many connections it wants) is that of the
// view, and rows that need it are skipped without it.
package sys

import "fishplate/internal/doctor/see"

const (
	kernelDoc = "https://docs.kernel.org/admin-guide/sysctl/kernel.html"
	groupDoc  = "https://docs.kernel.org/admin-guide/cgroup-v2.html"
	procDoc   = "https://docs.kernel.org/filesystems/proc.html"
	goDoc     = "https://pkg.go.dev/runtime#hdr-Environment_Variables"
)

// Rows are the rows of this group.
func Rows() []see.Row {
	return []see.Row{
		nofile(), pids(), memcg(), oom(), swap(), psi(), thp(), balloon(), gomaxprocs(),
		ioUring(), bpf(), seccomp(), lsm(), privports(), listeners(),
		entropy(), clock(), migration(), tick(), kernelLog(), neighbours(),
	}
}
