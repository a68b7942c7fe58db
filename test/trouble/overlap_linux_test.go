package trouble

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fishplate/test/harness"
)

// repeated says how often the kernel sent a packet of a connection again: a SYN that
// nobody answered is, a second later.
func repeated(c net.Conn) (n uint32, err error) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := raw.Control(func(fd uintptr) {
		var info *unix.TCPInfo
		if info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			n = info.Total_retrans
		}
	})
	return n, errors.Join(err, failed)
}

// TestAddressesThatOverlap moves a listener between addresses that overlap while
// clients connect without pause: each gets its answer, and none has to ask twice.
// Changes that fail in a later part leave the old address as it was.
func TestAddressesThatOverlap(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	_, port, err := net.SplitHostPort(harness.FreeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	taken, err := harness.ListenLow()
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := func(list ...string) string {
		return fmt.Sprintf("listener \"web\" {\n  bind = [\"%s\"]\n  limits { per_client = 100000 }\n}\nbackend \"app\" { servers = [%q] }\nvhost \"any\" { backend = \"app\" }\n",
			strings.Join(list, `", "`), o.Addr)
	}
	s := harness.Start(t, at(":"+port))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var done, failed atomic.Int64
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := net.DialTimeout("tcp", "127.0.0.2:"+port, time.Minute)
				text := []byte{}
				if err == nil {
					if n, err := repeated(c); err != nil || n > 0 {
						t.Errorf("a client asked %d times for its connection before somebody answered, %v", n+1, err)
					}
					_ = c.SetDeadline(time.Now().Add(time.Minute))
					_, _ = io.WriteString(c, get)
					text, err = io.ReadAll(c)
					c.Close()
				}
				if done.Add(1); (err != nil || status(string(text)) != "200") && failed.Add(1) < 10 {
					t.Errorf("%q, %v", text, err)
				}
			}
		})
	}
	for round := range 2 {
		for _, next := range []string{"127.0.0.2:", "0.0.0.0:", "[::]:", "127.0.0.2:", ":"} {
			seen := done.Load()
			s.Write(at(next+port, taken.Addr().String()))
			if out, errs, code := s.Run("reload"); code != 1 || !strings.Contains(errs, taken.Addr().String()) {
				t.Fatalf("round %d, %s beside an address that is taken: exit %d\n%s%s", round, next, code, out, errs)
			}
			s.Apply(at(next + port))
			harness.Eventually(t, "it serves on", func() bool { return done.Load() > seen+20 })
		}
	}
	close(stop)
	wg.Wait()
	t.Logf("%d connections, %d failed", done.Load(), failed.Load())
}

// TestListenerComesBackAtOnce removes a listener and adds it again, without a pause
// and with a client in its queue each time.
func TestListenerComesBackAtOnce(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	addr, other := harness.FreeAddr(t), harness.FreeAddr(t)
	both := shape(other, "", "", "", o.Addr) + fmt.Sprintf("listener \"second\" { bind = [%q] }\n", addr)
	s := harness.Start(t, both)
	for range 4 {
		c := harness.Dial(t, addr)
		s.Apply(shape(other, "", "", "", o.Addr))
		s.Apply(both)
		served(t, addr)
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, _ = io.WriteString(c, get)
		if text, err := io.ReadAll(c); err != nil || status(string(text)) != "200" {
			t.Errorf("a client of the socket that left: %q, %v", text, err)
		}
	}
}
