package cache

import (
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestPurgeIsABarrier: when a purge has been answered, nobody gets what the
// origin said before it, although others keep asking and their fetches are under
// way at every moment. The same for a tag, a ban, and an unsafe method.
func TestPurgeIsABarrier(t *testing.T) {
	for _, by := range []message{
		{first: "PURGE", target: "/p"},
		{first: "PURGE", target: "/", fields: []string{"Surrogate-Key: tag"}},
		{first: "BAN", target: "/", fields: []string{`X-Ban: obj.tag("tag")`}},
		{first: "DELETE", target: "/p"},
	} {
		t.Run(fmt.Sprint(by.first, len(by.fields)), func(t *testing.T) {
			var version atomic.Int64
			text := "  cache {\n    purge {\n      from = [\"127.0.0.0/8\"]\n    }\n  }\n"
			_, addr, _ := launch(t, text, func(w net.Conn, r *http.Request) bool {
				said := version.Load()
				for range said % 7 { // others get a turn between reading and saying it
					runtime.Gosched()
				}
				_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nSurrogate-Key: tag\r\nContent-Length: 8\r\n\r\n%08d", said)
				return err == nil
			})
			var wg sync.WaitGroup
			var stop atomic.Bool
			for range 3 {
				wg.Go(func() {
					p := &play{history: &history{}, host: "x.plain.test"}
					defer p.line.close()
					for !stop.Load() {
						if _, err := p.ask(&step{ask: message{first: "GET", target: "/p"}}, subject{addr: addr}); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			p := &play{history: &history{}, host: "x.plain.test"}
			defer p.line.close()
			for round := range 250 {
				now := version.Add(1)
				if got, err := p.ask(&step{ask: by}, subject{addr: addr}); err != nil || got.first != "200" {
					t.Fatalf("%s: %+v, %v", by.first, got, err)
				}
				got, err := p.ask(&step{ask: message{first: "GET", target: "/p"}}, subject{addr: addr})
				if err != nil {
					t.Fatal(err)
				}
				var saw int64
				if fmt.Sscanf(got.body, "%d", &saw); saw < now {
					t.Errorf("round %d: after the purge of %d came %d: %v", round, now-1, saw, got.header)
					break
				}
			}
			stop.Store(true)
			wg.Wait()
		})
	}
}
