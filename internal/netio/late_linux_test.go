package netio

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTheAnswerAcknowledges: whoever is accepted with its first bytes gets their
// acknowledgement with the answer, or when the rest is waited for, which it may hold
// back until then.
func TestTheAnswerAcknowledges(t *testing.T) {
	deferred := ListenOptions{Defer: time.Minute}
	for _, tt := range []struct {
		name  string
		open  func(t *testing.T) *Listener
		quick int // TCP_QUICKACK of who is accepted
	}{
		{"as it was opened", func(t *testing.T) *Listener { return listen(t, "127.0.0.1:0", deferred) }, 0},
		{"nothing deferred", func(t *testing.T) *Listener { return listen(t, "127.0.0.1:0", ListenOptions{}) }, 1},
		{"adjusted", func(t *testing.T) *Listener { return adjusted(t, ListenOptions{}, deferred) }, 0},
		{"adjusted, and not deferred any more", func(t *testing.T) *Listener { return adjusted(t, deferred, ListenOptions{}) }, 1},
		{"begun", func(t *testing.T) *Listener {
			l := listen(t, "127.0.0.1:0", ListenOptions{Shared: true, Defer: time.Minute})
			if err := l.Begin(deferred); err != nil {
				t.Fatal(err)
			}
			return l
		}, 0},
		{"taken over", func(t *testing.T) *Listener {
			files, err := listen(t, "127.0.0.1:0", deferred).Files()
			if err != nil {
				t.Fatal(err)
			}
			l, err := Adopt("127.0.0.1:0", files, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(l.Close)
			l.Admit(&Quota{})
			return l
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := tt.open(t)
			for _, answers := range []bool{true, false} {
				c, s := connectPlain(t, l)
				if got := getsockopt(t, s, unix.IPPROTO_TCP, unix.TCP_QUICKACK); got != tt.quick {
					t.Errorf("accepted with TCP_QUICKACK %d, want %d", got, tt.quick)
				}
				if n, err := s.Read(make([]byte, 10)); n != 1 || err != nil {
					t.Fatal(n, err)
				}
				want := 1
				if answers {
					mustWrite(t, s, []byte("answer"))
					want = 0 // as the kernel does itself
				}
				rest := make(chan error, 1)
				go func() {
					_, err := s.Read(make([]byte, 10))
					rest <- err
				}()
				for !s.raw.joined.Load() { // it waits
					runtime.Gosched()
				}
				if got := getsockopt(t, s, unix.IPPROTO_TCP, unix.TCP_QUICKACK); got != want {
					t.Errorf("who waits, and has answered (%v), has TCP_QUICKACK %d, want %d", answers, got, want)
				}
				if _, err := unix.Write(c, []byte("rest")); err != nil {
					t.Fatal(err)
				}
				if err := <-rest; err != nil {
					t.Error(err)
				}
				_ = s.Close()
				_ = unix.Close(c)
			}
		})
	}
}

func adjusted(t *testing.T, from, to ListenOptions) *Listener {
	l := listen(t, "127.0.0.1:0", from)
	if err := l.Adjust(to); err != nil {
		t.Fatal(err)
	}
	return l
}
