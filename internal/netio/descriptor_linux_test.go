package netio

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// accepted returns both ends of a connection that a listener of ours accepted.
func accepted(t *testing.T) (ours *Conn, theirs net.Conn) {
	t.Helper()
	l, err := Listen(t.Context(), "127.0.0.1:0", ListenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	theirs, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = theirs.Close() })
	if ours, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	return ours, theirs
}

func TestShortConnectionsStayOffThePoller(t *testing.T) {
	ours, theirs := accepted(t)
	if _, err := io.WriteString(theirs, "ask"); err != nil {
		t.Fatal(err)
	}
	await(ours.Readable)
	b, n, err := ours.ReadPooled()
	if err != nil || string((*b)[:n]) != "ask" {
		t.Fatalf("read %d bytes: %v", n, err)
	}
	PutBuffer(b)
	if _, err := ours.Writev([]byte("head"), []byte("body")); err != nil {
		t.Fatal(err)
	}
	if ours.raw.joined.Load() {
		t.Error("the connection joined the poller, and never had to wait")
	}
	local, remote := ours.AddrPorts()
	if local.String() != theirs.RemoteAddr().String() || remote.String() != theirs.LocalAddr().String() {
		t.Errorf("addresses %s and %s", local, remote)
	}
	if err := ours.Close(); err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(theirs); err != nil || string(all) != "headbody" {
		t.Errorf("the client read %q: %v", all, err)
	}
	for _, use := range []func() error{
		ours.Close, ours.WaitRead, ours.CloseWrite,
		func() error { _, err := ours.Read(make([]byte, 1)); return err },
		func() error { _, err := ours.Write([]byte("x")); return err },
		func() error { return ours.SetDeadline(past()) },
	} {
		if err := use(); err == nil {
			t.Error("a closed connection could be used")
		}
	}
}

// await looks until the condition holds.
func await(holds func() bool) {
	for !holds() {
		time.Sleep(time.Millisecond)
	}
}

func past() time.Time { return time.Unix(1, 0) }

func TestDeadlineBeforeTheFirstWait(t *testing.T) {
	ours, theirs := accepted(t)
	if err := ours.SetReadDeadline(past()); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	if err := ours.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := theirs.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Read(make([]byte, 1)); err != nil {
		t.Errorf("read after the deadline was lifted: %v", err)
	}
}

// Who waits is woken by a deadline and by Close, at whatever moment these come.
func TestDeadlinesAndClosesMeetFirstWaits(t *testing.T) {
	for round := range 200 {
		ours, _ := accepted(t)
		var both sync.WaitGroup
		var err error
		both.Go(func() { _, err = ours.Read(make([]byte, 1)) })
		want := ErrClosed
		if round%2 == 0 {
			want = os.ErrDeadlineExceeded
			_ = ours.SetReadDeadline(past())
		} else {
			_ = ours.Close()
		}
		both.Wait()
		if !errors.Is(err, want) {
			t.Fatalf("round %d: read: %v, not %v", round, err, want)
		}
	}
}

func TestBothDirectionsBeforeTheFirstWait(t *testing.T) {
	ours, theirs := accepted(t)
	const size = 8 << 20 // more than the buffers of both ends take
	var all sync.WaitGroup
	all.Go(func() { _, _ = io.CopyN(theirs, zeros{}, size) })
	all.Go(func() {
		if n, err := io.CopyN(io.Discard, theirs, size); n != size {
			t.Errorf("the client read %d bytes: %v", n, err)
		}
	})
	all.Go(func() {
		if n, err := io.CopyN(io.Discard, onlyReads{ours}, size); n != size {
			t.Errorf("read %d bytes: %v", n, err)
		}
	})
	all.Go(func() {
		if _, err := ours.Write(make([]byte, size)); err != nil {
			t.Error(err)
		}
	})
	all.Wait()
}

// TestBeforeWait: whoever would wait is told before, once, and nobody else.
func TestBeforeWait(t *testing.T) {
	ours, theirs := accepted(t)
	told := 0
	ours.BeforeWait(func() { told++ })
	if _, err := io.WriteString(theirs, "ask"); err != nil {
		t.Fatal(err)
	}
	await(ours.Readable)
	if _, err := ours.Read(make([]byte, 9)); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Write([]byte("answer")); err != nil || told != 0 {
		t.Fatalf("told %d times of no wait: %v", told, err)
	}
	for range 2 {
		if err := ours.SetReadDeadline(past()); err != nil {
			t.Fatal(err)
		}
		if _, err := ours.Read(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
	}
	if told != 1 {
		t.Errorf("told %d times, want once", told)
	}

	ours, _ = accepted(t) // whose client reads nothing
	ours.BeforeWait(func() {
		told++
		_ = ours.SetWriteDeadline(past())
	})
	if _, err := ours.Write(make([]byte, 16<<20)); !errors.Is(err, os.ErrDeadlineExceeded) || told != 2 {
		t.Errorf("a write that waits: told %d times, %v", told-1, err)
	}
	ours, _ = accepted(t)
	ours.BeforeWait(func() { told++ })
	ours.BeforeWait(nil)
	_ = ours.SetReadDeadline(past())
	if _, err := ours.Read(make([]byte, 9)); err == nil || told != 2 {
		t.Errorf("taken back, and told: %v", err)
	}
}

// TestLastPacketCarriesTheEnd counts the packets that a client gets of an answer and
// of the end behind it.
func TestLastPacketCarriesTheEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		mark func(*Conn)
		end  func(*Conn) error
		want uint32
	}{
		{"as it comes", func(*Conn) {}, (*Conn).Close, 2},
		{"the last", (*Conn).Last, (*Conn).Close, 1},
		{"the last, our side only", (*Conn).Last, (*Conn).CloseWrite, 1},
		{"the last of who waited before", func(c *Conn) {
			_ = c.SetReadDeadline(past())
			_, _ = c.Read(make([]byte, 1))
			c.Last()
		}, (*Conn).Close, 1},
	} {
		ours, theirs := accepted(t)
		before := info(t, theirs).Segs_in
		c.mark(ours)
		if _, err := ours.Writev([]byte("head"), []byte("body")); err != nil {
			t.Fatal(err)
		}
		if err := c.end(ours); err != nil {
			t.Fatal(err)
		}
		if all, err := io.ReadAll(theirs); err != nil || string(all) != "headbody" {
			t.Errorf("%s: the client read %q: %v", c.name, all, err)
		}
		if n := info(t, theirs).Segs_in - before; n != c.want {
			t.Errorf("%s: %d packets, want %d", c.name, n, c.want)
		}
	}
}

// info is what the kernel says of a connection.
func info(t *testing.T, c net.Conn) (i *unix.TCPInfo) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	failed := raw.Control(func(fd uintptr) { i, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) })
	if err := errors.Join(err, failed); err != nil {
		t.Fatal("no TCP_INFO: ", err)
	}
	return i
}

// TestLastAnswerBeforeAReset: bytes that nobody has read make the kernel reset the
// connection when it is closed, and the answer is not lost by that.
func TestLastAnswerBeforeAReset(t *testing.T) {
	for i := range 100 {
		ours, theirs := accepted(t)
		if i%2 == 1 { // one that has waited before
			_ = ours.SetReadDeadline(past())
			_, _ = ours.Read(make([]byte, 1))
		}
		if _, err := io.WriteString(theirs, "never read"); err != nil {
			t.Fatal(err)
		}
		await(ours.Readable)
		ours.Last()
		if _, err := ours.Write([]byte("answer")); err != nil {
			t.Fatal(err)
		}
		if err := ours.Close(); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 9)
		if n, err := theirs.Read(b); string(b[:n]) != "answer" {
			t.Fatalf("the client read %q: %v", b[:n], err)
		}
	}
}

// TestAbortAfterLast: who breaks off does not end in order.
func TestAbortAfterLast(t *testing.T) {
	ours, theirs := accepted(t)
	ours.Last()
	if _, err := ours.Write([]byte("part")); err != nil {
		t.Fatal(err)
	}
	ours.Abort()
	if err := ours.Close(); err != nil {
		t.Fatal(err)
	}
	if all, err := io.ReadAll(theirs); err == nil {
		t.Errorf("the client read %q and then an end in order", all)
	}
}

// TestShortConnectionsAllocateThemselves: accept, read, write and close cost one
// allocation, the connection.
func TestShortConnectionsAllocateThemselves(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{})
	a, client := l.Acceptor(0), shortClient(t, l)
	answer := func() { serveShort(t, a, (*Conn).Last) }
	if avg := testing.AllocsPerRun(500, func() { client(answer) }); avg > allocationLimit {
		t.Errorf("%.1f allocations for each connection, want 1", avg)
	}
}

// serveShort answers one connection whose request is there.
func serveShort(t testing.TB, a *Acceptor, mark func(*Conn)) {
	c, err := a.Accept()
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := c.ReadPooled()
	if err != nil {
		t.Fatal(err)
	}
	mark(c)
	if _, err := c.Write((*b)[:100]); err != nil {
		t.Fatal(err)
	}
	PutBuffer(b)
	_ = c.Close()
}

// shortClient returns a client that connects and asks, lets somebody answer, and
// reads the answer.
func shortClient(t testing.TB, l *Listener) func(answer func()) {
	t.Helper()
	to := &unix.SockaddrInet4{Port: l.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	p := make([]byte, 100)
	return func(answer func()) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Connect(fd, to)
		}
		if err == nil {
			_, err = unix.Write(fd, p)
		}
		if err != nil {
			t.Fatal(err)
		}
		answer()
		if n, err := unix.Read(fd, p); n != len(p) || err != nil {
			t.Fatalf("the client got %d bytes: %v", n, err)
		}
		_ = unix.Close(fd)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
