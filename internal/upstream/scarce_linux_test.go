package upstream

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/upstream/cause"
	"fishplate/internal/upstream/health"
)

// inShort says what a child of these tests is to be short of, and its case.
const inShort = "UPSTREAM_TEST_SHORT"

type shortCase func(t *testing.T, b *Backend, takeAll func())

// TestNoDescriptors runs what becomes of connections to servers, each in a process of
// its own that has no descriptor left.
func TestNoDescriptors(t *testing.T) {
	short(t, cause.Descriptors, takeDescriptors, map[string]shortCase{
		"blame": noBlame, "room": makeRoom, "wait": waitForOne, "left": leftMeanwhile, "check": mootCheck,
	}, nil)
}

// TestNoPorts is the same for local ports, of which a network namespace of its own
// has few.
func TestNoPorts(t *testing.T) {
	short(t, cause.Ports, takePorts, map[string]shortCase{
		"blame": noBlame, "wait": waitForPort, "left": leftMeanwhile, "check": mootCheck, "another": noAddress,
	}, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET})
}

func short(t *testing.T, what string, take func(*testing.T, *Backend), cases map[string]shortCase, apart *syscall.SysProcAttr) {
	if f := cases[os.Getenv(inShort)]; f != nil {
		wanting = what
		inWant(t, f, take)
		return
	}
	for name := range cases {
		t.Run(name, func(t *testing.T) {
			child := exec.Command(os.Args[0], "-test.run=^"+strings.TrimSuffix(t.Name(), "/"+name)+"$", "-test.v")
			child.Env = append(os.Environ(), inShort+"="+name)
			child.SysProcAttr = apart
			out, err := child.CombinedOutput()
			if errors.Is(err, syscall.EPERM) {
				t.Skip("needs root, for a network namespace of its own")
			}
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			} else if _, why, skipped := strings.Cut(string(out), "--- SKIP"); skipped {
				t.Skip(why)
			}
		})
	}
}

var (
	wants   atomic.Int64 // how often the child was told of a want
	wanting string       // its cause
)

// inWant calls f with a backend of two servers, and what takes all there is.
func inWant(t *testing.T, f shortCase, take func(*testing.T, *Backend)) {
	if wanting == cause.Ports {
		fewPorts(t)
	}
	var addresses []string
	for range 2 { // nobody accepts: the kernel does
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		addresses = append(addresses, l.Addr().String())
	}
	m := backendOf(addresses...)
	m.Eject = &model.Eject{Errors: 1, Window: time.Minute, For: time.Minute, Max: 1}
	if os.Getenv(inShort) != "blame" {
		m.Queue = &model.Queue{Limit: 1, Timeout: time.Minute}
	}
	s := newSet(t, Options{Exhausted: func(string, error) { wants.Add(1) }})
	b := commit(t, s, m)
	f(t, b, func() { take(t, b) })
}

// takeDescriptors leaves the process none.
func takeDescriptors(t *testing.T, _ *Backend) {
	var most syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &most); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 40, Max: most.Max}); err != nil {
		t.Fatal(err)
	}
	for {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		t.Cleanup(func() { _ = syscall.Close(fd) })
	}
}

// fewPorts gives the network namespace a loopback interface, and few ports.
func fewPorts(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	up, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	up.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, up); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("40000 40009"), 0); err != nil {
		t.Skip(err) // a container whose settings are read-only
	}
}

// takePorts leaves none to any server.
func takePorts(t *testing.T, b *Backend) {
	for _, s := range b.Servers() {
		for {
			c, err := net.Dial("tcp", s.Address())
			if errors.Is(err, syscall.EADDRNOTAVAIL) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			taken = append(taken, c)
		}
	}
}

var taken []net.Conn // the child's

// waiting sends the lease of a request that waits already.
func waiting(t *testing.T, b *Backend) <-chan Lease {
	p, waits := pick("GET", "/"), make(chan struct{})
	begun := sync.OnceFunc(func() { close(waits) })
	p.Left = func() bool { begun(); return false }
	got := make(chan Lease)
	go func() { got <- must(t, b, p) }()
	<-waits
	return got
}

// waitForPort: a request waits until somebody lets go of ports.
func waitForPort(t *testing.T, b *Backend, takeAll func()) {
	takeAll()
	got := waiting(t, b)
	for _, c := range taken {
		_ = c.(*net.TCPConn).SetLinger(0) // a port that is closed in order is not free at once
		_ = c.Close()
	}
	l := <-got
	if l.Queued <= 0 || wants.Load() != 0 {
		t.Errorf("it waited %v, and %d wants were told of", l.Queued, wants.Load())
	}
	l.Release(false)
}

// noAddress: a server that no address of the machine leads to is to blame.
func noAddress(t *testing.T, b *Backend, _ func()) {
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/lo/disable_ipv6", []byte("1"), 0); err != nil {
		t.Skip(err) // a kernel without IPv6
	}
	m := backendOf("[::1]:80")
	m.Name = "six"
	_, f := commit(t, b.group.set, m).Acquire(context.Background(), pick("GET", "/"))
	if f == nil || f.Cause != cause.Connect || f.Side != message.SideOrigin || wants.Load() != 0 {
		t.Errorf("%+v, and %d wants were told of", f, wants.Load())
	}
}

// noBlame: the request is refused for a while, and no server is counted out.
func noBlame(t *testing.T, b *Backend, takeAll func()) {
	takeAll()
	for range 4 {
		p := pick("GET", "/")
		_, f := b.Acquire(context.Background(), p)
		if f == nil || f.Cause != wanting || f.Side != message.SideSelf || f.Status != 503 || f.RetryAfter <= 0 {
			t.Fatalf("acquire: %+v", f)
		}
		if b.MayRetry(p, Outcome{Fault: f}) {
			t.Error("it is tried again where there is none either")
		}
	}
	if wants.Load() != 4 {
		t.Errorf("%d wants were told of", wants.Load())
	}
	for i, s := range b.Servers() {
		if s.State() != "up" || s.Active() != 0 {
			t.Errorf("%s is %s with %d connections", s.Name(), s.State(), s.Active())
		}
		if problems := counters(b, i, map[int]int64{ServerConnectErrors: 0, ServerResponseErrors: 0, ServerEjections: 0}); problems != "" {
			t.Error(problems)
		}
	}
}

// makeRoom: an idle connection to one server gives way to the other.
func makeRoom(t *testing.T, b *Backend, takeAll func()) {
	l := must(t, b, pick("GET", "/"))
	idle := l.Server
	l.Release(true)
	takeAll()
	l = must(t, b, pick("GET", "/"))
	if l.Server == idle || l.Reused || idle.pool.Len() != 0 {
		t.Errorf("from %s to %s, reused %v", idle.Name(), l.Server.Name(), l.Reused)
	}
	l.Release(false)
}

// waitForOne: a request waits until another gives its connection back.
func waitForOne(t *testing.T, b *Backend, takeAll func()) {
	held := must(t, b, pick("GET", "/"))
	takeAll()
	got := waiting(t, b)
	if _, f := b.Acquire(context.Background(), pick("GET", "/")); f == nil || f.Cause != wanting {
		t.Errorf("behind a full queue: %v", f)
	}
	held.Release(false)
	l := <-got
	if l.Queued <= 0 || b.group.counters.Value(BackendQueued) == 0 {
		t.Errorf("it waited %v", l.Queued)
	}
	l.Release(false)
}

// leftMeanwhile: nobody waits for a client that has gone.
func leftMeanwhile(t *testing.T, b *Backend, takeAll func()) {
	takeAll()
	p := pick("GET", "/")
	p.Left = func() bool { return true }
	if _, f := b.Acquire(context.Background(), p); f == nil || f.Cause != cause.ClientLeft || f.Side != message.SideClient {
		t.Errorf("%v", f)
	}
}

// mootCheck: a check that could not be made says nothing of its server.
func mootCheck(t *testing.T, b *Backend, takeAll func()) {
	takeAll()
	s := b.Servers()[0]
	probe := health.Probe{Kind: "tcp", Timeout: time.Minute, Dial: b.checkDial(s)}
	r := probe.Run(context.Background())
	s.checked(r, model.Check{Rise: 1, Fall: 1})
	if state, _ := s.track.State(); r.OK || r.Moot == nil || state == health.Down || wants.Load() != 1 {
		t.Errorf("the check says %+v, and the server is %v", r, state)
	}
	if problems := counters(b, 0, map[int]int64{ServerChecks: 0, ServerCheckFailures: 0}); problems != "" {
		t.Error(problems)
	}
}
