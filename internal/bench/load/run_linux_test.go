package load

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a server that does to each connection what a function says, and
// counts them.
type scripted struct {
	l     net.Listener
	conns atomic.Int64
	turns atomic.Int64
	done  chan struct{}
}

func script(t *testing.T, each func(s *scripted, c net.Conn)) *scripted {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{l: l, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		var open []net.Conn
		var ends []chan struct{}
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			s.conns.Add(1)
			open = append(open, c)
			end := make(chan struct{})
			ends = append(ends, end)
			go func() { defer close(end); defer c.Close(); each(s, c) }()
		}
		for i, c := range open {
			_ = c.Close()
			<-ends[i]
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-s.done })
	return s
}

func (s *scripted) address() netip.AddrPort { return s.l.Addr().(*net.TCPAddr).AddrPort() }

func echoes(s *scripted, c net.Conn) {
	b := make([]byte, 1)
	for {
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		s.turns.Add(1)
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

func base(s *scripted) Plan {
	return Plan{
		Target: s.address(), Connections: 4, Threads: 2, Timeout: 10 * time.Second,
		Request: []byte("x"), Ending: AtSize, Size: 1,
	}
}

func measure(t *testing.T, p Plan) *Tally {
	t.Helper()
	tally, err := Run(context.Background(), p, Window{Length: 300 * time.Millisecond, Tick: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

// What the client says it did, the server has seen.
func TestClosedLoopAccounts(t *testing.T) {
	s := script(t, echoes)
	got := measure(t, base(s))
	if got.Total.TotalCount() == 0 || got.Failed() != 0 {
		t.Fatalf("%d transactions, errors %v", got.Transactions, got.Errors)
	}
	// Transactions that began inside the window may end after it: they have a
	// latency, and do not count for the rate. There are no more of them than
	// connections.
	if n := got.Total.TotalCount(); n < got.Transactions || n > got.Transactions+4 {
		t.Errorf("%d latencies of %d transactions", n, got.Transactions)
	}
	if turns := s.turns.Load(); turns != got.Total.TotalCount() {
		t.Errorf("the server answered %d, the client has %d", turns, got.Total.TotalCount())
	}
	if conns := s.conns.Load(); conns != got.Connect.TotalCount() || conns != s.turns.Load() {
		t.Errorf("the server accepted %d, the client made %d", conns, got.Connect.TotalCount())
	}
	if first, total := got.First.Max(), got.Total.Max(); first > total {
		t.Errorf("the first byte came after the end: %d > %d", first, total)
	}
}

// A thread that was stopped when it was about to begin begins nothing behind the
// window, which the server would answer and nobody count.
func TestNothingBeginsBehindTheWindow(t *testing.T) {
	s := script(t, echoes)
	p := base(s)
	w, err := newWorker(&p, &schedule{base: time.Now(), shuts: 1}, 0, 4)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(w.poller)
	w.begin(0)
	if len(w.free) != 4 {
		t.Errorf("%d of 4 connections were not opened", len(w.free))
	}
}

func TestPersistentConnections(t *testing.T) {
	s := script(t, echoes)
	p := base(s)
	p.Persist = true
	got := measure(t, p)
	if s.conns.Load() != 4 || got.Connections != 4 || got.Failed() != 0 {
		t.Errorf("%d connections accepted, %d counted, errors %v", s.conns.Load(), got.Connections, got.Errors)
	}
	if got.Total.TotalCount() != s.turns.Load() {
		t.Errorf("the server answered %d, the client has %d", s.turns.Load(), got.Total.TotalCount())
	}
}

// A server that makes everybody wait once is waited for by all transactions
// that were due meanwhile: an open loop counts them.
func TestOpenLoopCountsFromWhenDue(t *testing.T) {
	const pause = 150 * time.Millisecond
	slow := func(s *scripted, c net.Conn) {
		b := make([]byte, 1)
		for {
			if _, err := io.ReadFull(c, b); err != nil {
				return
			}
			if s.turns.Add(1) == 5 {
				time.Sleep(pause)
			}
			if _, err := c.Write(b); err != nil {
				return
			}
		}
	}
	p := base(script(t, slow))
	p.Persist, p.Connections, p.Threads, p.Rate = true, 1, 1, 200
	open := measure(t, p)
	// 200 a second for 300 ms are 60, those that never began among them.
	if n := open.Total.TotalCount() + open.Behind + open.Failed(); n != 60 {
		t.Errorf("%d of 60 are accounted for: %d done, %d behind, %v", n, open.Total.TotalCount(), open.Behind, open.Errors)
	}
	waited := int64(0)
	for _, b := range open.Total.Distribution() {
		if b.From > int64(pause)/3 {
			waited += b.Count
		}
	}
	if waited+open.Behind < 15 {
		t.Errorf("%d transactions waited long, %d did not begin: the pause alone made 20 wait 50 ms or more", waited, open.Behind)
	}
}

// What was due before the window opened, and never began, is none of its: 60 are
// due in 300 ms, and 100 before.
func TestBehindIsOfTheWindow(t *testing.T) {
	mute := script(t, func(_ *scripted, c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	for name, config := range map[string]*tls.Config{"plain": nil, "TLS": {InsecureSkipVerify: true}} {
		p := base(mute)
		p.Rate, p.Connections, p.Threads, p.Timeout, p.TLS = 200, 1, 1, time.Second, config
		got, err := Run(context.Background(), p, Window{Warm: 500 * time.Millisecond, Length: 300 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if got.Behind != 60 || got.Failed() != 0 || got.Transactions != 0 {
			t.Errorf("%s: %d behind, %d transactions, errors %v", name, got.Behind, got.Transactions, got.Errors)
		}
	}
}

// A client that stands still beyond the time for the last answers, before it begins
// or in a transaction, accounts for all that was due meanwhile.
func TestStandstillIsAccountedFor(t *testing.T) {
	mute := script(t, func(_ *scripted, c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	for name, config := range map[string]*tls.Config{"plain": nil, "TLS": {InsecureSkipVerify: true}} {
		p := base(mute)
		p.Rate, p.Connections, p.Threads, p.Timeout, p.TLS = 200, 1, 1, time.Second, config
		parts, err := sources(&p, &schedule{base: time.Now().Add(-time.Minute), opens: int64(500 * time.Millisecond), shuts: int64(800 * time.Millisecond)})
		if err != nil {
			t.Fatal(err)
		}
		parts[0].run()
		if n := parts[0].result().Behind; n != 60 {
			t.Errorf("%s: %d of 60 are behind", name, n)
		}
	}
	p := base(mute)
	p.Rate, p.Connections, p.TLS = 1./60, 1, &tls.Config{InsecureSkipVerify: true}
	s := newSecure(&p, &schedule{base: time.Now(), shuts: int64(time.Hour)})
	s.end()
	s.ctx, s.end = context.WithTimeout(context.Background(), 50*time.Millisecond)
	s.run()
	if n := s.tally.Errors["timeout"]; n != 60 || s.tally.Failed() != n || s.tally.Behind != 0 {
		t.Errorf("of 60 are %d behind, errors %v", s.tally.Behind, s.tally.Errors)
	}
}

// Who is late with the first look is told of how much of the window it is.
func TestWatched(t *testing.T) {
	got, err := Run(context.Background(), base(script(t, echoes)), Window{Length: 300 * time.Millisecond, Begin: func() { <-time.After(200 * time.Millisecond) }})
	if err != nil {
		t.Fatal(err)
	}
	if got.Window != 300*time.Millisecond || got.Watched < 0 || got.Watched > 100*time.Millisecond {
		t.Errorf("%v of %v", got.Watched, got.Window)
	}
}

func TestErrorsAreNamed(t *testing.T) {
	nobody := netip.MustParseAddrPort("127.0.0.1:1")
	early := script(t, func(_ *scripted, c net.Conn) { _, _ = io.ReadFull(c, make([]byte, 1)) })
	much := script(t, func(_ *scripted, c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 1))
		_, _ = c.Write([]byte("two"))
		_, _ = io.Copy(io.Discard, c)
	})
	mute := script(t, func(_ *scripted, c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	bad := script(t, func(_ *scripted, c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 1))
		_, _ = io.WriteString(c, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
	})
	for _, c := range []struct {
		name string
		plan Plan
		want string
	}{
		{"refused", Plan{Target: nobody}, "connect ECONNREFUSED"},
		{"early", Plan{Target: early.address()}, "closed early"},
		{"more than asked", Plan{Target: much.address()}, "bytes after the answer"},
		{"mute", Plan{Target: mute.address(), Timeout: 60 * time.Millisecond}, "timeout"},
		{"status", Plan{Target: bad.address(), Ending: AtHTTP}, "status 5xx"},
	} {
		p := c.plan
		p.Connections, p.Threads, p.Request = 1, 1, []byte("x")
		if p.Ending == AtConnect {
			p.Ending, p.Size = AtSize, 1
		}
		if p.Timeout == 0 {
			p.Timeout = 10 * time.Second
		}
		got := measure(t, p)
		if got.Errors[c.want] == 0 || len(got.Errors) != 1 || got.Transactions != 0 {
			t.Errorf("%s: errors %v, %d transactions; want %q", c.name, got.Errors, got.Transactions, c.want)
		}
	}
}

func TestEndings(t *testing.T) {
	for _, c := range []struct {
		name string
		each func(s *scripted, c net.Conn)
		plan func(p *Plan)
	}{
		{"connect", func(_ *scripted, c net.Conn) { _, _ = io.Copy(io.Discard, c) }, func(p *Plan) { p.Request, p.Ending = nil, AtConnect }},
		{"hang up", func(_ *scripted, _ net.Conn) {}, func(p *Plan) { p.Request, p.Ending = nil, AtClose }},
		{"http until the end", func(_ *scripted, c net.Conn) {
			_, _ = io.ReadFull(c, make([]byte, 1))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nall that comes")
		}, func(p *Plan) { p.Ending, p.HTTP = AtClose, true }},
		{"http in pieces", func(_ *scripted, c net.Conn) {
			for {
				if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
					return
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Enc")
				_, _ = io.WriteString(c, "oding: chunked\r\n\r\n5\r\nhello\r\n0")
				_, _ = io.WriteString(c, "\r\n\r\n")
			}
		}, func(p *Plan) { p.Ending, p.Persist = AtHTTP, true }},
		{"opening", func(_ *scripted, c net.Conn) {
			_, _ = io.ReadFull(c, make([]byte, 4))
			_, _ = io.WriteString(c, "HTTP/1.1 101 Yes\r\n\r\n")
			_, _ = io.Copy(c, c)
		}, func(p *Plan) { p.Opening, p.Persist = []byte("open"), true }},
	} {
		p := base(script(t, c.each))
		c.plan(&p)
		if got := measure(t, p); got.Transactions == 0 || got.Failed() != 0 {
			t.Errorf("%s: %d transactions, errors %v", c.name, got.Transactions, got.Errors)
		}
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := script(t, func(s *scripted, c net.Conn) { echoes(s, c) })
	p := base(s)
	win := Window{Length: time.Hour, Tick: 10 * time.Millisecond, OnTick: func(Tick) { cancel() }}
	if got, err := Run(ctx, p, win); err == nil || got == nil {
		t.Errorf("Run = %v, %v", got, err)
	}
}

func TestCheck(t *testing.T) {
	ok := Plan{Target: netip.MustParseAddrPort("127.0.0.1:1"), Connections: 1, Timeout: 1}
	if err := ok.Check(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(p *Plan){
		func(p *Plan) { p.Target = netip.AddrPort{} }, func(p *Plan) { p.Connections = 0 }, func(p *Plan) { p.Rate = -1 },
		func(p *Plan) { p.Timeout = 0 }, func(p *Plan) { p.Ending = AtSize }, func(p *Plan) { p.Persist = true },
	} {
		p := ok
		change(&p)
		if p.Check() == nil {
			t.Errorf("%+v is accepted", p)
		}
	}
}

// TestSourcesLeaveNothing: when one worker cannot be made, the others are undone.
func TestSourcesLeaveNothing(t *testing.T) {
	open := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	// The next number above all that are open; three more may be had.
	highest, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(highest)
	before := open()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(highest) + 3, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	_, err = sources(&Plan{Threads: 64, Connections: 64}, &schedule{})
	if e := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); e != nil {
		t.Fatal(e)
	}
	if err == nil {
		t.Fatal("64 workers with three descriptors")
	}
	if after := open(); after > before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}
