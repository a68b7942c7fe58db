package trouble

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fishplate/test/harness"
)

// serverOf returns the process that a benchmark has started to serve, or 0. It may
// have others for a moment, which say what it can do.
func serverOf(t *testing.T, bench int) int {
	t.Helper()
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", bench))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, _ := os.ReadFile(name) // the thread may have ended
		for _, id := range strings.Fields(string(b)) {
			words, _ := os.ReadFile("/proc/" + id + "/cmdline") // and so may the process
			if strings.Contains(string(words), "\x00serve") {
				pid, err := strconv.Atoi(id)
				if err != nil {
					t.Fatal(err)
				}
				return pid
			}
		}
	}
	return 0
}

// sockets counts those that a process has open.
func sockets(pid int) (n int) {
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid)) // the pattern is a good one
	for _, name := range names {
		if to, err := os.Readlink(name); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

// TestBenchKilled: a benchmark that is killed, while its server starts or while it
// measures, takes the server along, and leaves no file behind.
func TestBenchKilled(t *testing.T) {
	binary, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	for name, reached := range map[string]func(bench int) bool{
		"while its server starts": func(int) bool { return true },
		"while it measures":       func(bench int) bool { return sockets(bench) > 0 },
	} {
		for _, workload := range []string{"tenant", "crr"} {
			t.Run(workload+" "+name, func(t *testing.T) {
				dir := t.TempDir()
				cmd := exec.Command(binary, "bench", workload, "-c", "4", "--duration", "1h", "--repeat", "1")
				cmd.Env = append(os.Environ(), "TMPDIR="+dir)
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
				pid := 0
				harness.Eventually(t, "the server starts", func() bool { pid = serverOf(t, cmd.Process.Pid); return pid != 0 })
				server, err := unix.PidfdOpen(pid, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(server)
				defer func() { _ = unix.PidfdSendSignal(server, unix.SIGKILL, nil, 0) }()
				harness.Eventually(t, name, func() bool { return reached(cmd.Process.Pid) })
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				harness.Eventually(t, "the server ends", func() bool {
					n, err := unix.Poll([]unix.PollFd{{Fd: int32(server), Events: unix.POLLIN}}, 0)
					return n == 1 && err == nil
				})
				if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
		}
	}
}
