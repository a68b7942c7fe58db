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
		*q = Queue{Len: -1, Cap: -1, Drops: -1}
		// A closed socket has no queue, and stays unknown.
		_ = s.raw.Control(func(fd uintptr) {
			if s.unix {
				return
			}
			if n, most, ok := queue.Len(fd); ok {
				q.Len, q.Cap = n, most
				l.counters.Found(int64(n), int64(most))
			}
		})
		q.Drops = l.drops(s)
	}
	return list
}

// drops notes what the kernel has dropped at a socket, and returns it; -1 is not told.
func (l *Listener) drops(s *shard) (n int64) {
	n = -1
	if !s.unix {
		_ = s.raw.Control(func(fd uintptr) { n = queue.Drops(fd) }) // a closed socket was asked before
		l.counters.Lost(&s.drops, n)
	}
	return n
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
		if n, most, ok := queue.Len(lfd); ok {
			l.counters.Found(int64(n)+1, int64(most))
		}
	})
	here, ok := queue.Here(uintptr(fd))
	if !ok {
		return
	}
	l.counters.Looks.Add(1)
	if here {
		l.counters.Hits.Add(1)
	}
}
