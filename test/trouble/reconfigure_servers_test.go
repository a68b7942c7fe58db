package trouble

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fishplate/test/harness"
)

// The numbers of scenarios are those of test/script/README.md.

// changing serves a site whose backend the test then changes in place.
func changing(t *testing.T, more string, servers ...string) (addr string, to func(more string, servers ...string), s *harness.Server) {
	t.Helper()
	addr = harness.FreeAddr(t)
	s = harness.Start(t, site(addr, "", more, servers...))
	return addr, func(more string, servers ...string) {
		t.Helper()
		s.Apply(site(addr, "", more, servers...))
	}, s
}

// counting is an origin that answers every request with the same bytes, and
// counts them.
func counting(t *testing.T, answer string) (o *harness.Origin, count *atomic.Int64) {
	t.Helper()
	count = new(atomic.Int64)
	return harness.NewOrigin(t, harness.Each(func(w net.Conn, _ *http.Request) bool {
		count.Add(1)
		_, err := io.WriteString(w, answer)
		return err == nil && answer != ""
	})), count
}

const unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

// during counts what a counter grows by.
func during(count *atomic.Int64, f func()) int64 {
	before := count.Load()
	f()
	return count.Load() - before
}

func expect(t *testing.T, addr, want string) {
	t.Helper()
	if got := harness.Exchange(t, addr, get, 20*time.Second); status(got) != want {
		t.Errorf("the answer is %q, want %s", got, want)
	}
}

// TestMoreAndFewerAtOnce is scenario 8: how many requests a server takes at once
// is raised, lowered and left to itself again while requests wait. What waits
// gets the new room at once.
func TestMoreAndFewerAtOnce(t *testing.T) {
	var now atomic.Int64
	tokens := make(chan struct{})
	o := harness.NewOrigin(t, harness.Each(func(w net.Conn, _ *http.Request) bool {
		now.Add(1)
		<-tokens
		now.Add(-1)
		_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		return err == nil
	}))
	end := sync.OnceFunc(func() { close(tokens) })
	t.Cleanup(end)
	release := func(n int) {
		for range n {
			tokens <- struct{}{}
		}
	}
	addr := harness.FreeAddr(t)
	text := func(n int) string {
		return fmt.Sprintf("listener \"web\" { bind = [%q] }\nbackend \"app\" {\n  server \"a\" {\n    address         = %q\n    max_connections = %d\n  }\n  queue {\n    timeout = \"30s\"\n  }\n}\nvhost \"any\" { backend = \"app\" }\n", addr, o.Addr, n)
	}
	s := harness.Start(t, text(2))
	round := func(requests int) *sync.WaitGroup {
		var wg sync.WaitGroup
		for range requests {
			wg.Go(func() {
				if got := harness.Exchange(t, addr, get, 30*time.Second); status(got) != "200" {
					t.Errorf("a request got %q", got)
				}
			})
		}
		return &wg
	}
	reach := func(what string, n int64) {
		t.Helper()
		harness.Eventually(t, what, func() bool { return now.Load() == n })
	}
	wg := round(8)
	reach("two of eight at the server", 2)
	s.Apply(text(5)) // three of those that wait go on without another event
	reach("five of eight after the room was raised", 5)
	s.Apply(text(0))
	reach("all after there is no bound", 8)
	release(8)
	wg.Wait()

	s.Apply(text(6))
	wg = round(6)
	reach("six of six", 6)
	s.Apply(text(1)) // those that are there finish
	more := round(3)
	harness.Eventually(t, "three wait", func() bool {
		out, _, _ := s.Run("status", "--json")
		return strings.Contains(out, `"queue": 3`)
	})
	if now.Load() != 6 {
		t.Errorf("%d requests at the server, want the 6 from before the change", now.Load())
	}
	release(6)
	wg.Wait()
	reach("one of those that waited", 1)
	out, _, _ := s.Run("status", "--json")
	if !strings.Contains(out, `"queue": 2`) || now.Load() != 1 {
		t.Errorf("%d at the server, want 1, and 2 that wait: %s", now.Load(), out)
	}
	release(3)
	more.Wait()
}

// TestServersLeaveAndCome is scenarios 9 and 10: a removed server gets nothing
// more and the one that stays keeps its connections; one that begins to listen
// only after it was added gets its share then.
func TestServersLeaveAndCome(t *testing.T) {
	gone := make(chan struct{}, 16)
	b := harness.NewOrigin(t, func(c net.Conn) {
		harness.Hello("from b")(c)
		gone <- struct{}{}
	})
	a := harness.NewOrigin(t, harness.Hello("from a"))
	addr, to, s := changing(t, "", a.Addr, b.Addr)
	who := func(n int) map[string]int {
		list := map[string]int{}
		for range n {
			_, body, _ := strings.Cut(harness.Exchange(t, addr, get, time.Minute), "\r\n\r\n")
			list[body]++
		}
		return list
	}
	if got := who(10); got["from a"] != 5 || got["from b"] != 5 {
		t.Fatalf("both serve: %v", got)
	}
	connections := a.Accepted.Load()
	to("", a.Addr)
	if got := who(10); got["from a"] != 10 {
		t.Errorf("after b was removed: %v", got)
	}
	select {
	case <-gone:
	case <-time.After(time.Minute):
		t.Error("the removed server's idle connection was never closed")
	}
	late := harness.FreeAddr(t)
	to("", a.Addr, late)
	for range 10 {
		expect(t, addr, "200") // nobody is there yet: the other one answers
	}
	l, err := net.Listen("tcp", late)
	if err != nil {
		t.Fatal(err)
	}
	inner := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "from late") })}
	go inner.Serve(l)
	t.Cleanup(func() { inner.Close() })
	harness.Eventually(t, "the late server gets requests", func() bool { return who(4)["from late"] > 0 })
	if grown := a.Accepted.Load() - connections; grown > 2 {
		t.Errorf("the server that was there saw %d new connections", grown)
	}
	// The whole backend leaves, once nothing names it.
	s.Apply(fmt.Sprintf("listener \"web\" { bind = [%q] }\nbackend \"other\" { servers = [%q] }\nvhost \"any\" { backend = \"other\" }\n", addr, late))
	if got := who(4); got["from late"] != 4 {
		t.Errorf("after the backend was replaced: %v", got)
	}
}

// TestRetriesChange is scenarios 11, 12 and 14: how often is tried again, and what
// for, there and back, counted at the server. A method that is not idempotent is
// never sent twice.
func TestRetriesChange(t *testing.T) {
	o, count := counting(t, unavailable)
	retry := func(attempts int, on string) string {
		return fmt.Sprintf("retry {\n attempts = %d\n on = [%q]\n budget = \"100%%\"\n }", attempts, on)
	}
	addr, to, _ := changing(t, retry(0, "503"), o.Addr)
	for _, row := range []struct {
		attempts int
		on       string
		want     int64
	}{{0, "503", 1}, {2, "503", 3}, {1, "503", 2}, {2, "connect", 1}, {3, "503", 4}, {0, "503", 1}} {
		to(retry(row.attempts, row.on), o.Addr)
		if n := during(count, func() { expect(t, addr, "503") }); n != row.want {
			t.Errorf("%d attempts on %s: the server saw %d requests, want %d", row.attempts, row.on, n, row.want)
		}
	}
	to(retry(3, "503"), o.Addr)
	post := "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
	if n := during(count, func() { harness.Exchange(t, addr, post, 20*time.Second) }); n != 1 {
		t.Errorf("a POST reached the server %d times", n)
	}
	nobody := harness.FreeAddr(t)
	for _, row := range []struct{ attempts, want string }{{"0", "502"}, {"1", "200"}, {"0", "502"}} {
		good := harness.NewOrigin(t, harness.Hello("ok"))
		to("balance = \"first\"\n retry {\n attempts = "+row.attempts+"\n }", nobody, good.Addr)
		expect(t, addr, row.want)
	}
}

// TestTimeoutChanges is scenario 13: how long a server may think, there and back.
func TestTimeoutChanges(t *testing.T) {
	o, arrived, release := holding(t)
	timeout := func(d string) string { return fmt.Sprintf("timeouts {\n first_byte = %q\n }", d) }
	addr, to, _ := changing(t, timeout("100ms"), o.Addr)
	expect(t, addr, "504")
	<-arrived
	to(timeout("30s"), o.Addr)
	answer := make(chan string, 1)
	go func() { answer <- harness.Exchange(t, addr, get, 20*time.Second) }()
	<-arrived
	to(timeout("100ms"), o.Addr) // a request in flight finishes under the old terms
	expect(t, addr, "504")
	<-arrived
	release()
	if got := <-answer; status(got) != "200" {
		t.Errorf("with a long time to answer: %q", got)
	}
}

// TestHealthChanges is scenario 15: servers that fail are left out when that is
// asked for, and asked again when it no longer is.
func TestHealthChanges(t *testing.T) {
	bad, count := counting(t, unavailable)
	good := harness.NewOrigin(t, harness.Hello("good"))
	for name, more := range map[string]string{
		"eject": "eject {\n errors = 5\n window = \"1h\"\n for = \"1h\"\n }",
		"check": "check \"http\" {\n interval = \"20ms\"\n fall = 2\n status = \"200-299\"\n }",
	} {
		t.Run(name, func(t *testing.T) {
			addr, to, s := changing(t, "", bad.Addr, good.Addr)
			asked := func() int64 { // requests only: checks are on connections of their own, and end with the change
				return during(count, func() {
					for range 10 {
						harness.Exchange(t, addr, get, time.Minute)
					}
				})
			}
			if n := asked(); n != 5 {
				t.Fatalf("the bad server got %d of 10", n)
			}
			out := func() bool {
				text, _, _ := s.Run("status", "--json")
				return strings.Contains(text, `"state": "down"`) || strings.Contains(text, `"state": "ejected"`)
			}
			for range 2 {
				to(more, bad.Addr, good.Addr)
				harness.Eventually(t, "the bad server is left out", func() bool {
					for range 2 {
						harness.Exchange(t, addr, get, time.Minute)
					}
					return out()
				})
				for range 10 {
					expect(t, addr, "200")
				}
				to("", bad.Addr, good.Addr)
				harness.Eventually(t, "it is asked again", func() bool { return asked() >= 4 })
			}
		})
	}
}

// TestQueueChanges is scenario 16: how many may wait, there and back.
func TestQueueChanges(t *testing.T) {
	o, arrived, release := holding(t)
	addr := harness.FreeAddr(t)
	s := harness.Start(t, oneAtATime(addr, o.Addr, 1, "30s"))
	var wg sync.WaitGroup
	waiting := 0
	ask := func() {
		wg.Go(func() {
			if got := harness.Exchange(t, addr, get, 30*time.Second); status(got) != "200" {
				t.Errorf("a request that was admitted or queued got %q", got)
			}
		})
	}
	queued := func() {
		waiting++
		ask()
		harness.Eventually(t, "the request waits", func() bool {
			out, _, _ := s.Run("status", "--json")
			return strings.Contains(out, fmt.Sprintf(`"queue": %d`, waiting))
		})
	}
	ask()
	<-arrived
	queued()
	expect(t, addr, "503")
	s.Apply(oneAtATime(addr, o.Addr, 3, "30s"))
	queued()
	queued()
	expect(t, addr, "503")
	s.Apply(oneAtATime(addr, o.Addr, 1, "30s"))
	expect(t, addr, "503") // nobody who waits is sent away
	release()
	wg.Wait()
}
