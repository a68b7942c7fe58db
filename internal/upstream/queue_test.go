package upstream

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fishplate/internal/message"
	"fishplate/internal/model"
	"fishplate/internal/predicate"
	"fishplate/internal/upstream/health"
)

// outage is the set of servers whose checks fail.
type outage struct {
	names sync.Map
	held  atomic.Pointer[chan struct{}] // closed when checks get their answers again; nil: they do
}

// hold keeps the answers of all checks back, until it is called with false.
func (o *outage) hold(back bool) {
	if back {
		c := make(chan struct{})
		o.held.Store(&c)
		return
	}
	close(*o.held.Swap(nil))
}

// answer returns when a check may have its answer.
func (o *outage) answer(ctx context.Context) {
	if c := o.held.Load(); c != nil {
		select {
		case <-*c:
		case <-ctx.Done():
		}
	}
}

func (o *outage) set(name string, down bool) { o.names.Store(name, down) }

func (o *outage) has(name string) bool {
	down, _ := o.names.Load(name)
	return down == true
}

// bubble runs f with a fake clock and a Set whose checks never touch the
// network: they fail for the servers named in down.
func bubble(t *testing.T, f func(t *testing.T, s *Set, down *outage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, down := NewSet(Options{Secret: []byte("of the test")}), &outage{}
		s.probe = func(ctx context.Context, srv *Server, _ *health.Probe) health.Result {
			down.answer(ctx)
			return health.Result{At: time.Now(), OK: !down.has(srv.name), Cause: "scripted"}
		}
		f(t, s, down)
		s.Close()
		synctest.Wait()
	})
}

// limited is a backend of servers with one connection each, and a queue.
func limited(servers, limit int, timeout time.Duration) *model.Backend {
	var addresses []string
	for i := range servers {
		addresses = append(addresses, fmt.Sprintf("192.0.2.%d:80", i+1))
	}
	m := backendOf(addresses...)
	for _, s := range m.Servers {
		s.MaxConnections = 1
	}
	m.Queue = &model.Queue{Limit: limit, Timeout: timeout}
	return m
}

// slot claims a server without connecting to it.
func slot(t *testing.T, b *Backend, p *Pick) *Server {
	t.Helper()
	p.query.Env, p.query.Now = p.Env, time.Now().UnixNano()
	b.readPin(p, false)
	s, _, f := b.claim(t.Context(), p)
	if f != nil {
		t.Fatalf("claim: %v", f)
	}
	b.learn(p, s)
	return s
}

// claimed is what a waiting request got, and when.
type claimed struct {
	name   string
	server *Server
	fault  *message.Fault
	after  time.Duration
}

// claim starts a request that tells out what became of it.
func claim(ctx context.Context, b *Backend, name string, p *Pick, out chan<- claimed) {
	start := time.Now()
	p.query.Env, p.query.Now = p.Env, start.UnixNano()
	b.readPin(p, false)
	go func() {
		s, _, f := b.claim(ctx, p)
		out <- claimed{name, s, f, time.Since(start)}
	}()
	synctest.Wait()
}

func TestQueueOrder(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, limited(1, 10, time.Minute))
		priority := 0.0
		b.priority = func(*predicate.Env) float64 { return priority }
		held := slot(t, b, pick("GET", "/"))
		out := make(chan claimed, 10)
		for _, w := range []struct {
			name     string
			priority float64
		}{{"a", 0}, {"b", 0}, {"urgent", 5}, {"c", 0}, {"late", -1}, {"urgent too", 5}} {
			priority = w.priority
			claim(t.Context(), b, w.name, pick("GET", "/"), out)
		}
		if n := b.group.queue.Waiting(); n != 6 {
			t.Fatalf("%d wait, want 6", n)
		}
		var got []string
		for range 6 {
			time.Sleep(time.Second)
			held.release()
			c := <-out
			if c.fault != nil || c.server != held {
				t.Fatalf("%+v", c)
			}
			if held.Active() != 1 {
				t.Errorf("%d connections in use during the hand-over, want 1", held.Active())
			}
			got = append(got, c.name)
		}
		held.release()
		if want := []string{"urgent", "urgent too", "a", "b", "c", "late"}; !slices.Equal(got, want) {
			t.Errorf("served %v, want %v", got, want)
		}
		if held.Active() != 0 || b.group.queue.Waiting() != 0 {
			t.Errorf("at the end %d in use, %d wait", held.Active(), b.group.queue.Waiting())
		}
		if n := b.Counters().Value(BackendQueued); n != 6 {
			t.Errorf("%d counted as queued", n)
		}
		if us := b.Counters().Value(BackendQueueTime); us != 21_000_000 {
			t.Errorf("queue time %d µs, want 1+2+…+6 s", us)
		}
	})
}

func TestQueueBounds(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, limited(2, 1, 5*time.Second))
		slot(t, b, pick("GET", "/"))
		slot(t, b, pick("GET", "/"))
		out := make(chan claimed, 3)
		claim(t.Context(), b, "waits", pick("GET", "/"), out)
		claim(t.Context(), b, "full", pick("GET", "/"), out)
		c := <-out
		if c.name != "full" || c.fault == nil || c.fault.Cause != "queue-full" || c.fault.Status != 503 || c.fault.RetryAfter != 5*time.Second {
			t.Fatalf("%+v %+v", c, c.fault)
		}
		c = <-out
		if c.fault == nil || c.fault.Cause != "queue-timeout" || c.fault.Status != 503 || c.after != 5*time.Second {
			t.Fatalf("%+v %+v", c, c.fault)
		}
		if b.group.queue.Waiting() != 0 {
			t.Error("a timed-out request stays in the queue")
		}
		if f, n := b.Counters().Value(BackendQueueFull), b.Counters().Value(BackendQueueTimeouts); f != 1 || n != 1 {
			t.Errorf("counted %d full, %d timeouts", f, n)
		}
	})
}

func TestQueueAbsent(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(1, 0, 0)
		m.Queue = nil
		b := commit(t, s, m)
		slot(t, b, pick("GET", "/"))
		out := make(chan claimed, 1)
		claim(t.Context(), b, "x", pick("GET", "/"), out)
		if c := <-out; c.fault == nil || c.fault.Cause != "queue-full" || c.after != 0 {
			t.Errorf("%+v %+v", c, c.fault)
		}
	})
}

func TestQueueClientLeaves(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, limited(1, 10, time.Minute))
		held := slot(t, b, pick("GET", "/"))
		out := make(chan claimed, 2)
		ctx, leave := context.WithCancel(t.Context())
		claim(ctx, b, "leaves", pick("GET", "/"), out)
		claim(t.Context(), b, "stays", pick("GET", "/"), out)
		leave()
		if c := <-out; c.name != "leaves" || c.fault == nil || c.fault.Cause != "client-left" || c.fault.Side != message.SideClient {
			t.Fatalf("%+v %+v", c, c.fault)
		}
		if n := b.group.queue.Waiting(); n != 1 {
			t.Errorf("%d wait after one left, want 1", n)
		}
		held.release()
		if c := <-out; c.name != "stays" || c.fault != nil {
			t.Errorf("%+v %+v", c, c.fault)
		}
	})
}

// TestQueueNoLostSlot races leaving, timing out and being served: every slot
// is found again.
func TestQueueNoLostSlot(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		b := commit(t, s, limited(3, 1000, 3*time.Millisecond))
		done := make(chan bool)
		for i := range 200 {
			go func() {
				defer func() { done <- true }()
				for j := range 20 {
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+(i+j)%5)*time.Millisecond)
					p := pick("GET", "/")
					p.query.Env, p.query.Now = p.Env, time.Now().UnixNano()
					if srv, _, f := b.claim(ctx, p); f == nil {
						time.Sleep(time.Duration((i*j)%3) * time.Millisecond)
						srv.release()
					}
					cancel()
				}
			}()
		}
		for range 200 {
			<-done
		}
		for _, srv := range b.Servers() {
			if srv.Active() != 0 {
				t.Errorf("%s has %d in use at the end", srv.Name(), srv.Active())
			}
		}
		if n := b.group.queue.Waiting(); n != 0 {
			t.Errorf("%d wait at the end", n)
		}
	})
}

// TestQueueWakesForMore: raising max_connections, a returning server or a new
// one serves those who wait.
func TestQueueWakesForMore(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(t *testing.T, s *Set)
	}{
		{"max raised", func(t *testing.T, s *Set) {
			m := limited(2, 10, time.Minute)
			m.Servers[0].MaxConnections = 2
			m.Servers[1].State = "maintenance"
			commit(t, s, m)
		}},
		{"server back", func(t *testing.T, s *Set) {
			if err := s.SetState("app", "s1", "up"); err != nil {
				t.Fatal(err)
			}
		}},
		{"server added", func(t *testing.T, s *Set) { commit(t, s, limited(3, 10, time.Minute)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *Set, _ *outage) {
				b := commit(t, s, limited(2, 10, time.Minute))
				if err := s.SetState("app", "s1", "maintenance"); err != nil {
					t.Fatal(err)
				}
				slot(t, b, pick("GET", "/"))
				out := make(chan claimed, 1)
				claim(t.Context(), b, "x", pick("GET", "/"), out)
				c.change(t, s)
				synctest.Wait()
				select {
				case got := <-out:
					if got.fault != nil {
						t.Errorf("%+v", got.fault)
					}
				default:
					// A request of the old view does not know a new server.
					if c.name != "server added" {
						t.Error("still waits")
					}
				}
			})
		})
	}
}

// TestPinnedWaits: a pinned request waits for its own server, is served in turn,
// and does not hold up others.
func TestPinnedWaits(t *testing.T) {
	bubble(t, func(t *testing.T, s *Set, _ *outage) {
		m := limited(2, 10, time.Minute)
		m.Persist = &model.Persist{Kind: "header", Name: "X-User"}
		b := commit(t, s, m)
		user := func(name string) *Pick {
			p := pick("GET", "/")
			p.Env.Req.Add("X-User", name)
			return p
		}
		s0 := slot(t, b, user("ann"))
		s1 := slot(t, b, user("bob"))
		if s0 == s1 {
			t.Fatal("two users on one server of one connection")
		}
		out := make(chan claimed, 3)
		claim(t.Context(), b, "ann again", user("ann"), out)
		claim(t.Context(), b, "anybody", pick("GET", "/"), out)
		s1.release()
		if c := <-out; c.name != "anybody" || c.server != s1 {
			t.Errorf("%+v", c)
		}
		s0.release()
		if c := <-out; c.name != "ann again" || c.server != s0 {
			t.Errorf("%+v", c)
		}
	})
}

func TestOnDown(t *testing.T) {
	for _, c := range []struct {
		onDown, want string
		cause        string
		after        time.Duration
	}{
		{"rebalance", "other", "", 0},
		{"", "other", "", 0},
		{"fail", "", "pinned-server-down", 0},
		{"wait", "own", "", 2 * time.Second},
		{"wait", "", "pinned-server-down", 5 * time.Second},
	} {
		t.Run(c.onDown+c.want, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *Set, _ *outage) {
				m := limited(2, 10, 5*time.Second)
				m.Persist = &model.Persist{Kind: "source", OnDown: c.onDown}
				b := commit(t, s, m)
				own := slot(t, b, pick("GET", "/"))
				own.release()
				order := func(state string) {
					if err := s.SetState("app", own.name, state); err != nil {
						t.Error(err)
					}
				}
				order("maintenance")
				if c.want == "own" {
					time.AfterFunc(2*time.Second, func() { order("up") })
				}
				out := make(chan claimed, 1)
				claim(t.Context(), b, "x", pick("GET", "/"), out)
				got := <-out
				cause, where := "", ""
				switch {
				case got.fault != nil:
					cause = got.fault.Cause
				case got.server == own:
					where = "own"
				default:
					where = "other"
				}
				if cause != c.cause || where != c.want || got.after != c.after {
					t.Errorf("%q at %q after %v, want %q at %q after %v", cause, where, got.after, c.cause, c.want, c.after)
				}
			})
		})
	}
}
