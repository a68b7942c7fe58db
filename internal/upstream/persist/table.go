package persist

import (
	"container/list"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeebo/xxh3"
)

// Table maps keys to servers (V). It holds at most size entries, forgets the
// least recently used first, and every entry age after its last use.
type Table[V any] struct {
	size, age atomic.Int64 // entries; nanoseconds, 0 = for ever
	evicted   atomic.Int64
	shards    [tableShards]tableShard[V]
}

const tableShards = 16

type tableShard[V any] struct {
	mu      sync.Mutex // a leaf
	entries map[string]*list.Element
	used    list.List // of *tableEntry[V], most recent first
	closed  bool
	count   func(V, int64)
}

type tableEntry[V any] struct {
	key   string
	value V
	used  int64 // Unix nanoseconds
}

// Entry is one row of List.
type Entry[V any] struct {
	Key   string
	Value V
	Used  time.Time
}

// NewTable returns an empty table. A size below one means 100,000 entries. count
// is told of every entry that comes to a value (1) or goes from it (-1); it must
// not use the table.
func NewTable[V any](size int, age time.Duration, count func(V, int64)) *Table[V] {
	t := &Table[V]{}
	for i := range t.shards {
		t.shards[i].entries, t.shards[i].count = map[string]*list.Element{}, count
	}
	t.Limit(size, age)
	return t
}

// Limit changes the bounds; entries beyond them go as they are met.
func (t *Table[V]) Limit(size int, age time.Duration) {
	if size < 1 {
		size = 100000
	}
	t.size.Store(int64(size))
	t.age.Store(int64(age))
}

func (t *Table[V]) shard(key []byte) *tableShard[V] {
	return &t.shards[xxh3.Hash(key)%tableShards]
}

func (t *Table[V]) expired(e *tableEntry[V], now int64) bool {
	age := t.age.Load()
	return age > 0 && now-e.used >= age
}

// Find returns the value of a key; when it is used, then at now (Unix nanoseconds).
func (t *Table[V]) Find(key []byte, now int64, use bool) (v V, ok bool) {
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	el := s.entries[string(key)]
	if el == nil {
		return v, false
	}
	e := el.Value.(*tableEntry[V])
	if t.expired(e, now) {
		s.remove(el)
		return v, false
	}
	if use {
		e.used = now
		s.used.MoveToFront(el)
	}
	return e.value, true
}

// Put sets the value of a key. A closed table stays empty.
func (t *Table[V]) Put(key []byte, v V, now int64) {
	s := t.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if el := s.entries[string(key)]; el != nil {
		e := el.Value.(*tableEntry[V])
		s.count(e.value, -1)
		s.count(v, 1)
		e.value, e.used = v, now
		s.used.MoveToFront(el)
		return
	}
	if s.closed {
		return
	}
	s.count(v, 1)
	text := string(key)
	s.entries[text] = s.used.PushFront(&tableEntry[V]{text, v, now})
	for room := max(1, int(t.size.Load())/tableShards); len(s.entries) > room; {
		s.remove(s.used.Back())
		t.evicted.Add(1)
	}
}

func (s *tableShard[V]) remove(el *list.Element) {
	e := s.used.Remove(el).(*tableEntry[V])
	s.count(e.value, -1)
	delete(s.entries, e.key)
}

// Sweep forgets what has expired. An heir that is not nil says which value each
// entry has from now on, or false for none.
func (t *Table[V]) Sweep(now int64, heir func(V) (V, bool)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for el := s.used.Back(); el != nil; {
			e, before := el.Value.(*tableEntry[V]), el.Prev()
			v, stays := e.value, !t.expired(e, now)
			switch {
			case heir == nil && stays:
				before = nil // those in front were used later
			case stays:
				v, stays = heir(v)
			}
			if stays {
				s.count(e.value, -1)
				s.count(v, 1)
				e.value = v
			} else {
				s.remove(el)
			}
			el = before
		}
		s.mu.Unlock()
	}
}

// Len returns the number of entries.
func (t *Table[V]) Len() (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.entries)
		s.mu.Unlock()
	}
	return n
}

// Evicted returns how many entries were forgotten for want of room.
func (t *Table[V]) Evicted() int64 { return t.evicted.Load() }

// Clear forgets everything and returns how much that was.
func (t *Table[V]) Clear() (n int) { return t.clear(false) }

// Close forgets everything for good: who still has the table finds and stores
// nothing.
func (t *Table[V]) Close() { t.clear(true) }

func (t *Table[V]) clear(last bool) (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.entries)
		for el := s.used.Back(); el != nil; el = s.used.Back() {
			s.remove(el)
		}
		s.closed = s.closed || last
		s.mu.Unlock()
	}
	return n
}

// Each calls fn for every entry, those of a shard in the order of their last use.
// No lock is held meanwhile.
func (t *Table[V]) Each(fn func(key string, v V, used int64)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		list := make([]tableEntry[V], 0, len(s.entries))
		for el := s.used.Back(); el != nil; el = el.Prev() {
			list = append(list, *el.Value.(*tableEntry[V]))
		}
		s.mu.Unlock()
		for _, e := range list {
			fn(e.key, e.value, e.used)
		}
	}
}

// List returns up to limit entries, the most recently used first.
func (t *Table[V]) List(limit int) []Entry[V] {
	var all []Entry[V]
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		for el, n := s.used.Front(), 0; el != nil && n < limit; el, n = el.Next(), n+1 {
			e := el.Value.(*tableEntry[V])
			all = append(all, Entry[V]{e.key, e.value, time.Unix(0, e.used)})
		}
		s.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b Entry[V]) int { return b.Used.Compare(a.Used) })
	return all[:min(limit, len(all))]
}
