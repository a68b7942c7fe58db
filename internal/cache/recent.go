package cache

import (
	"sync"
	"sync/atomic"

	"fishplate/internal/cache/bans"
	"fishplate/internal/cache/store"
)

// recent remembers the last purges, for objects that were on their way while
// they happened: an object that was asked for before a purge and comes after it
// holds what the purge was meant to remove.
type recent struct {
	seq atomic.Uint64 // purges so far
	mu  sync.Mutex
	log [recentPurges]func(*store.Object) bool
}

// recentPurges is how many are remembered. An object that more than so many
// purges came by is not stored.
const recentPurges = 4096

func (r *recent) sequence() uint64 { return r.seq.Load() }

// note remembers a purge. It is called before the store is searched.
func (r *recent) note(strikes func(*store.Object) bool) {
	r.mu.Lock()
	r.log[r.seq.Load()%recentPurges] = strikes
	r.seq.Add(1)
	r.mu.Unlock()
}

// outdated reports whether a purge or a ban came after the flight of an object
// began: who asks later must not get it.
func (s *Store) outdated(since uint64, o *store.Object) bool {
	if s.recent.struck(since, o) {
		return true
	}
	if s.bans.Passed(o.Ban()) {
		return false
	}
	verdict, _ := s.bans.Test(s.view(o))
	return verdict != bans.Keep
}

// struck reports whether a purge since then means the object.
func (r *recent) struck(since uint64, o *store.Object) bool {
	now := r.seq.Load()
	if now == since {
		return false
	}
	if now-since > recentPurges {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now = r.seq.Load()
	if now-since > recentPurges {
		return true
	}
	for ; since < now; since++ {
		if r.log[since%recentPurges](o) {
			return true
		}
	}
	return false
}
