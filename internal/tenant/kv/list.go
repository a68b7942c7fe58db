package kv

import (
	"iter"
	"slices"
	"strings"
	"time"
)

// listPart is for how many keys a Listing works at a time, 0.1 ms or less, and
// listRun how many are sorted together, which takes as long.
const (
	listPart = 1 << 8
	listRun  = 1 << 9
)

// Listing finds the keys that begin with a prefix, sorted, a part of the work at
// a time: a storage may have millions. Entries may come and go meanwhile.
type Listing struct {
	next  func() (int, bool)
	stop  func()
	runs  [][]string // keys that were found, each run sorted
	found []string   // those of the run that grows, up to its capacity
}

// List begins a Listing, which is to be stopped.
func (s *Store) List(prefix string, now time.Time) *Listing {
	l := new(Listing)
	l.next, l.stop = iter.Pull(func(yield func(int) bool) {
		all := s.shards.Load()
		for i := 0; all != nil && i < shardCount; i++ {
			if !l.scan(&all[i], prefix, now, yield) {
				return
			}
		}
	})
	return l
}

// scan looks at the entries of a shard, which is unlocked whenever the Listing
// rests: an iteration over a map bears that it changes.
func (l *Listing) scan(h *shard, prefix string, now time.Time, yield func(int) bool) bool {
	h.mu.Lock()
	n := 0
	for key, e := range h.entries {
		if strings.HasPrefix(key, prefix) && !e.over(now) {
			if cap(l.found) == 0 { // once for a run: what grows in steps leaves as much again to the collector
				l.found = make([]string, 0, listRun+listPart)
			}
			l.found = append(l.found, key)
		}
		if n++; n == listPart {
			h.mu.Unlock()
			if !yield(n) {
				return false
			}
			n = 0
			h.mu.Lock()
		}
	}
	h.mu.Unlock()
	return yield(n)
}

// Next does a part of the work: it looks at some keys, or appends some of those
// that were found to dst, with a line feed after each, once all were looked at.
// It returns how many it did that with; more is false when all is done.
func (l *Listing) Next(dst []byte) (b []byte, looked, listed int, more bool) {
	if l.next != nil {
		n, ok := l.next()
		if len(l.found) >= listRun || !ok && len(l.found) > 0 {
			slices.Sort(l.found)
			l.runs, l.found = append(l.runs, l.found), nil
		}
		if !ok {
			l.next = nil
			for i := len(l.runs) / 2; i >= 0; i-- {
				l.sink(i)
			}
		}
		return dst, n, 0, true
	}
	for ; listed < listPart && len(l.runs) > 0; listed++ {
		dst = append(append(dst, l.runs[0][0]...), '\n')
		l.took()
	}
	return dst, 0, listed, len(l.runs) > 0
}

// took takes away the first key of the first run, the least of all: runs are a
// heap by their first keys.
func (l *Listing) took() {
	r := l.runs
	if r[0] = r[0][1:]; len(r[0]) == 0 {
		r[0] = r[len(r)-1]
		l.runs = r[:len(r)-1]
	}
	l.sink(0)
}

func (l *Listing) sink(i int) {
	for r := l.runs; ; {
		least := i
		for k := 2*i + 1; k <= 2*i+2 && k < len(r); k++ {
			if r[k][0] < r[least][0] {
				least = k
			}
		}
		if least == i {
			return
		}
		r[i], r[least] = r[least], r[i]
		i = least
	}
}

// Stop ends a Listing, at any time.
func (l *Listing) Stop() { l.stop() }
