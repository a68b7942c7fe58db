package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTrack(t *testing.T) {
	for _, c := range []struct{ results, states string }{
		{"+", "U"}, // the first result decides
		{"-", "D"},
		{"+---", "UUUD"}, // fall 3
		{"+--+--+---", "UUUUUUUUUD"},
		{"-++", "DDU"}, // rise 2
		{"-+-+-++", "DDDDDDU"},
		{"+---++", "UUUDDU"},
	} {
		var track Track
		got := ""
		for i, r := range c.results {
			s, changed := track.Observe(Result{OK: r == '+', At: time.Unix(int64(i), 0)}, 2, 3)
			got += strings.ToUpper(s.String()[:1])
			if before := i > 0 && got[i] == got[i-1]; changed == before {
				t.Errorf("%s: change after %d is %v", c.results, i+1, changed)
			}
		}
		if got != c.states {
			t.Errorf("%s gives %s, want %s", c.results, got, c.states)
		}
	}
}

func TestHistory(t *testing.T) {
	var track Track
	for i := range Kept + 5 {
		track.Observe(Result{OK: true, Cause: fmt.Sprint(i)}, 1, 1)
	}
	h := track.History()
	if len(h) != Kept || h[0].Cause != "5" || h[Kept-1].Cause != fmt.Sprint(Kept+4) {
		t.Errorf("history of %d from %s to %s", len(h), h[0].Cause, h[len(h)-1].Cause)
	}
	track.Observe(Result{}, 1, 1)
	track.Trust(time.Unix(7, 0))
	if s, at := track.State(); s != Up || at.Unix() != 7 || len(track.History()) != Kept {
		t.Errorf("after Trust: %v since %v with %d results", s, at, len(track.History()))
	}
	track.Observe(Result{}, 1, 2)
	track.Trust(time.Unix(8, 0))
	if s, changed := track.Observe(Result{}, 1, 2); s != Up || changed {
		t.Error("a failure from before Trust counts")
	}
	if s, at := track.State(); s != Up || at.Unix() != 7 {
		t.Errorf("%v since %v", s, at)
	}
}

func TestWindow(t *testing.T) {
	var w Window
	at := func(s float64) int64 { return int64((1000 + s) * 1e9) }
	for i, c := range []struct {
		at   float64
		trip bool
	}{{0, false}, {5, false}, {11, false}, {12, false}, {20, false}, {21, true}, {21.5, false}, {22, false}, {22.5, true}} {
		limit := 4
		if i >= 6 {
			limit = 3
		}
		if got := w.Add(at(c.at), limit, 10*time.Second); got != c.trip {
			t.Errorf("error %d at %v: tripped %v, want %v", i, c.at, got, c.trip)
		}
	}
	if !new(Window).Add(1, 1, time.Second) {
		t.Error("a limit of one does not trip at the first error")
	}
	w.Add(at(30), 3, 10*time.Second)
	if n := w.Count(at(31), 10*time.Second); n != 1 {
		t.Errorf("count %d, want 1", n)
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var at []time.Duration
		start := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			Run(ctx, 10*time.Second, func(context.Context) Result { return Result{OK: true} },
				func(Result) { at = append(at, time.Since(start)) })
		}()
		time.Sleep(100 * time.Second)
		cancel()
		<-done
		if len(at) < 9 || len(at) > 12 || at[0] != 0 {
			t.Fatalf("probed at %v", at)
		}
		for i := 1; i < len(at); i++ {
			if gap := at[i] - at[i-1]; gap < 9*time.Second || gap > 11*time.Second {
				t.Errorf("gap of %v, want 10 s give or take a tenth", gap)
			}
		}
	})
}

// TestChecksAfterAPause lets a hundred servers be checked in step, and the process
// stand still for half a minute: what was missed is not made up for, and what is due
// for all of them at once is spread over an interval.
func TestChecksAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const servers, interval = 100, 10 * time.Second
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		var stopped time.Duration
		var at []time.Duration // of checks, from the pause on
		now := func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return time.Now().Add(stopped)
		}
		var done sync.WaitGroup
		for range servers {
			done.Go(func() {
				run(ctx, interval, now, func(context.Context) Result { return Result{OK: true} }, func(Result) {
					mu.Lock()
					defer mu.Unlock()
					at = append(at, time.Duration(time.Now().UnixNano()))
				})
			})
		}
		time.Sleep(5 * time.Second) // the first check of all of them was at once
		mu.Lock()
		stopped, at = 30*time.Second, nil
		mu.Unlock()
		time.Sleep(interval*3/2 + time.Second)
		cancel()
		done.Wait()
		if len(at) < servers || len(at) > 2*servers {
			t.Fatalf("%d checks of %d servers in an interval and a half after the pause", len(at), servers)
		}
		const slot = interval / 10
		slots := map[time.Duration]int{}
		for _, d := range at {
			slots[d/slot]++
		}
		for i, n := range slots {
			if n > servers*3/10 {
				t.Errorf("%d of %d servers are checked in one tenth of an interval (%d)", n, servers, i)
			}
		}
	})
}

// TestProbe speaks with scripted servers over pipes, with a fake clock.
func TestProbe(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		dial         error
		cause        string
		ok           bool
		load         float64
	}{
		{name: "well", answer: "HTTP/1.1 200 OK\r\nX-Load: 0.75\r\nContent-Length: 0\r\n\r\n", cause: "status 200", ok: true, load: 0.75},
		{name: "redirect is within the range", answer: "HTTP/1.0 302 Found\r\n\r\n", cause: "status 302", ok: true},
		{name: "trouble", answer: "HTTP/1.1 503 Busy\r\nX-Load: NaN\r\n\r\n", cause: "status 503"},
		{name: "not HTTP", answer: "SSH-2.0-x\r\n\r\n", cause: `receive: malformed HTTP response "SSH-2.0-x"`},
		{name: "closes", answer: "", cause: "receive: closed by the server"},
		{name: "silent", answer: "wait", cause: "receive: timeout"},
		{name: "endless head", answer: "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 20000), cause: "receive: malformed MIME header line: \"A: b\\r\""},
		{name: "refused", dial: fmt.Errorf("dial: %w", syscall.ECONNREFUSED), cause: "connect: connection refused"},
		{name: "late", dial: context.DeadlineExceeded, cause: "connect: timeout"},
		{name: "odd", dial: errors.New("no route"), cause: "connect: no route"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &Probe{Kind: "http", Path: "/healthz", Host: "app.test", Low: 200, High: 399, Timeout: time.Second, LoadHeader: "X-Load"}
				p.Dial = func(context.Context) (net.Conn, error) {
					if c.dial != nil {
						return nil, c.dial
					}
					client, server := net.Pipe()
					go serve(server, c.answer)
					return client, nil
				}
				r := p.Run(t.Context())
				if r.OK != c.ok || r.Cause != c.cause || r.Load != c.load || r.HasLoad != (c.load != 0) {
					t.Errorf("%+v, want %v %q load %v", r, c.ok, c.cause, c.load)
				}
				if r.Took > time.Second {
					t.Errorf("took %v", r.Took)
				}
			})
		})
	}
}

func serve(conn net.Conn, answer string) {
	defer func() { _ = conn.Close() }()
	head := make([]byte, 4096)
	n, err := conn.Read(head)
	if err != nil || !strings.HasPrefix(string(head[:n]), "GET /healthz HTTP/1.1\r\nHost: app.test\r\n") {
		return
	}
	if answer == "wait" {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	_, _ = io.WriteString(conn, answer)
}

func TestTCPProbe(t *testing.T) {
	client, server := net.Pipe()
	defer func() { _ = server.Close() }()
	p := &Probe{Kind: "tcp", Timeout: time.Second, Dial: func(context.Context) (net.Conn, error) { return client, nil }}
	if r := p.Run(t.Context()); !r.OK || r.Cause != "connected" {
		t.Errorf("%+v", r)
	}
}

// TestProbeDuringAPause: a question during which the process stood still fails, and is
// asked again; one that was late by little is an answer.
func TestProbeDuringAPause(t *testing.T) {
	for pause, want := range map[time.Duration]bool{30 * time.Second: true, 1500 * time.Millisecond: false} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			p := &Probe{Kind: "tcp", Timeout: time.Second, Dial: func(context.Context) (net.Conn, error) {
				if asked++; asked == 1 {
					time.Sleep(pause) // nobody looked at the deadline meanwhile
					return nil, context.DeadlineExceeded
				}
				client, server := net.Pipe()
				t.Cleanup(func() { _ = server.Close() })
				return client, nil
			}}
			if r := p.Run(t.Context()); r.OK != want || (asked == 2) != want {
				t.Errorf("pause of %v: %+v after %d questions", pause, r, asked)
			}
		})
	}
}

func TestProbeEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer func() { _ = server.Close() }()
		p := &Probe{Kind: "http", Path: "/", Timeout: time.Hour, Dial: func(context.Context) (net.Conn, error) { return client, nil }}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if r := p.Run(ctx); r.OK || r.Took != time.Second {
			t.Errorf("%+v, want a failure after one second", r)
		}
	})
}
