package netio

import (
	"net"
	"testing"
	"time"

	"fishplate/internal/netio/queue"

	"golang.org/x/sys/unix"
)

// TestQueues fills a short queue, and more than fills it: the queue's length, its
// bound and what was dropped are the listener's own, and another that has no
// trouble shows none.
func TestQueues(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{Backlog: 3})
	other := listen(t, "127.0.0.1:0", ListenOptions{Shards: 2})
	if q := l.Queues(); len(q) != 1 || q[0].Len != 0 || q[0].Cap != 3 || q[0].Drops > 0 {
		t.Fatalf("at first: %+v", q)
	}
	port := l.Addr().(*net.TCPAddr).Port
	for range 20 {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		q := l.Queues()[0]
		if q.Len == 4 && q.Most == 4 && (q.Drops > 0 || q.Drops < 0) { // one more than the backlog, see listen(2)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("20 connections for a backlog of 3: %+v", q)
		}
	}
	for range 3 {
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	if q := l.Queues()[0]; q.Most != 4 {
		t.Errorf("the greatest length is forgotten: %+v", q)
	}
	for _, q := range other.Queues() {
		if q.Len != 0 || q.Most != 0 || q.Drops > 0 {
			t.Errorf("a listener without trouble: %+v", q)
		}
	}
	l.Close()
	if q := l.Queues()[0]; q.Len >= 0 {
		t.Errorf("a closed socket: %+v", q)
	}
}

func TestQueuesOfUnixSockets(t *testing.T) {
	l := listen(t, "unix:"+t.TempDir()+"/s", ListenOptions{})
	if q := l.Queues(); len(q) != 1 || q[0] != (Queue{Len: -1, Most: -1, Cap: -1, Drops: -1}) {
		t.Errorf("%+v", q)
	}
}

// TestLook accepts with the clock of the looks set back: the queue behind and the
// processor are noted once, and not again within the time.
func TestLook(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{})
	l.born = l.born.Add(-time.Minute)
	for range 3 {
		dial(t, l.Addr().String())
	}
	if n := waiting(l, 3); n != 3 {
		t.Fatalf("%d of 3 clients wait", n)
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if most := l.shards[0].most.Load(); most != 3 {
		t.Errorf("the queue was %d long, want 3", most)
	}
	hits, looks := l.Affinity()
	if looks != 1 || hits > looks {
		t.Errorf("%d of %d", hits, looks)
	}
	l.shards[0].seen.Store(int64(time.Hour)) // the last look is as good as now
	if c, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if _, again := l.Affinity(); again != looks {
		t.Errorf("looked again at once")
	}
	if n := testing.AllocsPerRun(100, func() { l.look(l.shards[0], -1) }); n != 0 {
		t.Errorf("a look that is not due allocates %v", n)
	}
}

// waiting counts who waits for accept until it is as many as that, or for long: the
// last packet of a handshake may be on its way when its client has connected. The
// listener does not learn of it.
func waiting(l *Listener, want int) (n int) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		n = 0
		for _, s := range l.shards {
			_ = s.raw.Control(func(fd uintptr) { // a closed socket has no queue
				if q, _, ok := queue.Len(fd); ok {
					n += q
				}
			})
		}
		if n == want {
			break
		}
	}
	return n
}
