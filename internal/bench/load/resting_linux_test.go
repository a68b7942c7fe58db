package load

import (
	"math"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRestingEnds: a server that ends a connection on which nothing happens takes
// no transaction along, however it does it, and its place is free once.
func TestRestingEnds(t *testing.T) {
	for name, end := range map[string]func(c *net.TCPConn) error{
		"closed": func(c *net.TCPConn) error { return c.Close() },
		"reset": func(c *net.TCPConn) error {
			if err := c.SetLinger(0); err != nil {
				return err
			}
			return c.Close()
		},
		"with a last word": func(c *net.TCPConn) error { _, err := c.Write([]byte("HTTP/1.1 408 late\r\n\r\n")); return err },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			at := l.Addr().(*net.TCPAddr)
			if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: at.Port}); err != nil {
				t.Fatal(err)
			}
			other, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			if err := end(other.(*net.TCPConn)); err != nil {
				t.Fatal(err)
			}
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1); err != nil {
				t.Fatal(err)
			}
			if err := unix.SetNonblock(fd, true); err != nil {
				t.Fatal(err)
			}
			p := Plan{Target: at.AddrPort(), Connections: 1, Threads: 1, Rate: 1, Persist: true, Request: []byte("x"), Ending: AtSize, Size: 1, Timeout: time.Second}
			w, err := newWorker(&p, &schedule{base: time.Now(), shuts: math.MaxInt64}, 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(w.poller)
			c := w.take(&w.free)
			c.fd, c.phase = fd, resting
			w.flying.Add(1)
			w.idle = append(w.idle, c.place)
			w.read(c)
			if c.fd != -1 || w.flying.Load() != 0 {
				t.Errorf("descriptor %d, %d in flight", c.fd, w.flying.Load())
			}
			if len(w.idle) != 0 || len(w.paused) != 0 || !slices.Equal(w.free, []int32{c.place}) {
				t.Errorf("idle %v, paused %v, free %v", w.idle, w.paused, w.free)
			}
			if len(w.tally.Errors) != 0 {
				t.Errorf("errors %v", w.tally.Errors)
			}
		})
	}
}

// TestDigits: three digits of what takes some microseconds, too.
func TestDigits(t *testing.T) {
	for _, d := range []int64{1_700, 30_300, 999_400, 45_670_000} {
		h := newHistogram()
		record(h, d)
		if got := h.ValueAtPercentile(50); math.Abs(float64(got-d)) > 0.001*float64(d) {
			t.Errorf("%d ns are kept as %d", d, got)
		}
	}
}

// TestNoRate: what is no number of transactions is refused, and not waited for.
func TestNoRate(t *testing.T) {
	for _, rate := range []float64{-1, math.NaN(), math.Inf(1)} {
		p := Plan{Target: netip.MustParseAddrPort("127.0.0.1:1"), Connections: 1, Timeout: time.Second, Rate: rate}
		if p.Check() == nil {
			t.Errorf("%v a second is accepted", rate)
		}
	}
}
