package cache

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"fishplate/test/harness"
)

// TestPurgeIsABarrier: when a purge has been answered, nobody gets what the
// origin said before it, although others keep asking and their fetches are under
// way at every moment, and those who find nothing in memory look on the disk. The
// same for a tag, a ban, and an unsafe method.
func TestPurgeIsABarrier(t *testing.T) {
	for _, store := range []struct {
		name   string
		disk   bool
		size   int // of the body
		rounds int
	}{{"memory", false, 8, 250}, {"disk", true, 8, 100}, {"large on disk", true, 2 << 20, 25}} {
		t.Run(store.name, func(t *testing.T) { purgeIsABarrier(t, store.disk, store.size, store.rounds) })
	}
}

func purgeIsABarrier(t *testing.T, disk bool, size, rounds int) {
	rest := strings.Repeat(".", size-8)
	for _, by := range []message{
		{first: "PURGE", target: "/p"},
		{first: "PURGE", target: "/", fields: []string{"Surrogate-Key: tag"}},
		{first: "BAN", target: "/", fields: []string{`X-Ban: obj.tag("tag")`}},
		{first: "DELETE", target: "/p"},
	} {
		t.Run(fmt.Sprint(by.first, len(by.fields)), func(t *testing.T) {
			var version atomic.Int64
			text := "  cache {\n    purge {\n      from = [\"127.0.0.0/8\"]\n    }\n  }\n"
			o := harness.NewOrigin(t, harness.Each(func(w net.Conn, r *http.Request) bool {
				said := version.Load()
				for range said % 7 { // others get a turn between reading and saying it
					runtime.Gosched()
				}
				_, err := fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nSurrogate-Key: tag\r\nContent-Length: %d\r\n\r\n%08d%s", size, said, rest)
				return err == nil
			}))
			addr := harness.FreeAddr(t)
			text = site(addr, o.Addr, profile{name: "plain", text: text})
			if disk {
				text = strings.Replace(text, "memory = \"64MiB\"", fmt.Sprintf("memory = \"64MiB\"\n  disk {\n    path = %q\n    size = \"256MiB\"\n  }", filepath.Join(t.TempDir(), "disk")), 1)
			}
			harness.Start(t, text)
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
			for round := range rounds {
				now := version.Add(1)
				if got, err := p.ask(&step{ask: by}, subject{addr: addr}); err != nil || got.first != "200" {
					t.Fatalf("%s: %+v, %v", by.first, got, err)
				}
				got, err := p.ask(&step{ask: message{first: "GET", target: "/p"}}, subject{addr: addr})
				if err != nil {
					t.Fatal(err)
				}
				var saw int64
				if fmt.Sscanf(got.body, "%8d", &saw); saw < now {
					t.Errorf("round %d: after the purge of %d came %d: %v", round, now-1, saw, got.header)
					break
				}
			}
			stop.Store(true)
			wg.Wait()
		})
	}
}
