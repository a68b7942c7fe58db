package netio

import (
	"time"

	"fishplate/internal/netio/queue"
)

// lookEvery is the least time between two looks at a queue by who accepts.
const lookEvery = 10 * time.Millisecond

// Queues looks at the queue of each socket.
func (l *Listener) Queues() []Queue {
	list := make([]Queue, len(l.shards))
	for i, s := range l.shards {
		q := &list[i]
		*q = Queue{Len: -1, Most: -1, Cap: -1, Drops: -1}
		// A closed socket has no queue, and stays unknown.
		_ = s.raw.Control(func(fd uintptr) {
			if s.unix {
				return
			}
			if n, most, ok := queue.Len(fd); ok {
				q.Len, q.Cap = n, most
				q.Most = int(s.grow(int64(n)))
			}
			q.Drops = queue.Drops(fd)
		})
	}
	return list
}

// grow raises the greatest length that was found.
func (s *shard) grow(n int64) int64 {
	for {
		most := s.most.Load()
		if n <= most {
			return most
		}
		if s.most.CompareAndSwap(most, n) {
			return n
		}
	}
}

// look notes, now and then, how long the queue was behind an accepted connection
// and which processor its packets came in by. Whoever accepts again after a pause
// finds the queue at its longest, which somebody who looks by the clock would miss.
func (l *Listener) look(s *shard, fd int) {
	now := time.Since(l.born).Nanoseconds()
	if last := s.seen.Load(); s.unix || now-last < int64(lookEvery) || !s.seen.CompareAndSwap(last, now) {
		return
	}
	// A listener that was closed meanwhile has no queue any more.
	_ = s.raw.Control(func(lfd uintptr) {
		if n, _, ok := queue.Len(lfd); ok {
			s.grow(int64(n) + 1)
		}
	})
	here, ok := queue.Here(uintptr(fd))
	if !ok {
		return
	}
	l.counters.looks.Add(1)
	if here {
		l.counters.hits.Add(1)
	}
}
