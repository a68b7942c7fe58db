package service

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fishplate/test/harness"
)

// machine is one whose process 1 is systemd.
type machine struct {
	t   *testing.T
	pid int // of that process, as this machine knows it
	net int // its network namespace
	log said
}

// said is what systemd writes.
type said struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// boot starts a machine with a package in /opt, or skips the test where there can be
// none.
func boot(t *testing.T, deb string) *machine {
	t.Helper()
	m := &machine{t: t, net: -1}
	cmd := exec.Command("unshare", "--mount", "sh", "testdata/machine.sh", t.TempDir(), deb)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = &m.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error)
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // whose end would be that of the command
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Skip("no namespaces:", err)
	}
	lines := bufio.NewReader(out)
	first, _ := lines.ReadString('\n')
	var rest sync.WaitGroup
	rest.Go(func() { _, _ = io.Copy(&m.log, lines) }) // until all have ended
	parent, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		rest.Wait()
		<-ended
		t.Skip("no machine of namespaces, control groups and an overlay: ", m.log.String())
	}
	t.Cleanup(func() {
		if m.pid != 0 {
			_ = syscall.Kill(m.pid, syscall.SIGKILL)
		} else {
			_ = syscall.Kill(parent, syscall.SIGKILL)
		}
		rest.Wait()
		<-ended
		if m.net >= 0 {
			unix.Close(m.net) // it was read only
		}
		if t.Failed() {
			t.Logf("systemd said:\n%s", m.log.String())
		}
	})
	harness.Eventually(t, "systemd is process 1 of its machine", func() bool {
		select {
		case err := <-ended:
			ended <- err
			t.Skipf("no machine of namespaces, control groups and an overlay: %v\n%s", err, m.log.String())
		default:
		}
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return false
		}
		path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err != nil || filepath.Base(path) != "systemd" {
			return false
		}
		m.pid = pid
		return true
	})
	if m.net, err = unix.Open(fmt.Sprintf("/proc/%d/ns/net", m.pid), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		t.Fatal(err)
	}
	m.until("systemd is up", func() bool {
		state, _ := m.try("systemctl", "is-system-running")
		return state == "running" || state == "degraded"
	})
	return m
}

// patience bounds every wait for a state: a machine that is busy is slow.
const patience = 2 * time.Minute

// until waits for a state.
func (m *machine) until(what string, ok func() bool) {
	m.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			status, _ := m.try("systemctl", "status", "--no-pager", "--full", "--lines=50", unit)
			m.t.Fatalf("never happened: %s\n%s", what, status)
		}
	}
}

// try runs a command inside and returns what it wrote.
func (m *machine) try(args ...string) (out string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{
		"--target", strconv.Itoa(m.pid), "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup",
		"env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive"}, args...)...)
	text, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(text)), err
}

// run is try of what must succeed.
func (m *machine) run(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	if err != nil {
		log, _ := m.try("journalctl", "--no-pager", "--lines=60", "--unit", unit)
		m.t.Fatalf("%s: %v\n%s\n%s", strings.Join(args, " "), err, out, log)
	}
	return out
}

// refused is try of what must not succeed.
func (m *machine) refused(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	if exit := new(exec.ExitError); !errors.As(err, &exit) {
		m.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// write writes a file inside.
func (m *machine) write(path, text string) {
	m.t.Helper()
	m.run("sh", "-c", `mkdir -p "$(dirname "$0")" && printf %s "$1" >"$0"`, path, text)
}

// show returns a property of the unit.
func (m *machine) show(property string) string {
	m.t.Helper()
	return m.run("systemctl", "show", "--property", property, "--value", unit)
}

// within runs f on a thread of the machine's network. Sockets that it makes stay
// there, whoever uses them.
func (m *machine) within(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := unix.Setns(m.net, unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

func (m *machine) dial(addr string) (c net.Conn, err error) {
	err = m.within(func() (err error) {
		c, err = net.DialTimeout("tcp", addr, patience)
		return err
	})
	return c, err
}

func (m *machine) listen(addr string) net.Listener {
	m.t.Helper()
	var l net.Listener
	if err := m.within(func() (err error) {
		l, err = net.Listen("tcp", addr)
		return err
	}); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { l.Close() })
	return l
}
