package trouble

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/harness"
)

// TestUpgradesLoseNobodyWhoIsDeferred replaces the process ten times where clients are
// accepted with their first bytes: those that ask at once, and those that have
// connected to one process, and speak for the first time when it has gone.
func TestUpgradesLoseNobodyWhoIsDeferred(t *testing.T) {
	const rounds, silent = 10, 20
	addr := harness.FreeAddr(t)
	s := upgradable(t, fmt.Sprintf(`
listener "web" {
  bind = [%q]
  accept {
    shards = 2
    defer  = "60s"
  }
  limits { per_client = 10000 }
}
vhost "any" {
  route "all" {
    respond {
      status = 200
      body   = "hello"
    }
  }
}
`, addr))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var done, failed atomic.Int64
	asks := func(c net.Conn) {
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		_, err := io.WriteString(c, get)
		text, readErr := io.ReadAll(c)
		if done.Add(1); (err != nil || readErr != nil || status(string(text)) != "200") && failed.Add(1) < 10 {
			t.Errorf("%q, %v, %v", text, err, readErr)
		}
	}
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := net.DialTimeout("tcp", addr, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				asks(c)
			}
		})
	}
	for round := range rounds {
		before, _ := who(t, s)
		var waiting []net.Conn
		for range silent {
			waiting = append(waiting, harness.Dial(t, addr))
		}
		seen := done.Load()
		if out, errs, code := s.Run("upgrade"); code != 0 {
			t.Fatalf("upgrade %d: exit %d\n%s%s", round, code, out, errs)
		}
		if !another(t, s, before) {
			t.Fatalf("upgrade %d: process %d answers still", round, before)
		}
		for _, c := range waiting {
			asks(c)
		}
		harness.Eventually(t, "the load goes on", func() bool { return done.Load() > seen+silent })
	}
	close(stop)
	wg.Wait()
	t.Logf("%d connections during %d upgrades, %d of them silent until the process had gone; %d failed",
		done.Load(), rounds, rounds*silent, failed.Load())
}
