package upstream

import (
	"context"
	"testing"
	"time"

	"fishplate/internal/model"
)

// idleHit makes the whole path of a request that finds an idle connection, but
// for the speaking on it.
func idleHit(b *Backend, p *Pick) {
	p.Reset(p.Env, p.Shard)
	l, f := b.Acquire(context.Background(), p)
	if f != nil || !l.Reused {
		panic("no idle connection")
	}
	l.Report(Outcome{Status: 200}, time.Millisecond)
	l.Release(true)
}

func idleBackend(t testing.TB, persist *model.Persist) (*Backend, *Pick) {
	a, z := newOrigin(t), newOrigin(t)
	m := backendOf(a.address(), z.address())
	m.Persist = persist
	m.Servers[0].MaxConnections = 100
	m.Eject = &model.Eject{Errors: 5, Window: time.Second, For: time.Second, Max: 0.5}
	m.Retry.Budget = 0.2
	b := commit(t, newSet(t, Options{}), m)
	p := pick("GET", "/")
	for range 4 {
		use(t, b, p)
		p.Reset(p.Env, p.Shard)
	}
	return b, p
}

func TestIdleHitAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("needs pools that keep what they are given; the race detector's do not")
	}
	for name, persist := range map[string]*model.Persist{"none": nil, "source": {Kind: "source"}} {
		b, p := idleBackend(t, persist)
		if n := testing.AllocsPerRun(500, func() { idleHit(b, p) }); n != 0 {
			t.Errorf("persistence %s: %v allocations per request", name, n)
		}
	}
}

func BenchmarkIdleHit(b *testing.B) {
	backend, p := idleBackend(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		idleHit(backend, p)
	}
}

// BenchmarkReadable is the floor of BenchmarkIdleHit: the one system call in it.
func BenchmarkReadable(b *testing.B) {
	backend, p := idleBackend(b, nil)
	l, f := backend.Acquire(context.Background(), p)
	if f != nil {
		b.Fatal(f)
	}
	for b.Loop() {
		if l.Conn.stale() {
			b.Fatal("stale")
		}
	}
	l.Release(true)
}

func BenchmarkIdleHitParallel(b *testing.B) {
	backend, first := idleBackend(b, nil)
	for range 64 {
		l, f := backend.Acquire(context.Background(), first)
		if f != nil {
			b.Fatal(f)
		}
		defer l.Release(true)
	}
	b.RunParallel(func(pb *testing.PB) {
		p := pick("GET", "/")
		for pb.Next() {
			p.Reset(p.Env, p.Shard)
			l, f := backend.Acquire(context.Background(), p)
			if f != nil {
				b.Error(f)
				return
			}
			l.Release(true)
		}
	})
}
