package bench

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// alone runs the calling test again in a network namespace of its own, where it
// may change what it likes; it returns true there. Without the right to make
// one the test is skipped.
func alone(t *testing.T) bool {
	t.Helper()
	const inside = "FISHPLATE_TEST_NAMESPACE"
	if os.Getenv(inside) == t.Name() {
		raise(t)
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("a network namespace of its own needs CAP_SYS_ADMIN")
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("in the namespace: %v\n%s", err, out)
	}
	return false
}

// raise brings the loopback up.
func raise(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request); err != nil {
		t.Fatal(err)
	}
}

func set(t *testing.T, name, value string) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/net/"+name, []byte(value), 0o644); err != nil {
		t.Fatal(err)
	}
}

// found returns the numbers of a diagnosis.
func found(t *testing.T, r *Result, id string) map[string]float64 {
	t.Helper()
	for _, d := range r.Diagnosis {
		if d.ID == id {
			return d.Numbers
		}
	}
	t.Fatalf("no %s in %+v; errors %v", id, r.Diagnosis, r.Errors)
	return nil
}

// A client with fifty ports runs out of them, and is told so.
func TestLivePortExhaustion(t *testing.T) {
	if !alone(t) {
		return
	}
	set(t, "ipv4/ip_local_port_range", "40000 40049")
	set(t, "ipv4/tcp_tw_reuse", "0")
	o := Options{
		Serve: StartServer, Warm: time.Millisecond, Timeout: 20 * time.Second,
		Params: Params{Workload: "crr", Connections: 4, Duration: 300 * time.Millisecond, Repeat: 1, Sources: 0, Plain: true},
	}
	r, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Errors["connect EADDRNOTAVAIL"] == 0 || r.Totals.Transactions > 50 {
		t.Errorf("the symptom: %+v, errors %v", r.Totals, r.Errors)
	}
	if n := found(t, r, "port-exhaustion"); n["ports"] != 50 || n["errors"] == 0 {
		t.Errorf("%v", n)
	}
}

// A listener that does not accept overflows, and the result says so with the
// kernel's numbers.
func TestLiveListenOverflow(t *testing.T) {
	if !alone(t) {
		return
	}
	r, err := Run(context.Background(), Options{
		Warm: time.Millisecond, Timeout: 200 * time.Millisecond,
		Serve: func(context.Context, ServerOptions) (Server, func(), error) {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return Server{}, nil, err
			}
			if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: 7777}), unix.Listen(fd, 1)); err != nil {
				return Server{}, nil, err
			}
			return Server{Address: net.JoinHostPort("127.0.0.1", "7777"), PID: os.Getpid(), Backlog: 1}, func() { _ = unix.Close(fd) }, nil
		},
		Params: Params{Workload: "crr", Connections: 32, Duration: 500 * time.Millisecond, Repeat: 1, Sources: 4},
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Errors["timeout"] == 0 || r.Counters["tcpext"]["ListenOverflows"] == 0 {
		t.Errorf("the symptom: errors %v, counters %v", r.Errors, r.Counters["tcpext"])
	}
	if n := found(t, r, "listen-overflow"); n["overflows"] == 0 || n["backlog"] != 1 {
		t.Errorf("%v", n)
	}
}
