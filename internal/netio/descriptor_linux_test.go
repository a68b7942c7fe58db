package netio

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
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

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
