package netio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func getsockopt(t *testing.T, c *Conn, level, name int) int {
	t.Helper()
	v, err := unix.GetsockoptInt(c.FD(), level, name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOptionsAreInherited(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{KeepAlive: 42 * time.Second})
	_, s := connect(t, l, "tcp", l.Addr().String())
	for _, c := range []struct{ level, name, want int }{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 42},
	} {
		if got := getsockopt(t, s, c.level, c.name); got != c.want {
			t.Errorf("option %d/%d = %d, want %d", c.level, c.name, got, c.want)
		}
	}
	if l.Accepted() != 1 || l.Shed() != 0 || l.Key() != "127.0.0.1:0" {
		t.Error(l.Accepted(), l.Shed(), l.Key())
	}
}

func TestDualStack(t *testing.T) {
	l := listen(t, ":0", ListenOptions{})
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	_, s := connect(t, l, "tcp", "127.0.0.1:"+port)
	if _, remote := s.AddrPorts(); !remote.Addr().Is4() {
		t.Error("an IPv4 client is shown as", remote)
	}
}

func TestDeferAccept(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{Defer: time.Second})
	c, err := Dial(context.Background(), "tcp", l.Addr().String(), DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	mustWrite(t, c, []byte("x"))
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !s.Readable() {
		t.Error("accepted before data came")
	}
}

// testLinger is as long as a handshake on this machine may take.
const testLinger = 100 * time.Millisecond

func TestDrain(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{})
	address := l.Addr().String()
	for range 5 {
		c, err := Dial(context.Background(), "tcp", address, DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	l.Drain(testLinger)
	for range 5 {
		s, err := l.Accept()
		if err != nil {
			t.Fatal("a queued connection was lost:", err)
		}
		_ = s.Close()
	}
	if _, err := l.Accept(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := Dial(context.Background(), "tcp", address, DialOptions{}); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error("the socket is still open:", err)
	}
}

func TestDrainWakesAccept(t *testing.T) {
	for name, end := range map[string]func(*Listener){"drain": func(l *Listener) { l.Drain(testLinger) }, "close": (*Listener).Close} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "127.0.0.1:0", ListenOptions{})
			done := make(chan error)
			go func() {
				_, err := l.Accept()
				done <- err
			}()
			end(l)
			if err := <-done; !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		})
	}
}

// TestInheritedListener passes a listening socket as a service manager does.
func TestInheritedListener(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{})
	files, err := l.Files()
	if err != nil {
		t.Fatal(err)
	}
	defer files[0].Close()
	fd := int(files[0].Fd())
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("LISTEN_FDS", strconv.Itoa(fd-firstInherited+1))
	name := strconv.Itoa(fd - firstInherited)
	t.Setenv("LISTEN_FDNAMES", "")
	for range 2 { // taken twice: closing one leaves the passed socket open
		in := listen(t, "fd:"+name, ListenOptions{})
		connect(t, in, "tcp", l.Addr().String())
		in.Close()
	}
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	t.Setenv("LISTEN_FDS", strconv.Itoa(int(null.Fd())))
	if _, err := Listen(context.Background(), "fd:"+strconv.Itoa(int(null.Fd())-firstInherited), ListenOptions{}); err == nil {
		t.Error("/dev/null was taken for a listening socket")
	}
}

// TestDescriptorsExhausted lowers the limit until accept fails, and checks
// that waiting clients are let go at once and that accepting goes on.
func TestDescriptorsExhausted(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{})
	var clients []*Conn
	for range 3 {
		c, err := Dial(context.Background(), "tcp", l.Addr().String(), DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		clients = append(clients, c)
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	// The next free descriptor is the first beyond the limit; the reserve is below.
	probe, err := unix.Dup(clients[0].FD())
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(probe)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(probe), Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	restore := sync.OnceFunc(func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &old) })
	defer restore()

	accepted := make(chan *Conn, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			accepted <- c
		}
		close(accepted)
	}()
	for _, c := range clients {
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("a shed client was left waiting:", err)
		}
	}
	if n := l.Shed(); n != 3 {
		t.Errorf("shed %d, want 3", n)
	}
	restore()
	c, err := Dial(context.Background(), "tcp", l.Addr().String(), DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, ok := <-accepted
	if !ok {
		t.Fatal("accepting ended")
	}
	_ = s.Close()
}

func TestAdjust(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{Shards: 2})
	option := func(name int) (got int) {
		if err := l.shards[1].raw.Control(func(fd uintptr) { got, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, name) }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, o := range []ListenOptions{{Defer: 3 * time.Second, FastOpen: true, Backlog: 7}, {}} {
		if err := l.Adjust(o); err != nil {
			t.Fatal(err)
		}
		if on := option(unix.TCP_DEFER_ACCEPT) > 0; on != (o.Defer > 0) {
			t.Errorf("%+v: deferred %v", o, on)
		}
		if on := option(unix.TCP_FASTOPEN) > 0; on != o.FastOpen {
			t.Errorf("%+v: fast open %v", o, on)
		}
		if o.Backlog == 0 {
			continue
		}
		// tcpi_sacked of a listening socket is its backlog (tcp(7)).
		var info *unix.TCPInfo
		if err := l.shards[0].raw.Control(func(fd uintptr) { info, _ = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); err != nil || info == nil {
			t.Fatal(err)
		}
		if int(info.Sacked) != o.Backlog {
			t.Errorf("backlog %d, want %d", info.Sacked, o.Backlog)
		}
	}
}

// TestDrainResetsNobody connects as fast as it can while the listener is given
// up: each connection is either served or was never made.
func TestDrainResetsNobody(t *testing.T) {
	for range 5 {
		l := listen(t, "127.0.0.1:0", ListenOptions{})
		addr := l.Addr().String()
		var loops sync.WaitGroup
		loops.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write([]byte("x"))
				_ = c.Close()
			}
		})
		var first sync.WaitGroup
		first.Add(4)
		for range 4 {
			loops.Go(func() {
				for n := 0; ; n++ {
					c, err := net.DialTimeout("tcp", addr, 20*time.Millisecond)
					if err != nil {
						if n == 0 {
							first.Done()
						}
						return
					}
					var b [1]byte
					if _, err := c.Read(b[:]); err != nil {
						t.Errorf("a connection was made and not served: %v", err)
					}
					c.Close()
					if n == 0 {
						first.Done()
					}
				}
			})
		}
		first.Wait()
		l.Drain(testLinger)
		loops.Wait()
	}
}

// TestSharedAddress: one address takes the place of another that overlaps it, and
// no client finds it closed.
func TestSharedAddress(t *testing.T) {
	for _, tt := range []struct{ old, next string }{
		{":0", "127.0.0.2:%d"}, {"127.0.0.2:0", ":%d"}, {"0.0.0.0:0", "127.0.0.2:%d"}, {"127.0.0.2:0", "127.0.0.2:%d"}, {":0", "[::1]:%d"}, {"[::1]:0", ":%d"},
	} {
		t.Run(tt.old+" "+tt.next, func(t *testing.T) {
			old := listen(t, tt.old, ListenOptions{})
			number := portOf(old.Addr())
			target := fmt.Sprintf("127.0.0.2:%d", number)
			if strings.Contains(tt.old+tt.next, "::1") {
				target = fmt.Sprintf("[::1]:%d", number)
			}
			next := fmt.Sprintf(tt.next, number)
			if _, err := Listen(t.Context(), next, ListenOptions{}); !errors.Is(err, syscall.EADDRINUSE) {
				t.Fatalf("without sharing: %v", err)
			}
			if _, err := Listen(t.Context(), next, ListenOptions{Shared: true}); !errors.Is(err, syscall.EADDRINUSE) {
				t.Fatalf("shared by one: %v", err)
			}
			if err := old.Share(true); err != nil {
				t.Fatal(err)
			}
			l, err := Listen(t.Context(), next, ListenOptions{Shared: true})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			reach(t, target, old) // nobody notices before Begin
			queued := dial(t, target)
			if err := l.Begin(ListenOptions{}); err != nil {
				t.Fatal(err)
			}
			old.Drain(testLinger)
			reach(t, target, l)
			c, err := old.Accept()
			if err != nil || portOf(c.RemoteAddr()) != portOf(queued.LocalAddr()) {
				t.Fatalf("what the old queue held: %v", err)
			}
			_ = c.Close()
			if _, err := old.Accept(); !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
			reach(t, target, l)
			if _, err := Listen(t.Context(), next, ListenOptions{}); !errors.Is(err, syscall.EADDRINUSE) {
				t.Errorf("the address is not taken: %v", err)
			}
		})
	}
}

// TestHandshakesEndAfterDrain: handshakes that are under way when the socket is
// given up are finished, and nobody else begins one. Deferred accepting holds them
// back here as a slow network would.
func TestHandshakesEndAfterDrain(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{Defer: 10 * time.Second})
	var clients []net.Conn
	for range 20 {
		clients = append(clients, dial(t, l.Addr().String()))
	}
	if a := l.Acceptor(0); a.accept(false) != nil || a.err != unix.EAGAIN {
		t.Fatalf("a handshake has ended: %d, %v", a.fd, a.err)
	}
	l.Drain(time.Second)
	if c, err := net.DialTimeout("tcp", l.Addr().String(), time.Minute); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("somebody new gets %v, %v", c, err)
	}
	for _, c := range clients {
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for range clients {
		s, err := l.Accept()
		if err != nil {
			t.Fatalf("a handshake that had begun was lost: %v", err)
		}
		_ = s.Close()
	}
	if _, err := l.Accept(); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// TestSilentAreAcceptedAfterDrain: a client that has connected, and waits with its
// first bytes, is not forgotten with the listener that deferred it.
func TestSilentAreAcceptedAfterDrain(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{Defer: time.Minute, Shards: 2})
	for range 20 {
		dial(t, l.Addr().String())
	}
	for i := range l.Shards() {
		if a := l.Acceptor(i); a.accept(false) != nil || a.err != unix.EAGAIN {
			t.Fatalf("somebody was accepted without a word: %d, %v", a.fd, a.err)
		}
	}
	l.Drain(time.Minute)
	defer l.Close()
	taken := make(chan error)
	for i := range l.Shards() {
		go func() {
			for {
				s, err := l.AcceptShard(i)
				if err == nil {
					err = s.Close()
				}
				taken <- err
				if err != nil {
					return
				}
			}
		}()
	}
	for n := range 20 {
		if err := <-taken; err != nil {
			t.Fatalf("after %d: %v", n, err)
		}
	}
	l.Close()
	for range l.Shards() {
		<-taken
	}
}

// TestSharedAddressUndone: what was bound and never began leaves no trace.
func TestSharedAddressUndone(t *testing.T) {
	old := listen(t, ":0", ListenOptions{})
	target := fmt.Sprintf("127.0.0.2:%d", portOf(old.Addr()))
	if err := old.Share(true); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(t.Context(), target, ListenOptions{Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, target)
	l.Close()
	if err := old.Share(false); err != nil {
		t.Fatal(err)
	}
	s, err := old.Accept()
	if err != nil || portOf(s.RemoteAddr()) != portOf(c.LocalAddr()) {
		t.Fatal(err)
	}
	_ = s.Close()
	reach(t, target, old)
}

// TestSharingFails: what the kernel says of every socket is told.
func TestSharingFails(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	raw, err := r.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	l := &Listener{shards: []*shard{{raw: raw}}}
	if err := l.Share(true); !errors.Is(err, syscall.ENOTSOCK) {
		t.Errorf("share: %v", err)
	}
	if err := l.Begin(ListenOptions{}); !errors.Is(err, syscall.ENOTSOCK) {
		t.Errorf("begin: %v", err)
	}
}

// dial connects with the first SYN.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if n := info(t, c).Total_retrans; n > 0 {
		t.Fatalf("%s was asked %d times before it answered", address, n+1)
	}
	return c
}

// reach expects that a client gets to that listener.
func reach(t *testing.T, address string, l *Listener) {
	t.Helper()
	c := dial(t, address)
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if portOf(s.RemoteAddr()) != portOf(c.LocalAddr()) {
		t.Errorf("%s got %v, not %v", address, s.RemoteAddr(), c.LocalAddr())
	}
}

func portOf(a net.Addr) int { return a.(*net.TCPAddr).Port }

// TestReshard puts another number of sockets in the place of those that have an
// address: between Begin and Settle nobody gets to the old ones once they are
// hidden, and afterwards all shards share the clients.
func TestReshard(t *testing.T) {
	old := listen(t, "127.0.0.1:0", ListenOptions{})
	target := old.Addr().String()
	for round, shards := range []int{2, 4, 1, 3, 1} {
		if err := old.Share(true); err != nil {
			t.Fatal(err)
		}
		l := listen(t, "127.0.0.1:0", ListenOptions{Shards: shards, Shared: true, Beside: old})
		if l.Addr().String() != target {
			t.Fatalf("round %d: %v", round, l.Addr())
		}
		queued := dial(t, target)
		if err := l.Begin(ListenOptions{}); err != nil {
			t.Fatal(err)
		}
		old.Drain(time.Minute)
		var want, got []int
		arrived := make(chan int, 100)
		var loops sync.WaitGroup
		for i := range l.Shards() {
			loops.Go(func() {
				for {
					c, err := l.AcceptShard(i)
					if err != nil {
						return
					}
					arrived <- portOf(c.RemoteAddr())
					_ = c.Close()
				}
			})
		}
		knock := func() {
			for range 50 {
				want = append(want, portOf(dial(t, target).LocalAddr()))
				got = append(got, <-arrived)
			}
		}
		knock()
		c, shard := (*Conn)(nil), 0
		for ; c == nil; shard++ { // those without a queue say so at once
			old.lingersTo.Store(0)
			c, _ = old.AcceptShard(shard)
		}
		if portOf(c.RemoteAddr()) != portOf(queued.LocalAddr()) {
			t.Errorf("round %d: the old queue held %v", round, c.RemoteAddr())
		}
		_ = c.Close()
		old.Close()
		if err := l.Settle(); err != nil {
			t.Fatal(err)
		}
		knock()
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("round %d: %s", round, d)
		}
		for _, s := range l.shards {
			on := 0
			if err := s.call("getsockopt", func(fd int) (err error) {
				on, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT)
				return err
			}); err != nil || (on == 1) != (shards > 1) {
				t.Errorf("round %d: SO_REUSEPORT %d, %v", round, on, err)
			}
		}
		for _, s := range l.shards { // end the loops, and nothing else
			_ = s.file.SetReadDeadline(time.Unix(1, 0))
		}
		loops.Wait()
		for _, s := range l.shards {
			_ = s.file.SetReadDeadline(time.Time{})
		}
		old = l
	}
}
