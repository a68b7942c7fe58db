package trouble

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/harness"
)

// TestShardsChangeUnderLoad changes the number of sockets of an address twenty times
// while clients connect without pause, one connection for each request, by IPv4 and by
// IPv6: each gets its answer, in both directions.
func TestShardsChangeUnderLoad(t *testing.T) {
	o := harness.NewOrigin(t, harness.Hello("hello"))
	addr := harness.FreeAddr(t)
	addrs := []string{addr, strings.Replace(addr, "127.0.0.1", "[::1]", 1)}
	with := func(shards int) string {
		return shape(strings.Join(addrs, `", "`), fmt.Sprintf("accept { shards = %d }\n  limits { per_client = 100000 }", shards), "", "", o.Addr)
	}
	s := harness.Start(t, with(1))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var done, failed atomic.Int64
	for i := range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				text := []byte{}
				c, err := net.DialTimeout("tcp", addrs[i%2], time.Minute)
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
	was := 1
	for round := range 20 {
		next := []int{2, 1, 4, 2, 3, 1}[round%6]
		seen := done.Load()
		s.Apply(with(next))
		harness.Eventually(t, "it serves on", func() bool { return done.Load() > seen+20 })
		for _, addr := range addrs {
			if n := len(listeningInodes(t, addr)); n < next || n > next+was { // those of before go one by one, a second later
				t.Errorf("round %d: %d sockets of %s, of %d before and %d now", round, n, addr, was, next)
			}
		}
		was = next
	}
	close(stop)
	wg.Wait()
	t.Logf("%d connections, %d failed", done.Load(), failed.Load())
	harness.Eventually(t, "the sockets of before are closed", func() bool {
		return len(listeningInodes(t, addrs[0])) == was && len(listeningInodes(t, addrs[1])) == was
	})
	if text := s.Stderr(); strings.Contains(text, "one shard of the listener has all clients") || strings.Contains(text, "keeps its") {
		t.Error(text)
	}
}
