package kv

import (
	"sync"
	"time"
)

// sweepEvery is how long an entry may stay after its end when nobody writes.
const sweepEvery = time.Second

// A Sweeper clears away the ended entries of many Stores, with one timer that
// runs while any of them has an entry with an end. A Store none of whose entries
// has ended costs it one comparison. The zero value is ready.
type Sweeper struct {
	mu     sync.Mutex
	stores map[*Store]struct{}
	timer  *time.Timer
	closed bool
}

// SweptBy makes w sweep the Store. It is called before the Store is used.
func (s *Store) SweptBy(w *Sweeper) { s.sweeper = w }

// add begins to look after a Store, which has an entry with an end now.
func (w *Sweeper) add(s *Store) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	if w.stores == nil {
		w.stores = map[*Store]struct{}{}
	}
	w.stores[s] = struct{}{}
	if w.timer == nil {
		w.timer = time.AfterFunc(sweepEvery, func() { w.tick(time.Now()) })
	} else if len(w.stores) == 1 {
		w.timer.Reset(sweepEvery)
	}
}

// tick sweeps what is due, and leaves the Stores that have nothing to end. Those
// come back by add: it is called with a shard locked, which a sweep needs, so
// that none is locked while tick holds its own lock.
func (w *Sweeper) tick(now time.Time) {
	w.mu.Lock()
	var due []*Store
	for s := range w.stores {
		if s.nearest.Load() <= now.UnixNano() {
			due = append(due, s)
		}
	}
	w.mu.Unlock()
	for _, s := range due {
		s.Sweep(now)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range w.stores {
		if s.Timed() == 0 {
			delete(w.stores, s)
		}
	}
	if len(w.stores) > 0 && !w.closed {
		w.timer.Reset(sweepEvery)
	}
}

// Forget stops looking after a Store.
func (w *Sweeper) Forget(s *Store) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.stores, s)
}

// Close ends the timer. Stores are swept by their writers alone from then on.
func (w *Sweeper) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.stores = nil
	if w.timer != nil {
		w.timer.Stop()
	}
}
