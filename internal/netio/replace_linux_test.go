package netio

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/internal/netio/spread"

	"golang.org/x/sys/unix"
)

// connectOnce says how often the kernel sent a packet of a connection again: the
// first, when the socket that it got to was hidden a moment later.
func connectOnce(to netip.AddrPort) (again uint32, err error) {
	family, sa, err := sockaddrOf(to)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(fd) }()
	// Closed with a reset, so that ports do not run out.
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return 0, err
	}
	if err := unix.Connect(fd, sa); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return 0, err
	}
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 10_000)
	}
	failed, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return 0, err
	}
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, err
	}
	if failed != 0 || info.State != unix.BPF_TCP_ESTABLISHED {
		return 0, fmt.Errorf("no connection: state %d, %w", info.State, unix.Errno(failed))
	}
	return info.Total_retrans, nil
}

// places are addresses of both families, and the one that has clients of both.
var places = []struct{ listen, client string }{{"127.0.0.1:0", "127.0.0.1"}, {"[::1]:0", "::1"}, {"[::]:0", "::1"}, {"[::]:0", "127.0.0.1"}}

func at(client string, l *Listener) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(client), uint16(portOf(l.Addr())))
}

// queued counts who waits for accept.
func queued(l *Listener) (n int) {
	for _, q := range l.Queues() {
		n += q.Len
	}
	return n
}

// beside opens sockets that are to have the address of others.
func beside(t testing.TB, old *Listener, o ListenOptions) *Listener {
	t.Helper()
	if err := old.Share(true); err != nil {
		t.Fatal(err)
	}
	o.Shared, o.Beside = true, old
	return listen(t, old.Key(), o)
}

// TestClientsGoToTheNew: from Begin on all clients get to the new sockets,
// whatever the kernel chose by among the old ones, which are not hidden yet. When
// those are closed, the new share the clients.
func TestClientsGoToTheNew(t *testing.T) {
	const clients = 40
	for _, p := range places {
		for _, rule := range []spread.Rule{spread.IncomingCPU, spread.CBPF, spread.Hash} {
			for _, shards := range [][2]int{{1, 2}, {2, 4}, {4, 1}, {3, 3}} {
				t.Run(fmt.Sprint(p.listen, " from ", p.client, " by ", rule, shards), func(t *testing.T) {
					old := listen(t, p.listen, ListenOptions{Shards: shards[0], Spread: rule})
					l := beside(t, old, ListenOptions{Shards: shards[1], Spread: rule})
					to := at(p.client, l).String()
					arrive := func(when string, l *Listener) {
						was := queued(l)
						for range clients {
							dial(t, to)
						}
						if n := waiting(l, was+clients) - was; n != clients {
							t.Errorf("%s: %d of %d clients are where they should be", when, n, clients)
						}
					}
					arrive("before", old)
					if err := l.Begin(ListenOptions{}); err != nil {
						t.Fatal(err)
					}
					arrive("both are open", l)
					old.Yield()
					arrive("the old yield", l)
					old.Drain(0)
					arrive("the old are hidden", l)
					old.Close()
					arrive("the old are closed", l)
					if err := l.Settle(); err != nil {
						t.Fatal(err)
					}
					was, share := l.Queues(), 0
					arrive("the new share them", l)
					for i, q := range l.Queues() {
						if q.Len > was[i].Len {
							share++
						}
					}
					if rule == spread.Hash && shards[1] > 1 && share < 2 {
						t.Error("one of the new sockets has all clients")
					}
				})
			}
		}
	}
}

// TestReplaced replaces sockets under load; BenchmarkReplaced counts, if it is run
// for long: go test -run - -bench Replaced -benchtime 1000x -cpu 2,4,8.
func TestReplaced(t *testing.T) {
	for _, p := range places {
		t.Run(p.listen+" from "+p.client, func(t *testing.T) {
			round := 0
			count, again, dropped := replace(t, p.listen, p.client, func() bool { round++; return round <= 10 })
			if dropped > 0 {
				t.Errorf("%d of %d clients had to ask again, %d for a socket that went", again, count, dropped)
			}
		})
	}
}

func BenchmarkReplaced(b *testing.B) {
	for _, p := range places {
		b.Run(p.listen+" from "+p.client, func(b *testing.B) {
			count, again, dropped := replace(b, p.listen, p.client, b.Loop)
			b.ReportMetric(float64(count), "connections")
			b.ReportMetric(float64(again), "again")
			b.ReportMetric(float64(dropped), "dropped")
		})
	}
}

// replace puts sockets in the place of those that have an address, over and over,
// while two clients connect without pause. It counts them, those who had to ask again,
// and packets of theirs that the old sockets dropped. Somebody may also have to ask
// again because the kernel gave it the port of one whose last packet is on its way.
func replace(t testing.TB, address, from string, more func() bool) (count, lost, dropped int64) {
	waiting := make(chan struct{}, 1000) // fewer than a queue has room for
	old := listen(t, address, ListenOptions{Shards: 2, Spread: spread.IncomingCPU})
	was := served(old, waiting)
	to := at(from, old)
	var stop atomic.Bool
	var clients sync.WaitGroup
	var under sync.RWMutex // held by who connects
	for range 2 {
		clients.Go(func() {
			for !stop.Load() {
				waiting <- struct{}{}
				under.RLock()
				again, err := connectOnce(to)
				under.RUnlock()
				if err != nil {
					t.Error(err)
					return
				}
				atomic.AddInt64(&count, 1)
				atomic.AddInt64(&lost, int64(min(again, 1)))
			}
		})
	}
	for round := 0; more(); round++ {
		l := beside(t, old, ListenOptions{Shards: []int{1, 2, 4, 2}[round%4], Spread: spread.IncomingCPU})
		if err := l.Begin(ListenOptions{}); err != nil {
			t.Fatal(err)
		}
		done := served(l, waiting)
		old.Yield()
		time.Sleep(time.Millisecond) // for packets on their way, as a change of the configuration does
		old.Drain(time.Minute)
		under.Lock() // every handshake of before has ended
		for _, q := range old.Queues() {
			dropped += max(q.Drops, 0)
		}
		old.lingersTo.Store(0)
		under.Unlock()
		<-was
		old.Close()
		if err := l.Settle(); err != nil {
			t.Fatal(err)
		}
		old, was = l, done
	}
	stop.Store(true)
	clients.Wait()
	old.Drain(0)
	<-was
	return count, lost, dropped
}

// served takes the clients of a listener until that ends, as done says.
func served(l *Listener, waiting chan struct{}) (done chan struct{}) {
	done = make(chan struct{})
	var loops sync.WaitGroup
	for i := range l.Shards() {
		loops.Go(func() {
			for {
				c, err := l.AcceptShard(i)
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 1)) // who closes first keeps the port for a while
				_ = c.Close()
				<-waiting
			}
		})
	}
	go func() { loops.Wait(); close(done) }()
	return done
}
