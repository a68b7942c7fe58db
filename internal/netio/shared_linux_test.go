package netio

import (
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSharedAddressIsHeld: what was bound to take the place of others is not lost to
// somebody else who begins to listen there in the meantime, whoever bound it first.
func TestSharedAddressIsHeld(t *testing.T) {
	for _, before := range []bool{true, false} {
		old := listen(t, "127.0.0.1:0", ListenOptions{})
		at := &unix.SockaddrInet4{Port: portOf(old.Addr()), Addr: [4]byte{127, 0, 0, 2}}
		target := fmt.Sprintf("127.0.0.2:%d", at.Port)
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Close(fd) }()
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			t.Fatal(err)
		}
		if before {
			if err := unix.Bind(fd, at); err != nil {
				t.Fatal(err)
			}
		}
		if err := old.Share(true); err != nil {
			t.Fatal(err)
		}
		l, err := Listen(t.Context(), target, ListenOptions{Shared: true, Shards: 2})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(l.Close)
		if !before {
			err = unix.Bind(fd, at)
		}
		if err == nil {
			err = unix.Listen(fd, 1)
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			t.Errorf("bound before: %v: somebody else listens: %v", before, err)
		}
		if err := l.Begin(ListenOptions{}); err != nil {
			t.Errorf("bound before: %v: begin: %v", before, err)
		}
		c := dial(t, target)
		_ = c.Close()
	}
}

// TestSharedAddressIsHeldOn: who could not begin to listen holds the address all the
// same, and may try again.
func TestSharedAddressIsHeldOn(t *testing.T) {
	old := listen(t, "0.0.0.0:0", ListenOptions{})
	if err := old.Share(true); err != nil {
		t.Fatal(err)
	}
	at := &unix.SockaddrInet4{Port: portOf(old.Addr()), Addr: [4]byte{127, 0, 0, 2}}
	l := listen(t, fmt.Sprintf("127.0.0.2:%d", at.Port), ListenOptions{Shared: true})
	// The kernel remembers the address that was bound last, and looks less closely there.
	listen(t, fmt.Sprintf("127.0.0.3:%d", at.Port), ListenOptions{Shared: true})
	if err := old.Share(false); err != nil {
		t.Fatal(err)
	}
	if err := l.Begin(ListenOptions{}); !errors.Is(err, unix.EADDRINUSE) {
		t.Fatalf("it listens beside who shares nothing: %v", err)
	}
	old.Close()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = unix.Bind(fd, at)
	}
	if !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("somebody else has the address: %v", err)
	}
	if err := l.Begin(ListenOptions{}); err != nil {
		t.Errorf("begin again: %v", err)
	}
}

// TestSharedAddressOfConnections: connections that were accepted at an address do
// not keep others from listening there.
func TestSharedAddressOfConnections(t *testing.T) {
	old := listen(t, ":0", ListenOptions{})
	target := fmt.Sprintf("127.0.0.2:%d", portOf(old.Addr()))
	c := dial(t, target)
	s, err := old.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := old.Share(true); err != nil {
		t.Fatal(err)
	}
	l := listen(t, target, ListenOptions{Shared: true})
	// The kernel remembers the address that was bound last, and looks less closely there.
	other := listen(t, fmt.Sprintf("127.0.0.3:%d", portOf(old.Addr())), ListenOptions{Shared: true})
	if err := errors.Join(l.Begin(ListenOptions{}), other.Begin(ListenOptions{})); err != nil {
		t.Fatal(err)
	}
	old.Drain(testLinger)
	reach(t, target, l)
	_ = c.Close()
}

// TestDrainedLeavesTheChoice: a listener that is given up before those that had its
// address are closed does not take the choice among its shards up again.
func TestDrainedLeavesTheChoice(t *testing.T) {
	for _, drained := range []bool{false, true} {
		l := listen(t, "127.0.0.1:0", ListenOptions{Shards: 2})
		if err := l.reuse(false); err != nil { // as Begin does
			t.Fatal(err)
		}
		if drained {
			l.Drain(testLinger)
		}
		if err := l.Settle(); err != nil {
			t.Fatal(err)
		}
		for i, s := range l.shards {
			on := 0
			if err := s.call("getsockopt", func(fd int) (err error) {
				on, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT)
				return err
			}); err != nil || (on == 1) == drained {
				t.Errorf("drained: %v: SO_REUSEPORT of shard %d is %d, %v", drained, i, on, err)
			}
		}
	}
}
