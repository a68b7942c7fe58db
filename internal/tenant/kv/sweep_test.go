package kv

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestSweeper clears away without a writer, looks only after Stores that have
// something to end, and meets what is written while it sweeps.
func TestSweeper(t *testing.T) {
	var w Sweeper
	defer w.Close()
	stores := make([]*Store, 100)
	for i := range stores {
		stores[i] = New(1 << 20)
		stores[i].SweptBy(&w)
		if i%10 != 0 {
			_, _ = stores[i].Set([]byte("for ever"), nil, 0, epoch)
			continue
		}
		for n := range 40 {
			_, _ = stores[i].Set(fmt.Appendf(nil, "%d", n), nil, time.Duration(1+n%2)*time.Hour, epoch)
		}
	}
	if len(w.stores) != 10 {
		t.Errorf("%d are looked after", len(w.stores))
	}
	w.tick(epoch.Add(time.Minute))
	for _, c := range []struct {
		after  time.Duration
		keys   int64
		stores int
	}{{30 * time.Minute, 40, 10}, {time.Hour, 20, 10}, {2 * time.Hour, 0, 0}} {
		w.tick(epoch.Add(c.after))
		if got := stores[10].Stat(); got.Keys != c.keys || got.Used != c.keys*Overhead+sizeOf(stores[10]) || len(w.stores) != c.stores {
			t.Errorf("after %v: %+v, %d stores", c.after, got, len(w.stores))
		}
	}
	if got := stores[11].Stat(); got.Keys != 1 || got.Expired != 0 {
		t.Errorf("%+v", got)
	}
	var g sync.WaitGroup
	s := stores[0]
	for i := range 4 {
		g.Go(func() {
			for n := range 500 {
				_, _ = s.Set(fmt.Appendf(nil, "%d %d", i, n), nil, time.Duration(1+n%50)*time.Second, epoch)
			}
		})
	}
	g.Go(func() {
		for n := range 50 {
			w.tick(epoch.Add(time.Duration(n) * time.Second))
		}
	})
	g.Wait()
	w.tick(epoch.Add(time.Hour))
	if got := s.Stat(); got.Keys != 0 || got.Used != 0 || len(w.stores) != 0 {
		t.Errorf("%+v, %d stores", got, len(w.stores))
	}
	_, _ = s.Set([]byte("a"), nil, time.Second, epoch)
	w.Forget(s)
	w.Close()
	_, _ = s.Set([]byte("b"), nil, time.Second, epoch)
	if len(w.stores) != 0 {
		t.Error("it looks after one that it was told to forget")
	}
}

// sizeOf is what the keys of a Store count.
func sizeOf(s *Store) (n int64) {
	for _, k := range listed(s, "", epoch) {
		n += int64(len(k))
	}
	return n
}
