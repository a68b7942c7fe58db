package proxy

import (
	"io"
	"net"
	"testing"
)

// plainRig is a rig with a constant origin that allocates nothing itself, and a
// connection to it.
func plainRig(t testing.TB) (*rig, net.Conn) {
	t.Helper()
	o := newOrigin(t, func(c *client) {
		buf := make([]byte, 4096)
		answer := []byte(hello)
		for {
			if _, err := c.Conn.Read(buf); err != nil {
				return
			}
			if _, err := c.Conn.Write(answer); err != nil {
				return
			}
		}
	})
	cfg := base(o.addr)
	cfg.Logs = nil
	r := newRig(t, cfg)
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return r, c
}

// roundTrip sends one request and reads the answer of want bytes.
func roundTrip(t testing.TB, c net.Conn, request, buf []byte, want int) {
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, buf[:want]); err != nil {
		t.Fatal(err)
	}
}

var plainRequest = []byte("GET /plain HTTP/1.1\r\nHost: example.test\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")

// answerSize is how long the answer to plainRequest is: one is read to learn it.
func answerSize(t testing.TB, c net.Conn, buf []byte) int {
	t.Helper()
	if _, err := c.Write(plainRequest); err != nil {
		t.Fatal(err)
	}
	n, err := io.ReadAtLeast(c, buf, len(hello))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPlainProxyingAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	_, c := plainRig(t)
	buf := make([]byte, 4096)
	n := answerSize(t, c, buf)
	if avg := testing.AllocsPerRun(2000, func() { roundTrip(t, c, plainRequest, buf, n) }); avg >= 1 {
		t.Errorf("%.2f allocations for each request, want 0", avg)
	}
}

func BenchmarkPlainProxying(b *testing.B) {
	_, c := plainRig(b)
	buf := make([]byte, 4096)
	n := answerSize(b, c, buf)
	b.ReportAllocs()
	for b.Loop() {
		roundTrip(b, c, plainRequest, buf, n)
	}
}
