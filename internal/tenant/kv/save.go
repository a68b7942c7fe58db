package kv

import (
	"math"
	"time"

	"fishplate/internal/records"
)

// An Entry is a key with its value, as it is handed to another process.
type Entry struct {
	Key     []byte
	Value   []byte
	Version int64
	End     int64 // Unix nanoseconds; 0 is none
}

// Append appends the entry to a record.
func (e *Entry) Append(dst []byte) []byte {
	dst = records.AppendText(records.AppendText(dst, e.Key), e.Value)
	return records.AppendInt(records.AppendInt(dst, e.Version), e.End)
}

// EntryOf reads an entry, of which it keeps copies, and reports whether it may
// have been in a Store.
func EntryOf(f *records.Fields) (e Entry, ok bool) {
	e.Key, e.Value = append([]byte(nil), f.Bytes()...), append([]byte(nil), f.Bytes()...)
	e.Version, e.End = f.Int(), f.Int()
	return e, f.End() == nil && ValidKey(e.Key) && len(e.Value) <= MaxValue && e.Version > 0 && e.End >= 0
}

// Each calls fn for every entry that has not ended, until it returns false. No
// lock is held meanwhile; what is written during it may be missing.
func (s *Store) Each(now time.Time, fn func(e Entry) bool) {
	all := s.shards.Load()
	for i := 0; all != nil && i < shardCount; i++ {
		h := &all[i]
		h.mu.Lock()
		list := make([]Entry, 0, len(h.entries))
		for _, e := range h.entries {
			if !e.over(now) {
				// A value is replaced as a whole, never written to.
				list = append(list, Entry{[]byte(e.key), e.value, e.version, e.end})
			}
		}
		h.mu.Unlock()
		for _, e := range list {
			if !fn(e) {
				return
			}
		}
	}
}

// Latest returns the version that was given last.
func (s *Store) Latest() int64 { return s.version.Load() }

// Restore puts entries of another process in place of what is there, also beyond the
// limit, which bounds later writes. These get versions above latest and above all of
// them. Nobody else uses the Store meanwhile.
func (s *Store) Restore(list []Entry, latest int64, now time.Time) {
	limit := s.limit.Swap(math.MaxInt64)
	defer s.SetLimit(limit)
	for _, e := range list {
		latest = max(latest, e.Version)
		ttl := time.Duration(0)
		if e.End != 0 {
			if ttl = time.Unix(0, e.End).Sub(now); ttl <= 0 {
				continue
			}
		}
		s.restore(e, ttl, now)
	}
	s.version.Store(max(s.version.Load(), latest))
}

func (s *Store) restore(e Entry, ttl time.Duration, now time.Time) {
	if _, err := s.Set(e.Key, e.Value, ttl, now); err != nil {
		return // no entry of a Store
	}
	h := s.shard(e.Key, true)
	h.mu.Lock()
	defer h.mu.Unlock()
	if kept := h.live(e.Key, now); kept != nil {
		kept.version = e.Version
	}
}
