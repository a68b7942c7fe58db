package netio

import (
	"testing"
	"time"
)

type woken struct {
	c       *Conn
	expired bool
}

func parker(t testing.TB) (*Parker, chan woken, func(*Conn, bool)) {
	t.Helper()
	p, err := NewParker()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	ch := make(chan woken, 16)
	return p, ch, func(c *Conn, expired bool) { ch <- woken{c, expired} }
}

func TestParkWakesByBytes(t *testing.T) {
	p, ch, ready := parker(t)
	c, s := pair(t)
	b := make([]byte, 8)
	for range 3 { // parks again after it woke
		if !p.Park(s, time.Time{}, ready) || p.Len() != 1 {
			t.Fatal("not parked")
		}
		mustWrite(t, c, []byte("x"))
		if w := <-ch; w.c != s || w.expired {
			t.Fatal(w)
		}
		if n, err := s.Read(b); n != 1 || err != nil || p.Len() != 0 {
			t.Fatal(n, err, p.Len())
		}
	}
	// The runtime's poller must work as before.
	done := make(chan error)
	go func() { _, err := s.Read(b); done <- err }()
	mustWrite(t, c, []byte("y"))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestParkWhenBytesArePending(t *testing.T) {
	p, ch, ready := parker(t)
	c, s := pair(t)
	mustWrite(t, c, []byte("x"))
	if err := s.WaitRead(); err != nil {
		t.Fatal(err)
	}
	p.Park(s, time.Time{}, ready)
	if w := <-ch; w.expired {
		t.Fatal(w)
	}
}

func TestParkWakesByEnd(t *testing.T) {
	p, ch, ready := parker(t)
	c, s := pair(t)
	p.Park(s, time.Time{}, ready)
	_ = c.Close()
	if w := <-ch; w.expired {
		t.Fatal(w)
	}
	if !s.Readable() {
		t.Error("the end is not readable")
	}
}

func TestParkExpires(t *testing.T) {
	p, ch, ready := parker(t)
	_, keep := pair(t)
	_, s := pair(t)
	p.Park(keep, time.Now().Add(time.Hour), ready)
	p.Park(s, time.Now().Add(time.Millisecond), ready)
	if w := <-ch; w.c != s || !w.expired {
		t.Fatal(w)
	}
	if p.Len() != 1 {
		t.Error(p.Len())
	}
	p.ExpireAll()
	if w := <-ch; w.c != keep || !w.expired {
		t.Fatal(w)
	}
}

func TestParkClosed(t *testing.T) {
	p, ch, ready := parker(t)
	_, s := pair(t)
	p.Park(s, time.Time{}, ready)
	p.Close()
	if w := <-ch; w.c != s || !w.expired {
		t.Fatal(w)
	}
	if p.Park(s, time.Time{}, ready) {
		t.Error("a closed parker parked")
	}
	p2, _, _ := parker(t)
	_ = s.Close()
	if p2.Park(s, time.Time{}, ready) || p2.Len() != 0 {
		t.Error("a closed connection was parked")
	}
}

// TestParkedClosed closes a parked connection: its entry waits for the
// deadline, and the descriptor's next owner is not mistaken for it.
func TestParkedClosed(t *testing.T) {
	p, ch, ready := parker(t)
	_, s := pair(t)
	p.Park(s, time.Time{}, ready)
	_ = s.Close()
	c2, s2 := pair(t)
	p.Park(s2, time.Time{}, ready)
	mustWrite(t, c2, []byte("x"))
	if w := <-ch; w.c != s2 || w.expired {
		t.Fatal(w)
	}
	if p.Len() != 1 {
		t.Error(p.Len())
	}
}
