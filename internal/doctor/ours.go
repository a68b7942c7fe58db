package doctor

import (
	"fmt"
	"os"

	"fishplate/internal/doctor/gauge"
	"fishplate/internal/doctor/parse"
	"fishplate/internal/doctor/see"
)

// Process is what can be seen of a process of ours that serves on this machine.
func Process(pid int) *Running {
	r := &Running{PID: pid}
	dir := fmt.Sprintf("/proc/%d/", pid)
	limits, _, err := gauge.Read(&see.View{System: see.Machine()}, dir+"limits", parse.Limits)
	if l, ok := limits["Max open files"]; err == nil && ok {
		r.Files = Limit{Soft: l[0], Hard: l[1]}
	}
	// From Linux 6.2 on the size of the folder is how many it holds.
	if st, err := os.Stat(dir + "fd"); err == nil {
		r.Open = int(st.Size())
	}
	return r
}
