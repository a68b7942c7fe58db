package harness

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Memory returns a figure of /proc/PID/status in bytes: "VmRSS" is what a process
// has now, "VmHWM" the most that it ever had.
func Memory(t *testing.T, pid int, kind string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n"+kind+":")
	if !ok {
		t.Fatalf("process %d has no %s", pid, kind)
	}
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
