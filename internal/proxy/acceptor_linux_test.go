package proxy

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fishplate/internal/metrics"
	"fishplate/internal/model"
	"fishplate/internal/netio"
)

// shortRig is a rig whose routes answer by themselves, but for /origin, and a
// listener "web" that defers accept and is not served yet.
func shortRig(t testing.TB, origin string, change func(*model.Config)) (*rig, *netio.Listener) {
	t.Helper()
	cfg := base(origin)
	cfg.Logs = nil
	large := bytes.Repeat([]byte("large "), 4<<20)
	cfg.VHosts[0].Routes = []*model.Route{
		{Name: "origin", Path: "/origin", Backend: "app"},
		{Name: "large", Path: "/large", Respond: &model.Respond{Status: 200, Body: large}},
		{Name: "all", Respond: &model.Respond{Status: 200, Body: []byte("short")}},
	}
	change(cfg)
	r := newRig(t, cfg)
	l, err := netio.Listen(context.Background(), "127.0.0.1:0", netio.ListenOptions{Backlog: 4096, Defer: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return r, l
}

// serve serves l as the listener of that name until the test ends.
func (r *rig) serve(l *netio.Listener, name func() string) {
	r.served.Go(func() { r.srv.Serve(l, name) })
	r.t.Cleanup(l.Close)
}

func web() string { return "web" }

// waiting returns when so many wait to be accepted: their last packet may be on its
// way when they have sent it.
func waiting(t *testing.T, l *netio.Listener, n int) {
	t.Helper()
	eventually(t, fmt.Sprint(n, " wait"), func() bool { return l.Queues()[0].Len == n })
}

// short sends a request and leaves the answer to be read.
func short(t testing.TB, addr string) *client {
	t.Helper()
	c := connect(t, addr)
	c.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	return c
}

// answered reads the answer to short.
func (c *client) answered() {
	c.t.Helper()
	if got := c.rest(); !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.HasSuffix(got, "\r\n\r\nshort") {
		c.t.Fatalf("got %q", got)
	}
}

// TestShortConnectionsStayWithWhoAccepts: a connection whose request is there, and
// whose answer is at hand, costs no other goroutine. One that has to wait does.
func TestShortConnectionsStayWithWhoAccepts(t *testing.T) {
	r, l := shortRig(t, "127.0.0.1:1", func(*model.Config) {})
	r.srv.spare = 0 // who asks again before the queue was found empty is no crowd
	r.serve(l, web)
	addr := l.Addr().String()
	for range 50 {
		short(t, addr).answered()
	}
	if n := len(r.srv.hands.idle); n != 0 {
		t.Errorf("%d goroutines have led sessions besides", n)
	}
	c := connect(t, addr)
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n") // and is kept
	c.answer()
	short(t, addr).answered()
	c.Close()
	eventually(t, "a goroutine that leads no session any more", func() bool { return len(r.srv.hands.idle) == 1 })
}

// TestNobodyWaitsForASlowSession: whatever a session waits for, the shard's other
// clients are accepted and served meanwhile.
func TestNobodyWaitsForASlowSession(t *testing.T) {
	asked, release := make(chan struct{}, 1), make(chan struct{})
	o := newOrigin(t, func(c *client) {
		if _, ok := c.request(); ok {
			asked <- struct{}{}
			<-release
		}
	})
	defer close(release)
	for _, tt := range []struct {
		name   string
		first  string
		change func(l *model.Listener)
		until  func() // the session waits
	}{
		{name: "half a head", first: "GET / HTTP/1.1\r\nHost:"},
		{name: "half a body", first: "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"},
		{name: "a slow server", first: "GET /origin HTTP/1.1\r\nHost: x\r\n\r\n", until: func() { <-asked }},
		{name: "an answer that is not read", first: "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"},
		{name: "a large answer, and then the end", first: "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
		{name: "no further request", first: "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
		{name: "requests without an end", first: strings.Repeat("GET /large HTTP/1.1\r\nHost: x\r\n\r\n", 20)},
		{name: "a bad request, and a client that stays", first: "bad\r\n\r\n"},
		{name: "half a PROXY header", first: "PROXY TCP4 ", change: func(l *model.Listener) {
			l.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, l := shortRig(t, o.addr, func(cfg *model.Config) {
				times := &cfg.Listeners[0].Timeouts // longer than anybody waits here
				times.Head, times.Body, times.Write = time.Hour, time.Hour, time.Hour
				cfg.Backends[0].Timeouts.FirstByte = time.Hour
				other := *cfg.Listeners[0]
				other.Name = "other"
				cfg.Listeners = append(cfg.Listeners, &other)
				if tt.change != nil {
					tt.change(cfg.Listeners[0])
				}
			})
			slow := connect(t, l.Addr().String())
			slow.send(tt.first)
			waiting(t, l, 1)
			c := short(t, l.Addr().String())
			waiting(t, l, 2)
			turns := []string{"web", "other"}
			var n atomic.Int32
			r.serve(l, func() string { return turns[min(n.Add(1), 2)-1] })
			if tt.until != nil {
				tt.until()
			}
			c.answered()
		})
	}
}

// TestFloodLeavesTurnsToOthers: while connections come without a pause, a request on
// a connection that was there before is answered among the first of them.
func TestFloodLeavesTurnsToOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // else another processor asks the poller
	r, l := shortRig(t, "127.0.0.1:1", func(cfg *model.Config) {
		flood := *cfg.Listeners[0]
		flood.Name = "flood"
		cfg.Listeners = append(cfg.Listeners, &flood)
	})
	kept := r.dial()
	kept.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	kept.answer()
	const most = 1000
	to := &unix.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	for range most {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		if err := unix.Connect(fd, to); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(fd, []byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	requests := r.srv.Current().Listeners["web"].Counters
	began := int64(1) // of kept, which is counted behind its answer
	eventually(t, "the first is counted", func() bool { return requests.Value(metrics.ListenerRequests) == began })
	var accepted, before atomic.Int32
	done := make(chan struct{})
	kept.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	r.serve(l, func() string {
		if requests.Value(metrics.ListenerRequests) == began {
			before.Add(1)
		}
		if accepted.Add(1) == most {
			close(done)
		}
		return "flood"
	})
	<-done
	kept.answer()
	if n := before.Load(); n > 3*turn {
		t.Errorf("%d connections came before the request, want %d at most", n, 3*turn)
	}
}

// TestSpinningLeavesTurnsToOthers: who looks at the empty queue instead of sleeping
// does not keep others waiting, while short connections come one after the other.
func TestSpinningLeavesTurnsToOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // else another processor asks the poller
	r, l := shortRig(t, "127.0.0.1:1", func(cfg *model.Config) {
		flood := *cfg.Listeners[0]
		flood.Name = "flood"
		cfg.Listeners = append(cfg.Listeners, &flood)
	})
	l.Spin(netio.SpinRule{Most: time.Millisecond})
	kept := r.dial()
	kept.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	kept.answer()
	requests := r.srv.Current().Listeners["web"].Counters
	began := int64(1) // of kept, which is counted behind its answer
	eventually(t, "the first is counted", func() bool { return requests.Value(metrics.ListenerRequests) == began })
	var before atomic.Int64
	spun, asked := int64(0), false
	r.serve(l, func() string {
		switch {
		case !asked && l.Spun() >= 100:
			asked, spun = true, l.Spun()
			kept.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		case asked && requests.Value(metrics.ListenerRequests) == began:
			before.Store(l.Spun() - spun)
		}
		return "flood"
	})
	to := &unix.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	request, answer := []byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), make([]byte, 4096)
	for requests.Value(metrics.ListenerRequests) == began {
		if err := shortExchange(to, request, answer); err != nil {
			t.Fatal(err)
		}
	}
	kept.answer()
	if n := before.Load(); n > turn {
		t.Errorf("%d connections were waited for without sleep before the request was answered, want %d at most", n, turn)
	}
}

// TestStreaksLeaveTurnsToOthers: a client whose next request is always there already
// leaves turns to whoever else has something to do.
func TestStreaksLeaveTurnsToOthers(t *testing.T) {
	r, l := shortRig(t, "127.0.0.1:1", func(*model.Config) {})
	r.srv.alone = false
	r.serve(l, web)
	c := connect(t, l.Addr().String())
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	c.answer()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // else another processor is there for the others
	const most = 20
	count := r.srv.Current().Listeners["web"].Counters
	began := int64(1)
	eventually(t, "the first is counted", func() bool { return count.Value(metrics.ListenerRequests) == began })
	end := began + most*streak
	turns := make(chan int)
	go func() { // how often it is let in between
		n := 0
		for last := began; last < end; runtime.Gosched() {
			if now := count.Value(metrics.ListenerRequests); now != last {
				n, last = n+1, now
			}
		}
		turns <- n
	}()
	c.send(strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", most*streak))
	if n := <-turns; n < most/2 {
		t.Errorf("%d turns in %d requests, want %d at least", n, most*streak, most/2)
	}
}

// TestStreaksKeepNobodyWaiting: whoever waits to be accepted is so before a client
// whose next request is always there already has had all of them answered.
func TestStreaksKeepNobodyWaiting(t *testing.T) {
	const most = 20 * streak
	r, l := shortRig(t, "127.0.0.1:1", func(*model.Config) {})
	r.srv.alone = false
	count := r.srv.Current().Listeners["web"].Counters
	began := count.Value(metrics.ListenerRequests)
	first := connect(t, l.Addr().String())
	first.send(strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", most))
	waiting(t, l, 1)
	second := short(t, l.Addr().String())
	waiting(t, l, 2)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // else another processor takes it
	var accepted atomic.Int32
	before := make(chan int64, 1)
	r.serve(l, func() string {
		if accepted.Add(1) == 2 {
			before <- count.Value(metrics.ListenerRequests) - began
		}
		return "web"
	})
	if n := <-before; n > most/2 {
		t.Errorf("%d of %d requests were answered before the next client was accepted", n, most)
	}
	second.answered()
}

// TestAnswerCarriesTheEnd: an answer is one packet, which acknowledges the request, also
// when the connection ends behind it.
func TestAnswerCarriesTheEnd(t *testing.T) {
	r, l := shortRig(t, "127.0.0.1:1", func(*model.Config) {})
	r.serve(l, web)
	least := func(request string, read func(*client)) (n uint32) {
		for i := range 20 { // an acknowledgement may travel alone
			c := connect(t, l.Addr().String())
			before := packets(t, c)
			c.send(request)
			read(c)
			if now := packets(t, c) - before; i == 0 || now < n {
				n = now
			}
		}
		return n
	}
	goesOn := least("GET / HTTP/1.1\r\nHost: x\r\n\r\n", func(c *client) { c.answer() })
	ends := least("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", func(c *client) { c.rest() })
	if ends != 1 || goesOn != 1 { // the acknowledgement of the request, too
		t.Errorf("%d packets with the end, %d without, want 1", ends, goesOn)
	}
}

// packets is how many a client has got.
func packets(t *testing.T, c *client) (n uint32) {
	t.Helper()
	raw, err := c.Conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) {
		if info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			n = info.Segs_in
		}
	}); err != nil || n == 0 {
		t.Fatalf("no TCP_INFO: %v", err)
	}
	return n
}

// TestCrowdIsTakenByOthersToo: who accepts calls for help when many wait, so that
// they do not wait for one processor.
func TestCrowdIsTakenByOthersToo(t *testing.T) {
	r, l := shortRig(t, "127.0.0.1:1", func(*model.Config) {})
	r.srv.spare = 1
	var clients []*client
	for range 3 * crowd {
		clients = append(clients, short(t, l.Addr().String()))
	}
	waiting(t, l, len(clients))
	var n atomic.Int32
	release := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(release) })
	defer goOn()
	r.serve(l, func() string {
		if n.Add(1) == crowd+1 { // one of them does not get on
			<-release
		}
		return "web"
	})
	var answered sync.WaitGroup
	var left atomic.Int32
	left.Store(int32(len(clients)))
	for _, c := range clients {
		answered.Go(func() {
			c.answered()
			if left.Add(-1) == 1 {
				goOn()
			}
		})
	}
	answered.Wait()
}

// TestNobodyHelpsInVain: a helper ends when nobody waits any more, and the next
// crowd has another.
func TestNobodyHelpsInVain(t *testing.T) {
	r, l := shortRig(t, "127.0.0.1:1", func(*model.Config) {})
	var ended atomic.Int32
	for n := range int32(3) {
		c := short(t, l.Addr().String())
		waiting(t, l, 1)
		r.srv.help(l, 0, web, func() { ended.Add(1) })
		c.answered()
		eventually(t, "the helper's end", func() bool { return ended.Load() == n+1 })
	}
}

// TestWhoAcceptsLeavesBehindItsHelpers: the right at a shard is over when the helpers
// that were called have no client in hand either.
func TestWhoAcceptsLeavesBehindItsHelpers(t *testing.T) {
	r, l := shortRig(t, "127.0.0.1:1", func(*model.Config) {})
	r.srv.spare = 1
	c := short(t, l.Addr().String())
	waiting(t, l, 1)
	helps, release := make(chan struct{}), make(chan struct{})
	var ended atomic.Bool
	a := r.srv.acceptor(l, 0, func() string {
		close(helps)
		<-release
		return "web"
	}, func() { ended.Store(true) })
	a.call()
	<-helps
	l.Close()
	a.work()
	if ended.Load() {
		t.Error("it has ended, and its helper has a client")
	}
	close(release)
	c.answered()
	eventually(t, "the end", ended.Load)
}

// BenchmarkShort is a short connection, client included.
func BenchmarkShort(b *testing.B) {
	r, l := shortRig(b, "127.0.0.1:1", func(*model.Config) {})
	r.serve(l, web)
	to := &unix.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	request, answer := []byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if err := shortExchange(to, request, answer); err != nil {
			b.Fatal(err)
		}
	}
}

// TestShortConnectionsAllocateLittle: the connection and its session.
func TestShortConnectionsAllocateLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	r, l := shortRig(t, "127.0.0.1:1", func(*model.Config) {})
	r.serve(l, web)
	to := &unix.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	request, answer := []byte("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), make([]byte, 4096)
	avg := testing.AllocsPerRun(1000, func() {
		if err := shortExchange(to, request, answer); err != nil {
			t.Fatal(err)
		}
	})
	if avg > 2 {
		t.Errorf("%.0f allocations for each connection, want 2", avg)
	}
}

// shortExchange connects, asks and reads to the end.
func shortExchange(to unix.Sockaddr, request, answer []byte) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Connect(fd, to); err != nil {
		return err
	}
	if _, err := unix.Write(fd, request); err != nil {
		return err
	}
	for total := 0; ; {
		n, err := unix.Read(fd, answer[total:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			if !bytes.HasPrefix(answer[:total], []byte("HTTP/1.1 200 ")) {
				return fmt.Errorf("answer %q", answer[:total])
			}
			return nil
		}
		total += n
	}
}
