package netio

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

var _ net.Conn = (*Conn)(nil)

func TestReadWrite(t *testing.T) {
	c, s := pair(t)
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 16)
	if n, err := s.Read(b); err != nil || string(b[:n]) != "hello" {
		t.Fatalf("%q %v", b[:n], err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := s.Read(b); n != 0 || err != io.EOF {
		t.Fatalf("%d %v", n, err)
	}
	if _, err := s.Write([]byte("still")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(b); err != nil || string(b[:n]) != "still" {
		t.Fatalf("%q %v", b[:n], err)
	}
	local, remote := c.AddrPorts()
	sLocal, sRemote := s.AddrPorts()
	if local != sRemote || remote != sLocal || !local.IsValid() || !remote.IsValid() {
		t.Errorf("%v %v, %v %v", local, remote, sLocal, sRemote)
	}
	if c.LocalAddr().String() != s.RemoteAddr().String() || c.Mark() != 0 {
		t.Error(c.LocalAddr(), s.RemoteAddr(), c.Mark())
	}
}

func TestReadPooled(t *testing.T) {
	c, s := pair(t)
	got := make(chan string)
	go func() {
		b, n, err := s.ReadPooled()
		if err != nil {
			got <- err.Error()
			return
		}
		got <- string((*b)[:n])
		PutBuffer(b)
		_, _, err = s.ReadPooled()
		got <- err.Error()
	}()
	for _, want := range []string{"one", "EOF"} {
		if want == "EOF" {
			_ = c.CloseWrite()
		} else if _, err := c.Write([]byte(want)); err != nil {
			t.Fatal(err)
		}
		if g := <-got; g != want {
			t.Errorf("got %q, want %q", g, want)
		}
	}
}

func TestBlockedCallsEnd(t *testing.T) {
	calls := map[string]func(c *Conn) error{
		"read":   func(c *Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"pooled": func(c *Conn) error { _, _, err := c.ReadPooled(); return err },
		"wait":   func(c *Conn) error { return c.WaitRead() },
		"write": func(c *Conn) error {
			for {
				if _, err := c.Write(make([]byte, 1<<20)); err != nil {
					return err
				}
			}
		},
		"writev": func(c *Conn) error {
			for {
				if _, err := c.Writev(make([]byte, 1<<20), make([]byte, 1)); err != nil {
					return err
				}
			}
		},
	}
	for name, call := range calls {
		t.Run(name+"/close", func(t *testing.T) {
			_, s := pair(t)
			done := make(chan error)
			go func() { done <- call(s) }()
			_ = s.Close()
			if err := <-done; !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
		t.Run(name+"/deadline", func(t *testing.T) {
			_, s := pair(t)
			_ = s.SetDeadline(time.Now().Add(5 * time.Millisecond))
			err := call(s)
			var ne net.Error
			if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
				t.Error(err)
			}
		})
	}
}

func TestReadable(t *testing.T) {
	c, s := pair(t)
	if c.Readable() {
		t.Error("readable though nothing was sent")
	}
	if _, err := s.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitRead(); err != nil || !c.Readable() {
		t.Error("not readable", err)
	}
	b := make([]byte, 1)
	if _, err := c.Read(b); err != nil || c.Readable() {
		t.Error("readable after the byte was taken", err)
	}
	_ = s.Close()
	if err := c.WaitRead(); err != nil || !c.Readable() {
		t.Error("an ended connection counts as fresh", err)
	}
	_ = c.Close()
	if !c.Readable() {
		t.Error("a closed connection counts as fresh")
	}
}

func TestWritev(t *testing.T) {
	c, s := pair(t)
	var bufs [][]byte
	var want []byte
	for i := range 40 { // more than one vector, with empty ones between
		b := bytes.Repeat([]byte{byte(i)}, i*1000%30011)
		bufs = append(bufs, b)
		want = append(want, b...)
	}
	got := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(s)
		got <- b
	}()
	if n, err := c.Writev(bufs...); err != nil || n != int64(len(want)) {
		t.Fatal(n, err)
	}
	_ = c.CloseWrite()
	if !bytes.Equal(<-got, want) {
		t.Error("the bytes differ")
	}
	if n, err := c.Writev(); n != 0 {
		t.Error(n, err)
	}
}

func TestWriteToClosedPeer(t *testing.T) {
	c, s := pair(t)
	_ = s.Close()
	for {
		if _, err := c.Write(make([]byte, 1024)); err != nil {
			if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
			return
		}
	}
}

func TestNoAllocations(t *testing.T) {
	c, s := pair(t)
	b := make([]byte, 64)
	head, tail := []byte("head"), []byte("tail")
	for name, f := range map[string]func(){
		"echo":   func() { mustWrite(t, c, head); _, _ = s.Read(b) },
		"pooled": func() { mustWrite(t, c, head); p, _, _ := s.ReadPooled(); PutBuffer(p) },
		"writev": func() { _, _ = c.Writev(head, tail); _, _ = s.Read(b) },
		"probe":  func() { c.Readable() },
	} {
		if n := testing.AllocsPerRun(200, f); n >= allocationLimit {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func mustWrite(t testing.TB, c *Conn, b []byte) {
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

func TestDialErrors(t *testing.T) {
	const address = "127.0.0.1:1" // nobody's; another process may take one that was ours
	ctx := context.Background()
	if _, err := Dial(ctx, "tcp", address, DialOptions{}); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error(err)
	}
	if _, err := Dial(ctx, "unix", filepath.Join(t.TempDir(), "none"), DialOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Dial(ctx, "udp", address, DialOptions{}); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
	if _, err := Dial(ctx, "tcp", "no-port", DialOptions{}); err == nil {
		t.Error("an address without port was dialled")
	}
}

// TestDialHang dials a listener whose queue is full: the SYN is not answered.
func TestDialHang(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{Backlog: 1})
	var filled []*Conn
	defer func() {
		for _, c := range filled {
			_ = c.Close()
		}
	}()
	for range 16 {
		c, err := Dial(context.Background(), "tcp", l.Addr().String(), DialOptions{Timeout: 50 * time.Millisecond})
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(5*time.Millisecond, cancel)
			if _, err := Dial(ctx, "tcp", l.Addr().String(), DialOptions{}); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			return
		}
		filled = append(filled, c)
	}
	t.Fatal("the queue never filled")
}

func TestUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l := listen(t, "unix:"+path, ListenOptions{Mode: 0o600})
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatal(st, err)
	}
	c, s := connect(t, l, "unix", path)
	mustWrite(t, c, []byte("x"))
	b := make([]byte, 2)
	if n, err := s.Read(b); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if _, remote := s.AddrPorts(); remote.IsValid() || s.RemoteAddr().Network() != "unix" {
		t.Error(remote)
	}
	if _, err := Listen(context.Background(), "unix:"+path, ListenOptions{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Error("a living socket was replaced:", err)
	}
	l.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("the path is left behind")
	}
}

func TestUnixStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	_ = stale.Close()
	listen(t, "unix:"+path, ListenOptions{})
}

func TestSplice(t *testing.T) {
	a, b := pair(t) // a -> b is spliced to c -> d
	c, d := pair(t)
	want := make([]byte, 3<<20+17)
	_, _ = rand.Read(want)
	go func() {
		_, _ = a.Write(want)
		_, _ = a.Write([]byte("rest"))
		_ = a.CloseWrite()
	}()
	got := make(chan []byte)
	go func() {
		p := make([]byte, len(want))
		_, _ = io.ReadFull(d, p)
		got <- p
	}()
	if n, err := Splice(c, b, int64(len(want))); n != int64(len(want)) || err != nil {
		t.Fatal(n, err)
	}
	if !bytes.Equal(<-got, want) {
		t.Fatal("the bytes differ")
	}
	if n, err := Splice(c, b, -1); n != 4 || err != nil {
		t.Fatal("until the end:", n, err)
	}
	if n, err := Splice(c, b, 1); n != 0 || err != io.ErrUnexpectedEOF {
		t.Fatal("past the end:", n, err)
	}
	p := make([]byte, 8)
	if n, err := d.Read(p); string(p[:n]) != "rest" || err != nil {
		t.Fatal(n, err)
	}
}

func TestSpliceErrors(t *testing.T) {
	_, b := pair(t)
	c, d := pair(t)
	_ = b.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	if _, err := Splice(c, b, 1); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	a2, b2 := pair(t)
	_ = d.Close()
	go func() {
		for {
			if _, err := a2.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}()
	if _, err := Splice(c, b2, -1); err == nil {
		t.Error("a dead destination was not noticed")
	}
	_ = b2.Close()
}
