package netio

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"fishplate/internal/netio/spin"
	"fishplate/internal/netio/spread"
)

// TestSpin: who looks at the empty queue finds the next client without having slept,
// and so it is told. Who is told not to look any more sleeps.
func TestSpin(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{Spin: spin.Rule{Most: time.Hour}})
	a := l.Acceptor(0)
	meet := func() {
		t.Helper()
		accepted := make(chan error, 1)
		go func() {
			c, err := a.Accept()
			if err == nil {
				_ = c.Close()
			}
			accepted <- err
		}()
		c, err := Dial(context.Background(), "tcp", l.Addr().String(), DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := <-accepted; err != nil {
			t.Fatal(err)
		}
	}
	for l.Spun() == 0 { // a client may be there before who accepts
		meet()
	}
	l.Spin(spin.Rule{})
	spun := l.Spun()
	for range 20 {
		meet()
	}
	if got := l.Spun(); got != spun {
		t.Errorf("%d clients were met by looks without a time to look, and %d before", got-spun, spun)
	}
}

func TestShards(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{Shards: 3})
	if l.Shards() != 3 {
		t.Fatal(l.Shards())
	}
	var wg sync.WaitGroup
	accepted := make(chan *Conn, 64)
	for i := range l.Shards() {
		wg.Go(func() {
			for {
				c, err := l.AcceptShard(i)
				if err != nil {
					return
				}
				accepted <- c
			}
		})
	}
	for range 60 {
		c, err := Dial(context.Background(), "tcp", l.Addr().String(), DialOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s := <-accepted
		_ = s.Close()
		_ = c.Close()
	}
	l.Close()
	wg.Wait()
}

func TestPortInUse(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{})
	if _, err := Listen(context.Background(), l.Addr().String(), ListenOptions{}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Error(err)
	}
}

// TestSpread: the rule is set when the sockets are opened, changed while they are
// open, and kept when they are passed on.
func TestSpread(t *testing.T) {
	l := listen(t, "127.0.0.1:0", ListenOptions{Shards: 2, Spread: spread.IncomingCPU})
	cpus := func(l *Listener) (list []int) {
		for _, s := range l.shards {
			if err := s.call("getsockopt", func(fd int) error {
				cpu, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_INCOMING_CPU)
				list = append(list, cpu)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		return list
	}
	set := cpus(l)
	if l.Rule() != spread.IncomingCPU || set[0] < 0 || set[1] < 0 {
		t.Errorf("%s, %v", l.Rule(), set)
	}
	files, err := l.Files()
	if err != nil {
		t.Fatal(err)
	}
	next, err := Adopt("127.0.0.1:0", files, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	for _, f := range files {
		_ = f.Close()
	}
	if d := cmp.Diff(set, cpus(next)); d != "" {
		t.Error(d)
	}
	for _, r := range []spread.Rule{spread.CBPF, spread.Hash, spread.CBPF} {
		if err := l.Spread(r); err != nil || l.Rule() != r {
			t.Fatalf("%s: %s, %v", r, l.Rule(), err)
		}
		if set := cpus(l); set[0] >= 0 || set[1] >= 0 {
			t.Errorf("%s: %v", r, set)
		}
	}
	if one := listen(t, "127.0.0.1:0", ListenOptions{Spread: spread.CBPF}); one.Rule() != "" {
		t.Error(one.Rule())
	}
}
