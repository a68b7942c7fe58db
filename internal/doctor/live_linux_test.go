package doctor

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fishplate/internal/doctor/fact"
	"fishplate/internal/doctor/report"
	"fishplate/internal/doctor/see"
)

// apart says that the test binary runs in a network namespace of its own.
const apart = "FISHPLATE_DOCTOR_APART"

// TestLive makes trouble in a network namespace of its own, where it hurts nobody,
// and asks the doctor what it is: the symptom and the diagnosis must both be there.
func TestLive(t *testing.T) {
	if os.Getenv(apart) == "" {
		again(t)
		return
	}
	loopback(t)
	t.Run("overflow", overflowing)
	t.Run("ports", exhausted)
	t.Run("settings", settings)
}

// again runs this test in a new network namespace.
func again(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLive$", "-test.v")
	cmd.Env = append(os.Environ(), apart+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("needs root, for a network namespace of its own")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// loopback switches lo on, which is off in a new namespace.
func loopback(t *testing.T) {
	t.Helper()
	fd := socket(t)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		t.Fatal(err)
	}
}

func socket(t *testing.T) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) }) // what is left of it is nobody's
	return fd
}

// listener listens at a free port of 127.0.0.1, and nobody accepts there.
func listener(t *testing.T, backlog int) *unix.SockaddrInet4 {
	t.Helper()
	fd := socket(t)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return at.(*unix.SockaddrInet4)
}

// diagnosis is what one check says of this machine.
func diagnosis(t *testing.T, id string, before *see.System) fact.Finding {
	t.Helper()
	r, err := Run(t.Context(), Options{Only: []string{id}, Before: before})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(r.Results, func(x report.Result) bool { return x.Check.ID == id })
	return r.Results[i].Finding
}

func overflowing(t *testing.T) {
	before := see.Machine()
	if f := diagnosis(t, "tcp.listen-overflow", nil); f.Status != fact.OK {
		t.Fatalf("a new namespace: %s: %s", f.Status, f.Found)
	}
	if _, err := before.Read("/proc/net/netstat"); err != nil {
		t.Fatal(err)
	}
	at := listener(t, 1)
	for range 20 {
		if err := unix.Connect(socket(t), at); err != nil && !errors.Is(err, unix.EINPROGRESS) {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		f := diagnosis(t, "tcp.listen-overflow", before)
		if f.Status == fact.Fail {
			if !strings.Contains(f.Found, "places before accept are taken") {
				t.Errorf("the listener is not named: %s", f.Found)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("20 connections for a backlog of 1: %s: %s", f.Status, f.Found)
		}
	}
}

func exhausted(t *testing.T) {
	set(t, "/proc/sys/net/ipv4/ip_local_port_range", "60000 60009")
	at := listener(t, 100)
	var err error
	for range 11 {
		if err = unix.Connect(socket(t), at); errors.Is(err, unix.EADDRNOTAVAIL) {
			break
		}
	}
	if !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Errorf("the eleventh connection of ten ports: %v", err)
	}
	if f := diagnosis(t, "tcp.ports", nil); f.Status != fact.Warn || !strings.Contains(f.Found, "10 ports") {
		t.Errorf("%s: %s", f.Status, f.Found)
	}
}

// settings of a namespace are those that are judged, and what it does not have is
// unknown, and to be asked elsewhere.
func settings(t *testing.T) {
	set(t, "/proc/sys/net/core/somaxconn", "100")
	set(t, "/proc/sys/net/ipv4/tcp_abort_on_overflow", "1")
	for id, want := range map[string]fact.Status{"tcp.somaxconn": fact.Fail, "tcp.abort-on-overflow": fact.Warn, "nic.queues": fact.Skip, "tcp.mtu": fact.Skip} {
		if f := diagnosis(t, id, nil); f.Status != want {
			t.Errorf("%s: %s: %s", id, f.Status, f.Found)
		}
	}
	if f := diagnosis(t, "tcp.busy-poll", nil); f.Status != fact.Unknown || f.RunOn != "initns" {
		t.Errorf("a setting that a namespace does not have: %s on %q: %s", f.Status, f.RunOn, f.Found)
	}
}

func set(t *testing.T, file, value string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
		t.Fatal(err)
	}
}
