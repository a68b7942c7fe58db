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

// apart says which test the test binary runs in namespaces of its own, outside
// which network namespace it came from.
const (
	apart   = "FISHPLATE_DOCTOR_APART"
	outside = "FISHPLATE_DOCTOR_OUTSIDE"
)

// TestLive makes trouble in a network namespace of its own, where it hurts nobody,
// and asks the doctor what it is: the symptom and the diagnosis must both be
// there. Then it does what the row says that mends it, and both must be gone.
func TestLive(t *testing.T) {
	if !alone(t, 0) {
		return
	}
	loopback(t)
	t.Run("overflow", overflowing)
	t.Run("truncated", truncated)
	t.Run("time-wait", forgotten)
	t.Run("ports", exhausted)
	t.Run("settings", settings)
}

// alone runs the calling test again in a new network namespace, and in others as
// flags say; it returns true there.
func alone(t *testing.T, flags uintptr) bool {
	t.Helper()
	if os.Getenv(apart) == t.Name() {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), apart+"="+t.Name(), outside+"="+namespace(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | flags}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("needs root, for namespaces of its own")
	}
	if _, why, skipped := strings.Cut(string(out), "--- SKIP: "+t.Name()); skipped && err == nil {
		t.Skip(strings.TrimSpace(why))
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	return false
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
func listener(t *testing.T, backlog int) (fd int, at *unix.SockaddrInet4) {
	t.Helper()
	fd = socket(t)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fd, name.(*unix.SockaddrInet4)
}

// clients connect without waiting for an answer.
func clients(t *testing.T, n int, at *unix.SockaddrInet4) (fds []int) {
	t.Helper()
	for range n {
		fd := socket(t)
		if err := unix.Connect(fd, at); err != nil && !errors.Is(err, unix.EINPROGRESS) {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	return fds
}

// stand returns how many of the connections stand.
func stand(t *testing.T, fds []int) (n int) {
	t.Helper()
	for _, fd := range fds {
		const established = 1 // linux/tcp_states.h
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Fatal(err)
		}
		if info.State == established {
			n++
		}
	}
	return n
}

// until waits for a state; what sends a SYN again waits a second or three.
func until(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !there(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came: %s", what)
		}
	}
}

// finding is what one check says of this machine.
func finding(t *testing.T, id string, o Options) fact.Finding {
	t.Helper()
	o.Only = []string{id}
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(r.Results, func(x report.Result) bool { return x.Check.ID == id })
	return r.Results[i].Finding
}

// diagnosis is what one check says of this machine, by what grew since before.
func diagnosis(t *testing.T, id string, before *see.System) fact.Finding {
	t.Helper()
	return finding(t, id, Options{Before: before})
}

// says fails unless a check says so.
func says(t *testing.T, id string, before *see.System, want fact.Status) fact.Finding {
	t.Helper()
	f := diagnosis(t, id, before)
	if f.Status != want {
		t.Fatalf("%s: %s, wanted %s: %s", id, f.Status, want, f.Found)
	}
	return f
}

// now is the machine with what it counted until now.
func now(t *testing.T, files ...string) *see.System {
	t.Helper()
	s := see.Machine()
	for _, file := range append(files, "/proc/net/netstat") {
		if _, err := s.Read(file); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// mend writes what the row of a check says that mends it.
func mend(t *testing.T, id string) {
	t.Helper()
	wrote := false
	for _, row := range Catalogue() {
		for _, fix := range row.Fix {
			for _, s := range fix.Set {
				if row.ID == id {
					set(t, s.File, s.Value)
					wrote = true
				}
			}
		}
	}
	if !wrote {
		t.Fatalf("%s: the row has nothing to write", id)
	}
}

func overflowing(t *testing.T) {
	const id = "tcp.listen-overflow"
	before := now(t)
	says(t, id, nil, fact.OK)
	fd, at := listener(t, 1)
	fds := clients(t, 20, at)
	until(t, "a connection that the queue has no place for", func() bool { return diagnosis(t, id, before).Status == fact.Fail })
	if f := diagnosis(t, id, before); !strings.Contains(f.Found, "places before accept are taken") {
		t.Errorf("the listener is not named: %s", f.Found)
	}
	// The row says: raise the backlog of the listener. SYNs come again, and find room.
	if err := unix.Listen(fd, 100); err != nil {
		t.Fatal(err)
	}
	until(t, "all clients in the longer queue", func() bool { return stand(t, fds) == len(fds) && queue(t, at.Port) == len(fds) })
	says(t, id, now(t), fact.OK)
}

// queue is how many connections wait at a port for accept.
func queue(t *testing.T, port int) int {
	t.Helper()
	n, _ := waiting(t, port)
	return n
}

func waiting(t *testing.T, port int) (queue, backlog int) {
	t.Helper()
	list, err := see.Machine().Probe.Network().Sockets.Get("inet_diag")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		if s.Port == port {
			return int(s.Queue), int(s.Backlog)
		}
	}
	t.Fatalf("no listener at %d", port)
	return 0, 0
}

// truncated: a listener asks for a long queue, and the kernel cuts it.
func truncated(t *testing.T) {
	const id = "tcp.somaxconn"
	set(t, "/proc/sys/net/core/somaxconn", "16")
	fd, at := listener(t, 65535)
	if _, n := waiting(t, at.Port); n != 16 {
		t.Fatalf("the queue is %d long, not cut to 16", n)
	}
	before := now(t)
	fds := clients(t, 100, at)
	until(t, "a lost connection", func() bool { return diagnosis(t, "tcp.listen-overflow", before).Status == fact.Fail })
	says(t, id, nil, fact.Fail)
	ours := &Ours{Listeners: []see.OurListener{{Address: "127.0.0.1", Port: at.Port, Backlog: 65535}}}
	if f := finding(t, "cfg.backlog", Options{Ours: ours}); f.Status != fact.Warn || !strings.Contains(f.Found, "gets 16") {
		t.Errorf("cfg.backlog: %s: %s", f.Status, f.Found)
	}
	mend(t, id)
	if _, n := waiting(t, at.Port); n != 16 {
		t.Errorf("the listener has a queue of %d before it listens again", n)
	}
	if err := unix.Listen(fd, 65535); err != nil {
		t.Fatal(err)
	}
	until(t, "all clients in the longer queue", func() bool { return stand(t, fds) == len(fds) && queue(t, at.Port) == len(fds) })
	says(t, id, nil, fact.OK)
	says(t, "tcp.listen-overflow", now(t), fact.OK)
	if f := finding(t, "cfg.backlog", Options{Ours: ours}); f.Status != fact.OK {
		t.Errorf("cfg.backlog: %s: %s", f.Status, f.Found)
	}
}

// forgotten: more connections are closed than may be in TIME_WAIT.
func forgotten(t *testing.T) {
	const id, bound = "tcp.tw-buckets", "/proc/sys/net/ipv4/tcp_max_tw_buckets"
	if info, err := os.Stat(bound); err != nil || info.Mode()&0o200 == 0 {
		t.Skip("a kernel whose namespaces have a tcp_max_tw_buckets of their own is missing")
	}
	says(t, id, nil, fact.OK)
	set(t, bound, "5")
	before := now(t)
	closing := func(n int) {
		fd, at := listener(t, 2*n)
		fds := clients(t, n, at)
		until(t, "the connections", func() bool { return stand(t, fds) == n })
		for _, c := range fds {
			server, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(unix.Shutdown(c, unix.SHUT_RDWR), unix.Close(server)); err != nil {
				t.Fatal(err)
			}
		}
	}
	closing(20)
	until(t, "a TIME_WAIT that is forgotten", func() bool {
		return strings.Contains(diagnosis(t, id, before).Found, "it was full")
	})
	says(t, id, before, fact.Warn)
	mend(t, id)
	after := now(t)
	closing(20)
	says(t, id, after, fact.OK)
}

func exhausted(t *testing.T) {
	const id = "tcp.ports"
	set(t, "/proc/sys/net/ipv4/ip_local_port_range", "60000 60009")
	_, at := listener(t, 100)
	var err error
	for range 11 {
		if err = unix.Connect(socket(t), at); errors.Is(err, unix.EADDRNOTAVAIL) {
			break
		}
	}
	if !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Errorf("the eleventh connection of ten ports: %v", err)
	}
	if f := says(t, id, nil, fact.Warn); !strings.Contains(f.Found, "10 ports") {
		t.Error(f.Found)
	}
	mend(t, id)
	clients(t, 1, at)
	says(t, id, nil, fact.OK)
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
	for _, id := range []string{"tcp.somaxconn", "tcp.abort-on-overflow"} {
		mend(t, id)
		says(t, id, nil, fact.OK)
	}
	if f := diagnosis(t, "tcp.busy-poll", nil); f.Status != fact.Unknown || f.RunOn != "initns" {
		t.Errorf("a setting that a namespace does not have: %s on %q: %s", f.Status, f.RunOn, f.Found)
	}
}

// namespace names our network namespace.
func namespace(t *testing.T) string {
	t.Helper()
	name, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// set writes a file of the namespaces that the test made, and of no others.
func set(t *testing.T, file, value string) {
	t.Helper()
	if ours := namespace(t); os.Getenv(outside) == "" || os.Getenv(outside) == ours {
		t.Fatalf("not in a namespace of its own: %s", ours)
	}
	if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
		t.Fatal(err)
	}
}
