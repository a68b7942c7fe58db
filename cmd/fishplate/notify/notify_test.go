package notify

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// manager listens like the service manager.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return c
}

func heard(t *testing.T, c *net.UnixConn) string {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 4096)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestTell(t *testing.T) {
	c := manager(t)
	m := Find()
	if err := m.Tell("READY=1", "STATUS=x"); err != nil {
		t.Fatal(err)
	}
	if got := heard(t, c); got != "READY=1\nSTATUS=x" {
		t.Errorf("%q", got)
	}
	if err := m.Reloading(); err != nil {
		t.Fatal(err)
	}
	if got := heard(t, c); !strings.HasPrefix(got, "RELOADING=1\nMONOTONIC_USEC=") {
		t.Errorf("%q", got)
	}
	c.Close()
	if err := m.Tell("READY=1"); err == nil {
		t.Error("nobody listens, and it was told")
	}
}

func TestWatchdog(t *testing.T) {
	c := manager(t)
	t.Setenv("WATCHDOG_USEC", "2000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	ctx, cancel := context.WithCancel(t.Context())
	lives, ended := 0, make(chan struct{})
	m := Find()
	go func() {
		defer close(ended)
		m.Watch(ctx, func() { lives++ })
	}()
	for range 3 {
		if got := heard(t, c); got != "WATCHDOG=1" {
			t.Errorf("%q", got)
		}
	}
	cancel()
	<-ended
	if lives < 3 {
		t.Errorf("asked %d times", lives)
	}
	t.Setenv("WATCHDOG_PID", "1") // of another process
	Find().Watch(t.Context(), func() { t.Error("watched") })
}

func TestNobody(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Find().Tell("READY=1"); err != nil {
		t.Error(err)
	}
	if err := Find().Barrier(); err != nil || Find().Present() {
		t.Error(err)
	}
}

// TestStore: a file arrives with its name, and a barrier falls when the manager has
// come to it.
func TestStore(t *testing.T) {
	c := manager(t)
	m := Find()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := m.Store("listen/1/0/x", f); err != nil {
		t.Fatal(err)
	}
	if err := m.Discard("listen/1/0/x"); err != nil {
		t.Fatal(err)
	}
	fallen := make(chan error, 1)
	go func() { fallen <- m.Barrier() }()
	for i, want := range []string{"FDSTORE=1\nFDPOLL=0\nFDNAME=listen/1/0/x", "FDSTOREREMOVE=1\nFDNAME=listen/1/0/x", "BARRIER=1"} {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		b, rights := make([]byte, 4096), make([]byte, 4096)
		n, oob, _, _, err := c.ReadMsgUnix(b, rights)
		if err != nil || string(b[:n]) != want {
			t.Fatalf("%q, %v; want %q", b[:n], err, want)
		}
		messages, err := syscall.ParseSocketControlMessage(rights[:oob])
		if err != nil || len(messages) != 1-i%2 {
			t.Fatalf("%q came with %d messages, %v", want, len(messages), err)
		}
		for _, m := range messages {
			fds, err := syscall.ParseUnixRights(&m)
			if err != nil || len(fds) != 1 {
				t.Fatal(fds, err)
			}
			if i == 2 {
				select {
				case err := <-fallen:
					t.Error("the barrier fell before the manager came to it:", err)
				default:
				}
			}
			_ = syscall.Close(fds[0])
		}
	}
	if err := <-fallen; err != nil {
		t.Error(err)
	}
}

func TestCode(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if got := Find().Code(1); got != 1 {
		t.Errorf("nobody is told, %d", got)
	}
	t.Setenv("NOTIFY_SOCKET", "@somebody")
	if got := Find().Code(1); got != Broken {
		t.Errorf("a manager is told %d", got)
	}
}
