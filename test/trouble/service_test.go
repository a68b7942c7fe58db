package trouble

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fishplate/test/harness"
)

// TestServiceManager runs a server as a service manager would: with a listening
// socket passed by name, a socket for its messages and a watchdog; reloads it,
// replaces it, and ends it.
func TestServiceManager(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	l, err := harness.ListenLow()
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	passed, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer passed.Close()
	path := filepath.Join(t.TempDir(), "notify")
	ears, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer ears.Close()
	text := func(more string) string {
		return fmt.Sprintf("listener \"web\" {\n bind = [\"fd:web\"]\n %s\n}\nbackend \"app\" { servers = [%q] }\nvhost \"any\" { backend = \"app\" }\n", more, o.Addr)
	}
	s := upgradable(t, text(""), func(cmd *exec.Cmd) {
		cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+path, "LISTEN_FDS=1", "LISTEN_FDNAMES=web", "WATCHDOG_USEC=200000")
		cmd.ExtraFiles = []*os.File{passed}
	})
	hear := func(want ...string) {
		t.Helper()
		_ = ears.SetReadDeadline(time.Now().Add(20 * time.Second))
		b := make([]byte, 4096)
		for {
			n, err := ears.Read(b)
			if err != nil {
				t.Fatalf("never heard %q: %v", want, err)
			}
			found := true
			for _, w := range want {
				found = found && strings.Contains(string(b[:n]), w)
			}
			if found {
				return
			}
		}
	}
	addr := l.Addr().String()
	hear("READY=1", "STATUS=serves generation 1")
	hear("WATCHDOG=1")
	served(t, addr)
	s.Write(text("timeouts { idle = \"5s\" }"))
	s.Signal(syscall.SIGHUP)
	hear("RELOADING=1", "MONOTONIC_USEC=")
	hear("READY=1", "STATUS=serves generation 2")
	s.Signal(syscall.SIGUSR2)
	hear("MAINPID=")
	harness.Eventually(t, "the next process serves", func() bool { return another(t, s, s.PID()) })
	hear("WATCHDOG=1")
	served(t, addr)
	// The passed socket can be given up and taken again, in the successor too.
	s.Apply(fmt.Sprintf("listener \"web\" { bind = [%q] }\nvhost \"any\" {\n route \"r\" {\n respond { status = 204 }\n }\n}\n", harness.FreeAddr(t)))
	s.Apply(text(""))
	served(t, addr)
	pid, _ := who(t, s)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hear("STOPPING=1")
	select {
	case <-s.Exited():
	case <-time.After(20 * time.Second):
		t.Error("it did not end")
	}
	// Who connects now waits in the queue of the passed socket.
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatalf("the manager's socket was closed: %v", err)
	}
	c.Close()
}
