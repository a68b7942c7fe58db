package kv

import (
	"container/heap"
	"errors"
	"hash/maphash"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of one entry, in bytes.
const (
	MaxKey   = 1 << 10
	MaxValue = 1 << 20

	// Overhead is what an entry counts beside its key and its value: roughly what
	// the host needs to keep it.
	Overhead = 128
)

// Why a Store refuses.
var (
	ErrInvalid  = errors.New("not well-formed") // a key or value out of bounds; a value that is no number
	ErrLimit    = errors.New("storage limit reached")
	ErrConflict = errors.New("the version is another") // somebody else was first
)

const (
	shardCount = 16
	dueAtOnce  = 8 // expired entries that one write clears away
)

// Store is a tenant's storage. It is safe for concurrent use.
type Store struct {
	limit   atomic.Int64
	used    atomic.Int64
	keys    atomic.Int64
	version atomic.Int64 // of the entry that was written last
	timed   atomic.Int64 // entries with an end
	counts  [4]atomic.Int64
	shards  atomic.Pointer[[shardCount]shard]
	seed    atomic.Pointer[maphash.Seed]
	making  sync.Mutex
	nearest atomic.Int64 // no entry ends before, in Unix nanoseconds
	sweeper *Sweeper     // nil: nobody sweeps but writers
}

type shard struct {
	mu      sync.Mutex
	entries map[string]*entry
	ends    ends
}

type entry struct {
	key     string
	value   []byte
	version int64
	end     int64 // Unix nanoseconds; 0 is none
	place   int   // in ends, -1 when there is no end
}

// Stat is the state of a Store. Used counts keys, values and Overhead of every
// entry, expired ones that are not cleared away yet included.
type Stat struct {
	Used    int64 `json:"used"`
	Limit   int64 `json:"limit"`
	Keys    int64 `json:"keys"`
	Reads   int64 `json:"reads"`
	Writes  int64 `json:"writes"`
	Refused int64 `json:"refused"` // for want of room
	Expired int64 `json:"expired"`
}

const (
	countReads = iota
	countWrites
	countRefused
	countExpired
)

// New returns an empty Store with room for limit bytes.
func New(limit int64) *Store {
	s := new(Store)
	s.SetLimit(limit)
	return s
}

// SetLimit changes the room. What is there stays, also when it is more.
func (s *Store) SetLimit(limit int64) { s.limit.Store(limit) }

// Stat reports the state now.
func (s *Store) Stat() Stat {
	return Stat{
		Used: s.used.Load(), Limit: s.limit.Load(), Keys: s.keys.Load(), Reads: s.counts[countReads].Load(),
		Writes: s.counts[countWrites].Load(), Refused: s.counts[countRefused].Load(), Expired: s.counts[countExpired].Load(),
	}
}

// Timed returns how many entries have an end, which Sweep may clear away.
func (s *Store) Timed() int64 { return s.timed.Load() }

// shard returns the one of key; nil when there is none yet and make is false.
func (s *Store) shard(key []byte, make bool) *shard {
	all := s.shards.Load()
	if all == nil {
		if !make {
			return nil
		}
		all = s.build()
	}
	return &all[maphash.Bytes(*s.seed.Load(), key)%shardCount]
}

func (s *Store) build() *[shardCount]shard {
	s.making.Lock()
	defer s.making.Unlock()
	if all := s.shards.Load(); all != nil {
		return all
	}
	seed := maphash.MakeSeed()
	s.seed.Store(&seed)
	all := new([shardCount]shard)
	s.shards.Store(all)
	return all
}

// live returns the entry of key if it has not ended. The shard is locked.
func (h *shard) live(key []byte, now time.Time) *entry {
	e := h.entries[string(key)]
	if e == nil || e.over(now) {
		return nil
	}
	return e
}

func (e *entry) over(now time.Time) bool { return e.end != 0 && e.end <= now.UnixNano() }

// Get appends the value of key to dst and returns its version, which is at
// least 1, or 0 when there is no such key.
func (s *Store) Get(dst, key []byte, now time.Time) ([]byte, int64) {
	s.counts[countReads].Add(1)
	h := s.shard(key, false)
	if h == nil {
		return dst, 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.live(key, now)
	if e == nil {
		return dst, 0
	}
	return append(dst, e.value...), e.version
}

// Version returns the version of key, 0 when there is no such key.
func (s *Store) Version(key []byte, now time.Time) int64 {
	h := s.shard(key, false)
	if h == nil {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if e := h.live(key, now); e != nil {
		return e.version
	}
	return 0
}

// Set writes value under key and returns the new version. ttl 0 is no end.
func (s *Store) Set(key, value []byte, ttl time.Duration, now time.Time) (int64, error) {
	return s.write(key, ttl, false, now, func(*entry) ([]byte, error) { return value, nil })
}

// CompareAndSet is Set if the version of key is the given one; 0 says that there
// must be no such key. Otherwise the error is ErrConflict.
func (s *Store) CompareAndSet(key, value []byte, version int64, ttl time.Duration, now time.Time) (int64, error) {
	return s.write(key, ttl, false, now, func(e *entry) ([]byte, error) {
		if e == nil && version != 0 || e != nil && e.version != version {
			return nil, ErrConflict
		}
		return value, nil
	})
}

// Add adds delta to the decimal number under key, 0 when there is none, and
// returns the sum. ttl counts from the write that makes the entry; later ones
// leave its end as it is.
func (s *Store) Add(key []byte, delta int64, ttl time.Duration, now time.Time) (int64, error) {
	var sum int64
	_, err := s.write(key, ttl, true, now, func(e *entry) (value []byte, err error) {
		if e != nil {
			value = e.value
		}
		sum, err = plus(value, delta)
		return strconv.AppendInt(nil, sum, 10), err
	})
	return sum, err
}

// WouldAdd returns what Add would, and changes nothing.
func (s *Store) WouldAdd(key []byte, delta int64, _ time.Duration, now time.Time) (int64, error) {
	if !ValidKey(key) {
		return 0, ErrInvalid
	}
	value, _ := s.Get(nil, key, now)
	return plus(value, delta)
}

// plus adds to a decimal number; nothing is 0.
func plus(value []byte, delta int64) (int64, error) {
	var was int64
	if len(value) > 0 {
		n, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return 0, ErrInvalid
		}
		was = n
	}
	sum := was + delta
	if delta != 0 && (sum > was) != (delta > 0) {
		return 0, ErrInvalid
	}
	return sum, nil
}

// write makes the entry of key what make says, given the present one. With keep
// an entry that is there keeps its end.
func (s *Store) write(key []byte, ttl time.Duration, keep bool, now time.Time, make func(*entry) ([]byte, error)) (int64, error) {
	if !ValidKey(key) {
		return 0, ErrInvalid
	}
	for tried := false; ; tried = true {
		version, err := s.try(key, ttl, keep, now, make)
		if err != ErrLimit || tried || s.Sweep(now) == 0 {
			if err == ErrLimit {
				s.counts[countRefused].Add(1)
			}
			return version, err
		}
	}
}

func (s *Store) try(key []byte, ttl time.Duration, keep bool, now time.Time, make func(*entry) ([]byte, error)) (int64, error) {
	h := s.shard(key, true)
	h.mu.Lock()
	defer h.mu.Unlock()
	s.clear(h, now, dueAtOnce)
	e := h.entries[string(key)]
	if e != nil && e.over(now) {
		s.remove(h, e)
		s.counts[countExpired].Add(1)
		e = nil
	}
	value, err := make(e)
	if err != nil {
		return 0, err
	}
	if len(value) > MaxValue {
		return 0, ErrInvalid
	}
	more := int64(len(value))
	if e == nil {
		more += int64(len(key)) + Overhead
	} else {
		more -= int64(len(e.value))
	}
	if !s.reserve(more) {
		return 0, ErrLimit
	}
	if e == nil {
		e = &entry{key: string(key), place: -1}
		if h.entries == nil {
			h.entries = map[string]*entry{}
		}
		h.entries[e.key] = e
		s.keys.Add(1)
		keep = false
	}
	e.value = append(e.value[:0:0], value...)
	e.version = s.version.Add(1)
	s.counts[countWrites].Add(1)
	if !keep {
		s.setEnd(h, e, ttl, now)
	}
	return e.version, nil
}

// reserve takes room for more bytes, or gives some back.
func (s *Store) reserve(more int64) bool {
	for {
		used := s.used.Load()
		if more > 0 && used+more > s.limit.Load() {
			return false
		}
		if s.used.CompareAndSwap(used, used+more) {
			return true
		}
	}
}

func (s *Store) setEnd(h *shard, e *entry, ttl time.Duration, now time.Time) {
	if e.place >= 0 {
		heap.Remove(&h.ends, e.place)
		s.timed.Add(-1)
	}
	e.end = 0
	if ttl > 0 {
		e.end = now.UnixNano() + min(int64(ttl), math.MaxInt64-now.UnixNano())
		heap.Push(&h.ends, e)
		s.expect(e.end)
		if s.timed.Add(1) == 1 && s.sweeper != nil {
			s.sweeper.add(s)
		}
	}
}

// remove takes an entry out of a locked shard.
func (s *Store) remove(h *shard, e *entry) {
	if e.place >= 0 {
		heap.Remove(&h.ends, e.place)
		s.timed.Add(-1)
	}
	delete(h.entries, e.key)
	s.keys.Add(-1)
	s.used.Add(-int64(len(e.key)) - int64(len(e.value)) - Overhead)
}

// Delete removes key and says whether it was there.
func (s *Store) Delete(key []byte, now time.Time) bool {
	h := s.shard(key, false)
	if h == nil {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	e := h.entries[string(key)]
	if e == nil {
		return false
	}
	was := !e.over(now)
	s.remove(h, e)
	s.counts[countWrites].Add(1)
	return was
}

// Sweep clears away what has ended and returns how many entries that were.
func (s *Store) Sweep(now time.Time) int {
	all := s.shards.Load()
	n := 0
	s.nearest.Store(math.MaxInt64)
	for i := 0; all != nil && i < shardCount; i++ {
		h := &all[i]
		h.mu.Lock()
		n += s.clear(h, now, math.MaxInt)
		if len(h.ends) > 0 {
			s.expect(h.ends[0].end)
		}
		h.mu.Unlock()
	}
	return n
}

// expect notes that an entry ends then. Its shard is locked, so that a sweep
// meets either the note or the entry.
func (s *Store) expect(end int64) {
	for {
		was := s.nearest.Load()
		if was <= end && was != 0 || s.nearest.CompareAndSwap(was, end) {
			return
		}
	}
}

// clear removes at most n entries of a locked shard that have ended.
func (s *Store) clear(h *shard, now time.Time, n int) (removed int) {
	for len(h.ends) > 0 && removed < n && h.ends[0].over(now) {
		s.remove(h, h.ends[0])
		removed++
	}
	s.counts[countExpired].Add(int64(removed))
	return removed
}

// ValidKey says whether a key is one: 1 to MaxKey bytes without controls, since
// keys are listed one a line.
func ValidKey(key []byte) bool {
	for _, c := range key {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return len(key) > 0 && len(key) <= MaxKey
}

// ends are the entries of a shard that have an end, the nearest first.
type ends []*entry

func (q ends) Len() int           { return len(q) }
func (q ends) Less(i, j int) bool { return q[i].end < q[j].end }
func (q ends) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}
func (q *ends) Push(x any) {
	e := x.(*entry)
	e.place = len(*q)
	*q = append(*q, e)
}
func (q *ends) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	e.place = -1
	return e
}
