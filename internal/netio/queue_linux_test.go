package netio

import (
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
	crowd(t, l, 20)
	deadline := time.Now().Add(20 * time.Second)
	for {
		q := l.Queues()[0]
		if q.Len == 4 && l.Tally().Most.Load() == 4 && l.Tally().Full.Load() && (q.Drops > 0 || q.Drops < 0) { // one more than the backlog, see listen(2)
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
	if n := l.Tally().Most.Load(); l.Queues()[0].Len != 1 || n != 4 {
		t.Errorf("the greatest length is forgotten: %d", n)
	}
	for _, q := range other.Queues() {
		if q.Len != 0 || q.Drops > 0 {
			t.Errorf("a listener without trouble: %+v", q)
		}
	}
	if c := other.Tally(); c.Most.Load() != 0 || c.Full.Load() || c.Dropped.Load() != 0 {
		t.Errorf("a listener without trouble: %+v", c)
	}
	l.Close()
	if q := l.Queues()[0]; q.Len >= 0 {
		t.Errorf("a closed socket: %+v", q)
	}
}

// crowd lets many connect to 127.0.0.1, and waits for nobody.
func crowd(t *testing.T, l *Listener, clients int) {
	t.Helper()
	for range clients {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: portOf(l.Addr()), Addr: [4]byte{127, 0, 0, 1}}); err != nil && err != unix.EINPROGRESS {
			t.Fatal(err)
		}
	}
}

// TestTallyStays: what was counted at an address is there when other sockets have it,
// also what nobody has looked at before, and nothing is counted twice; copies of
// sockets count what they drop from then on.
func TestTallyStays(t *testing.T) {
	var book Tallies
	old := listen(t, "127.0.0.1:0", ListenOptions{Backlog: 3, Tallies: &book})
	old.born = old.born.Add(-time.Minute) // a look is due
	crowd(t, old, 20)
	lost := int64(0)
	for deadline := time.Now().Add(20 * time.Second); lost == 0; lost = max(queue.Drops(descriptorOf(t, old)), 0) {
		if time.Now().After(deadline) {
			t.Skip("the system does not tell what a listener dropped")
		}
	}
	if n := waiting(old, 4); n != 4 {
		t.Fatalf("%d of 4 wait", n)
	}
	for range 2 {
		c, err := old.Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	files, err := old.Files()
	if err != nil {
		t.Fatal(err)
	}
	defer files[0].Close()
	l := beside(t, old, ListenOptions{Shards: 2, Backlog: 64, Tallies: &book})
	if err := l.Begin(ListenOptions{Backlog: 64}); err != nil {
		t.Fatal(err)
	}
	old.Drain(0)
	for q := range l.Queues() {
		if q > 1 {
			t.Error("a socket that went is among the queues")
		}
	}
	c := l.Tally()
	if l.Accepted() != 2 || c.Dropped.Load() < lost || c.Most.Load() != 4 || !c.Full.Load() {
		t.Errorf("accepted %d, dropped %d of %d or more, at most %d, full %v", l.Accepted(), c.Dropped.Load(), lost, c.Most.Load(), c.Full.Load())
	}
	for { // who waits is taken
		c, err := old.Accept()
		if err != nil {
			break
		}
		_ = c.Close()
	}
	all := c.Dropped.Load()
	if l.Accepted() < 4 { // clients ask again while there is room
		t.Errorf("accepted %d, want 4 or more", l.Accepted())
	}
	again, err := Adopt("127.0.0.1:0", files, &book)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Leave()
	if again.Queues(); c.Dropped.Load() != all || again.Tally() != c {
		t.Errorf("dropped %d, then %d", all, c.Dropped.Load())
	}
}

func descriptorOf(t *testing.T, l *Listener) (fd uintptr) {
	t.Helper()
	if err := l.shards[0].call("", func(n int) error { fd = uintptr(n); return nil }); err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestQueuesOfUnixSockets(t *testing.T) {
	l := listen(t, "unix:"+t.TempDir()+"/s", ListenOptions{})
	if q := l.Queues(); len(q) != 1 || q[0] != (Queue{Len: -1, Cap: -1, Drops: -1}) {
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
	if most := l.Tally().Most.Load(); most != 3 {
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
