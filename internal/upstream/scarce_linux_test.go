package upstream

import (
	"context"
	"net"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/upstream/cause"
	"fishplate/internal/upstream/health"
)

const noDescriptors = "UPSTREAM_TEST_NO_DESCRIPTORS"

// TestNoDescriptors runs what becomes of connections to servers, each in a process of
// its own that has no descriptor left.
func TestNoDescriptors(t *testing.T) {
	cases := map[string]func(*testing.T, *Backend, func()){
		"blame": noBlame, "room": makeRoom, "wait": waitForOne, "left": leftMeanwhile, "check": mootCheck,
	}
	if f := cases[os.Getenv(noDescriptors)]; f != nil {
		inWant(t, f)
		return
	}
	for name := range cases {
		t.Run(name, func(t *testing.T) {
			child := exec.Command(os.Args[0], "-test.run=^TestNoDescriptors$")
			child.Env = append(os.Environ(), noDescriptors+"="+name)
			if out, err := child.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

var wants atomic.Int64 // how often the child was told of a want

// inWant calls f with a backend of two servers, and what takes all descriptors.
func inWant(t *testing.T, f func(*testing.T, *Backend, func())) {
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
	if os.Getenv(noDescriptors) != "blame" {
		m.Queue = &model.Queue{Limit: 1, Timeout: time.Minute}
	}
	s := newSet(t, Options{Exhausted: func(string) { wants.Add(1) }})
	f(t, commit(t, s, m), func() {
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
	})
}

// noBlame: the request is refused for a while, and no server is counted out.
func noBlame(t *testing.T, b *Backend, takeAll func()) {
	takeAll()
	for range 4 {
		p := pick("GET", "/")
		_, f := b.Acquire(context.Background(), p)
		if f == nil || f.Cause != cause.Descriptors || f.Side != message.SideSelf || f.Status != 503 || f.RetryAfter <= 0 {
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
	p, waits := pick("GET", "/"), make(chan struct{})
	begun := sync.OnceFunc(func() { close(waits) })
	p.Left = func() bool { begun(); return false }
	got := make(chan Lease)
	go func() { got <- must(t, b, p) }()
	<-waits
	if _, f := b.Acquire(context.Background(), pick("GET", "/")); f == nil || f.Cause != cause.Descriptors {
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
	if state, _ := s.track.State(); r.OK || !r.Moot || state == health.Down || wants.Load() != 1 {
		t.Errorf("the check says %+v, and the server is %v", r, state)
	}
	if problems := counters(b, 0, map[int]int64{ServerChecks: 0, ServerCheckFailures: 0}); problems != "" {
		t.Error(problems)
	}
}
